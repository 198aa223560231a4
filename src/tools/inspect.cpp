// Inspecting an open database: see inspect.hpp.
//
// Statistics are a list of named facts, printed three ways, so that people, pipes and programs always get
// the same ones.
#include "tools/inspect.hpp"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "base/try.hpp"
#include "kv/inspect.hpp"
#include "os/environment.hpp"
#include "tools/amounts.hpp"
#include "tools/row_table.hpp"

namespace quire::tools {

namespace {

void print_text(Printer& printer, const char* name, const Document& of, const std::string& text) {
  if (printer.json()) return printer.document({{name, of}, {"text", text}});
  printer.text(text);
  if (text.empty() || text.back() != '\n') printer.line("");
}

// Name, value for programs, value for people.
struct Fact {
  std::string name;
  Document value;
  std::string pretty;
};

Fact number(std::string name, std::uint64_t value) { return {std::move(name), value, group_digits(value)}; }
Fact bytes(std::string name, std::uint64_t value) {
  return {std::move(name), value, value < 1024 ? group_digits(value) : fmt::format("{} ({})", group_digits(value), byte_amount(value))};
}

std::vector<Fact> facts_of(const Statistics& s) {
  const std::uint64_t reads = s.page_hits + s.page_misses;
  const double hit_rate = reads == 0 ? 0 : static_cast<double>(s.page_hits) / static_cast<double>(reads);
  return {
      bytes("page_size", s.page_size), number("generation", s.generation), bytes("file_bytes", s.file_bytes),
      bytes("free_bytes", s.free_bytes), number("pages", s.pages), number("keyspaces", s.keyspaces),
      bytes("memory_limit", s.memory_limit), number("frames", s.frames), number("frames_used", s.frames_used),
      number("page_hits", s.page_hits), number("page_misses", s.page_misses),
      {"hit_rate", hit_rate, reads == 0 ? std::string("-") : fmt::format("{:.2f} %", hit_rate * 100)},
      number("page_evictions", s.page_evictions), number("page_writes", s.page_writes),
      bytes("bytes_written", s.bytes_written), number("syncs", s.syncs), number("commits", s.commits),
  };
}

Document document_of(const TreeStatistics& t) {
  return {{"keyspace", t.keyspace}, {"rows", t.rows}, {"height", t.height}, {"inner_pages", t.inner_pages},
          {"leaf_pages", t.leaf_pages}, {"overflow_pages", t.overflow_pages}, {"key_bytes", t.key_bytes},
          {"value_bytes", t.value_bytes}, {"inner_fill", t.inner_fill}, {"leaf_fill", t.leaf_fill},
          {"pages_per_level", t.pages_per_level}};
}

std::string percent(double share, std::uint64_t pages) { return pages == 0 ? "-" : fmt::format("{:.1f} %", share * 100); }

void print_trees(Printer& printer, const std::vector<TreeStatistics>& trees) {
  RowTable table(printer, {"keyspace", "rows", "height", "inner", "leaf", "overflow", "inner fill", "leaf fill",
                           "key bytes", "value bytes"});
  for (const TreeStatistics& t : trees) {
    const auto cell = [](std::uint64_t value) { return Cell{group_digits(value), true}; };
    table.add({{t.keyspace, false}, cell(t.rows), cell(t.height), cell(t.inner_pages), cell(t.leaf_pages),
               cell(t.overflow_pages), {percent(t.inner_fill, t.inner_pages), true},
               {percent(t.leaf_fill, t.leaf_pages), true}, cell(t.key_bytes), cell(t.value_bytes)});
  }
  table.finish();
}

void print_trees_raw(Printer& printer, const std::vector<TreeStatistics>& trees) {
  for (const TreeStatistics& t : trees) {
    const Document document = document_of(t);
    for (const auto& [name, value] : document.items()) {
      if (name != "keyspace") printer.line(fmt::format("{}.{}\t{}", t.keyspace, name, to_line(value)));
    }
  }
}

Result<std::vector<std::string>> names_of(const Database& database, const std::optional<std::string>& keyspace) {
  if (keyspace) return std::vector<std::string>{*keyspace};
  QUIRE_ASSIGN(const std::vector<KeyspaceInfo> all, database.keyspaces());
  std::vector<std::string> names;
  for (const KeyspaceInfo& info : all) names.push_back(info.name);
  return names;
}

}  // namespace

Status show_verify(const Database& database, Printer& printer) {
  os::Clock& clock = os::system_environment().clock;
  const std::uint64_t start_us = clock.monotonic_us();
  QUIRE_ASSIGN(const VerifyReport report, database.verify());
  if (printer.json()) {
    printer.document({{"ok", true}, {"pages", report.pages}, {"rows", report.rows}, {"keyspaces", report.keyspaces}, {"blocks", report.blocks}});
    return {};
  }
  printer.line("ok");
  if (printer.pretty()) {
    printer.line(fmt::format("({}, {}, {}, {})", count_of(report.pages, "page"), count_of(report.rows, "row"),
                             count_of(report.keyspaces, "keyspace"), time_amount(clock.monotonic_us() - start_us)));
  }
  return {};
}

Status show_statistics(const Database& database, Printer& printer, const std::optional<std::string>& keyspace) {
  QUIRE_ASSIGN(const std::vector<std::string> names, names_of(database, keyspace));
  std::vector<TreeStatistics> trees;
  for (const std::string& name : names) {
    QUIRE_ASSIGN(TreeStatistics tree, database.tree_statistics(name));
    tree.keyspace = name;
    trees.push_back(std::move(tree));
  }
  QUIRE_ASSIGN(const Statistics statistics, database.statistics());
  const std::vector<Fact> facts = facts_of(statistics);
  if (printer.json()) {
    Document document = Document::object();
    for (const Fact& fact : facts) document[fact.name] = fact.value;
    document["trees"] = Document::array();
    for (const TreeStatistics& tree : trees) document["trees"].push_back(document_of(tree));
    printer.document(document);
  } else if (printer.pretty()) {
    for (const Fact& fact : facts) {
      std::string name = fact.name;
      for (char& c : name) c = c == '_' ? ' ' : c;
      printer.line(fmt::format("{:<16}{}", name, fact.pretty));
    }
    printer.line("");
    print_trees(printer, trees);
  } else {
    for (const Fact& fact : facts) printer.line(fact.name + "\t" + to_line(fact.value));
    print_trees_raw(printer, trees);
  }
  return {};
}

Status show_tree(const Database& database, Printer& printer, const std::string& keyspace) {
  QUIRE_ASSIGN(const std::string text, kv::draw_tree(database, keyspace));
  print_text(printer, "keyspace", keyspace, text);
  return {};
}

Status show_dump(const Database& database, Printer& printer, const std::optional<std::string>& keyspace) {
  if (!keyspace) {
    QUIRE_ASSIGN(const std::string text, kv::describe_superblocks(database));
    print_text(printer, "page", 0, text);
  }
  QUIRE_ASSIGN(const std::vector<std::string> names, names_of(database, keyspace));
  for (const std::string& name : names) {
    QUIRE_ASSIGN(const std::string text, kv::dump_tree(database, name));
    if (!printer.json()) printer.line(fmt::format("{}keyspace {}", keyspace ? "" : "\n", name));
    print_text(printer, "keyspace", name, text);
  }
  return {};
}

Status show_page(const Database& database, Printer& printer, std::uint64_t page) {
  QUIRE_ASSIGN(const std::string text, page == 0 ? kv::describe_superblocks(database) : kv::describe_page(database, page));
  print_text(printer, "page", page, text);
  return {};
}

Status show_pages(const Database& database, Printer& printer) {
  QUIRE_ASSIGN(const std::uint64_t limit, kv::page_number_limit(database));
  Document list = Document::array();
  for (std::uint64_t page = 1; page < limit; ++page) {
    const Result<std::string> text = kv::describe_page(database, page);
    if (text == Code::not_found) continue;
    if (!text.ok()) return text.status();
    const std::string first = text->substr(0, text->find('\n'));
    if (printer.json()) {
      list.push_back({{"page", page}, {"text", first}});
    } else {
      printer.line(fmt::format("{}\t{}", page, first));
    }
  }
  if (printer.json()) printer.document(list);
  return {};
}

}  // namespace quire::tools
