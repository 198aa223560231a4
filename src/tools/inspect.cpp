// Inspecting an open database: see inspect.hpp.
//
// Statistics are a list of named facts, printed three ways, so that people, pipes and programs always get
// the same ones.
#include "tools/inspect.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/try.hpp"
#include "btree/draw.hpp"
#include "kv/inspect.hpp"
#include "os/environment.hpp"
#include "tools/amounts.hpp"
#include "tools/escape.hpp"
#include "tools/page_formats.hpp"
#include "tools/row_table.hpp"
#include "tools/tree_formats.hpp"

namespace quire::tools {

namespace {

// Boxes side by side need more room than lines.
constexpr std::uint64_t drawn_nodes_max = 60;

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
      bytes("memory_limit", s.memory_limit), bytes("log_buffers", s.log_buffer_bytes), number("frames", s.frames), number("frames_used", s.frames_used),
      number("page_hits", s.page_hits), number("page_misses", s.page_misses),
      {"hit_rate", hit_rate, reads == 0 ? std::string("-") : fmt::format("{:.2f} %", hit_rate * 100)},
      number("page_evictions", s.page_evictions), number("page_reads", s.page_reads), number("page_writes", s.page_writes),
      bytes("bytes_written", s.bytes_written), number("syncs", s.syncs), number("commits", s.commits),
      number("undo_pages", s.undo_pages), number("transactions", s.transactions), number("snapshots", s.snapshots), number("locks", s.locks),
      bytes("lock_memory", s.lock_memory), number("waiting", s.waiting), number("lock_waits", s.lock_waits), number("lock_timeouts", s.lock_timeouts),
      number("lock_escalations", s.lock_escalations), number("deadlocks", s.deadlocks),
  };
}

Document document_of(const Spread& spread) { return {{"min", spread.min}, {"mean", spread.mean}, {"max", spread.max}}; }

Document document_of(const TreeStatistics& t) {
  return {{"keyspace", t.keyspace}, {"rows", t.rows}, {"height", t.height}, {"inner_pages", t.inner_pages},
          {"leaf_pages", t.leaf_pages}, {"overflow_pages", t.overflow_pages}, {"key_bytes", t.key_bytes},
          {"value_bytes", t.value_bytes}, {"inner_fill", t.inner_fill}, {"leaf_fill", t.leaf_fill},
          {"pages_per_level", t.pages_per_level}, {"leaf_fill_histogram", t.leaf_fill_histogram},
          {"key_lengths", document_of(t.key_lengths)}, {"value_lengths", document_of(t.value_lengths)},
          {"leaf_rows", document_of(t.leaf_rows)}};
}

std::string percent(double share, std::uint64_t pages) { return pages == 0 ? "-" : fmt::format("{:.1f} %", share * 100); }

// Leaves by tenths of fill, as bars.
void print_histogram(Printer& printer, const TreeStatistics& t) {
  constexpr std::uint64_t bar_columns = 40;
  printer.line(fmt::format("leaf pages of {} by fill", escape(t.keyspace)));
  const std::uint64_t most = std::max<std::uint64_t>(1, *std::max_element(t.leaf_fill_histogram.begin(), t.leaf_fill_histogram.end()));
  for (std::size_t i = 0; i < t.leaf_fill_histogram.size(); ++i) {
    const std::uint64_t count = t.leaf_fill_histogram[i];
    std::string bar;
    for (std::uint64_t column = 0; column * most < count * bar_columns; ++column) bar += "\u2588";
    const std::string line = fmt::format("{:>4} - {:>3} %  {:>9}  {}", i * 10, (i + 1) * 10, group_digits(count), bar);
    printer.line(line.substr(0, line.find_last_not_of(' ') + 1));
  }
}

std::string spread_text(const Spread& spread) {
  return fmt::format("{} / {:.1f} / {}", group_digits(spread.min), spread.mean, group_digits(spread.max));
}

void print_trees(Printer& printer, const std::vector<TreeStatistics>& trees) {
  RowTable table(printer, {"keyspace", "rows", "height", "inner", "leaf", "overflow", "inner fill", "leaf fill",
                           "key bytes", "value bytes"});
  const auto cell = [](std::uint64_t value) { return Cell{group_digits(value), true}; };
  for (const TreeStatistics& t : trees) {
    table.add({{escape(t.keyspace), false}, cell(t.rows), cell(t.height), cell(t.inner_pages), cell(t.leaf_pages),
               cell(t.overflow_pages), {percent(t.inner_fill, t.inner_pages), true},
               {percent(t.leaf_fill, t.leaf_pages), true}, cell(t.key_bytes), cell(t.value_bytes)});
  }
  table.finish();
  printer.line("");
  RowTable spreads(printer, {"keyspace", "key bytes min / mean / max", "value bytes min / mean / max", "rows a leaf min / mean / max"});
  for (const TreeStatistics& t : trees) {
    spreads.add({{escape(t.keyspace), false}, {spread_text(t.key_lengths), true}, {spread_text(t.value_lengths), true}, {spread_text(t.leaf_rows), true}});
  }
  spreads.finish();
  for (const TreeStatistics& t : trees) {
    printer.line("");
    print_histogram(printer, t);
  }
}

// Every number under a dotted name.
void print_raw(Printer& printer, const std::string& name, const Document& value) {
  if (!value.is_object()) return printer.line(name + "\t" + to_line(value));
  for (const auto& [key, inner] : value.items()) print_raw(printer, name + "." + key, inner);
}

void print_trees_raw(Printer& printer, const std::vector<TreeStatistics>& trees) {
  for (const TreeStatistics& t : trees) {
    const Document document = document_of(t);
    for (const auto& [name, value] : document.items()) {
      if (name != "keyspace") print_raw(printer, escape(t.keyspace) + "." + name, value);
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

Status show_statistics(const Database& database, Printer& printer, const StatisticsRequest& request) {
  QUIRE_ASSIGN(const std::vector<std::string> names, names_of(database, request.keyspace));
  std::vector<TreeStatistics> trees;
  for (const std::string& name : names) {
    QUIRE_ASSIGN(TreeStatistics tree, database.tree_statistics(name));
    trees.push_back(std::move(tree));
  }
  QUIRE_ASSIGN(const Statistics statistics, database.statistics());
  const std::vector<Fact> facts = facts_of(statistics);
  if (printer.json() || request.json) {
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

Status show_tree(const Database& database, Printer& printer, const TreeRequest& request) {
  PictureTarget target = request.target;
  if (printer.json() && target.format == PictureFormat::text && target.file.empty()) target.format = PictureFormat::json;
  btree::PictureOptions options;
  const bool drawn = target.format != PictureFormat::text && target.format != PictureFormat::json;
  const bool whole = target.format == PictureFormat::json;
  options.pages_max = request.nodes.value_or(whole ? UINT64_MAX : drawn ? drawn_nodes_max : options.pages_max);
  options.keys_per_node = request.keys.value_or(whole ? UINT32_MAX : options.keys_per_node);
  options.text = request.text;
  QUIRE_ASSIGN(const btree::TreePicture picture, kv::picture_tree(database, request.keyspace, options));
  const PictureForms forms{.text = [&] { return btree::draw_text(picture); },
                           .dot = [&] { return tree_dot(picture); },
                           .svg = [&] { return tree_svg(picture); },
                           .json = [&] { return tree_document(picture); }};
  return print_picture(printer, forms, target);
}

Status show_dump(const Database& database, Printer& printer, const std::string& keyspace, const btree::Text& how) {
  QUIRE_ASSIGN(const std::string text, kv::dump_tree(database, keyspace, how));
  if (!printer.json()) printer.line("keyspace " + escape(keyspace));
  print_text(printer, "keyspace", keyspace, text);
  return {};
}

Status show_superblocks(const Database& database, Printer& printer) {
  QUIRE_ASSIGN(const std::string text, kv::describe_superblocks(database));
  print_text(printer, "page", 0, text);
  return {};
}

Status show_page(const Database& database, Printer& printer, const PageRequest& request) {
  PictureTarget target = request.target;
  const bool text = target.format == PictureFormat::text;
  if (request.page == 0) {
    if (text && target.file.empty()) return show_superblocks(database, printer);
    return Status(Code::unsupported, "page 0 holds the superblocks, which have no picture");
  }
  if (printer.json() && text && target.file.empty()) target.format = PictureFormat::json;
  QUIRE_ASSIGN(const std::string description, kv::describe_page(database, request.page, request.text_of));
  QUIRE_ASSIGN(const btree::PagePicture picture, kv::picture_page(database, request.page, request.text_of));
  const PictureForms forms{.text = [&] { return description; },
                           .svg = [&] { return page_svg(picture); },
                           .json = [&] { return page_document(picture); }};
  return print_picture(printer, forms, target);
}

Status show_pages(const Database& database, Printer& printer) {
  QUIRE_ASSIGN(const std::uint64_t limit, kv::page_number_limit(database));
  Document list = Document::array();
  for (std::uint64_t page = 1; page < limit; ++page) {
    const Result<std::string> title = kv::page_title(database, page);
    if (title == Code::not_found) continue;
    if (!title.ok()) return title.status();
    if (printer.json()) {
      list.push_back({{"page", page}, {"text", *title}});
    } else {
      printer.line(fmt::format("{}\t{}", page, *title));
    }
  }
  if (printer.json()) printer.document(list);
  return {};
}

}  // namespace quire::tools
