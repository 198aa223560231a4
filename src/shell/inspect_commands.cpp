// Commands that look inside or put in order: stats, verify, checkpoint, compact, backup, tree, page, dump.
//
// The work is done in tools/inspect; here are names, words and help. What they show is the committed state.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/try.hpp"
#include "kv/inspect.hpp"
#include "shell/entry_text.hpp"
#include "shell/field.hpp"
#include "shell/session.hpp"
#include "tools/amounts.hpp"
#include "tools/escape.hpp"
#include "tools/inspect.hpp"

namespace quire::shell {

namespace {

// The keyspace named by the first word, else the current one; it must exist.
Result<KeyspaceInfo> named_keyspace(Session& session, const Arguments& arguments) {
  const std::string name = arguments.words.empty() ? session.keyspace() : arguments.words[0].text;
  KeyspaceInfo info;
  Outcome found = session.read([&](Transaction& tx) -> Outcome {
    QUIRE_ASSIGN(info, session.describe(tx, name));
    return {};
  });
  if (!found.ok()) return found.status;
  return info;
}

// Keys and values as scan shows them; a separator between two keys may be only the beginning of one.
btree::Text text_of(const Schema& schema) {
  btree::Text text;
  text.key = [schema](std::string_view key) { return bound_text(schema, key); };
  text.value = [schema](std::string_view value) {
    const Result<std::string> row = value_text(schema, value);
    return tools::escape(row.ok() ? *row : std::string(value));
  };
  return text;
}

// --format FORMAT or one of its shorthands, and --output FILE, whose ending counts when no format is given.
const std::vector<OptionSpec> target_options = {{"--format", "FORMAT"}, {"--svg", ""}, {"--png", ""}, {"--json", ""}, {"--output", "FILE", "-o"}};

Result<tools::PictureTarget> target_of(const Arguments& arguments) {
  tools::PictureTarget target;
  unsigned given = 0;
  if (const Word* file = arguments.value("--output")) {
    target.file = file->text;
    const std::string::size_type dot = target.file.rfind('.');
    if (dot != std::string::npos) target.format = tools::picture_format(target.file.substr(dot + 1)).value_or(target.format);
  }
  for (const char* name : {"dot", "svg", "png", "json"}) {
    if (!arguments.has(std::string("--") + name)) continue;
    target.format = *tools::picture_format(name);
    ++given;
  }
  if (const Word* name = arguments.value("--format")) {
    const std::optional<tools::PictureFormat> format = tools::picture_format(name->text);
    if (!format) return Status(Code::invalid, fmt::format("unknown format '{}'; there are text, dot, svg, json and png", tools::escape(name->text)));
    target.format = *format;
    ++given;
  }
  if (given > 1) return Status(Code::invalid, "give one format");
  return target;
}

Result<std::optional<std::uint64_t>> optional_number(const Arguments& arguments, const char* option, const char* what) {
  const Word* word = arguments.value(option);
  if (word == nullptr) return std::optional<std::uint64_t>();
  QUIRE_ASSIGN(const std::uint64_t number, parse_number(word->text, what));
  return std::optional<std::uint64_t>(number);
}

// Changes are made in the tree at once, so a picture has them before they are committed.
Status no_changes_open(Session& session) {
  if (session.transaction() == nullptr || session.transaction()->access() == Access::read) return {};
  session.printer().note("note: with the open transaction's changes, which are not committed yet");
  return {};
}

Outcome stats(Session& session, const Arguments& arguments) {
  std::optional<std::string> keyspace;
  if (!arguments.words.empty()) {
    QUIRE_ASSIGN(const KeyspaceInfo info, named_keyspace(session, arguments));
    keyspace = info.name;
  }
  QUIRE_TRY(no_changes_open(session));
  return tools::show_statistics(session.database(), session.printer(), {keyspace, arguments.has("--json")});
}

Outcome compact(Session& session, const Arguments&) {
  QUIRE_ASSIGN(const Statistics before, session.database().statistics());
  QUIRE_TRY(session.database().compact());
  QUIRE_ASSIGN(const Statistics after, session.database().statistics());
  // What the file has beyond that is room for the next changes; closing cuts it off.
  const std::uint64_t used = after.file_bytes - std::min(after.file_bytes, after.free_bytes);
  session.printer().done(fmt::format(": the file had {}; {} are in use, and closing cuts off the rest", tools::byte_amount(before.file_bytes), tools::byte_amount(used)));
  return {};
}

Outcome backup(Session& session, const Arguments& arguments) {
  QUIRE_TRY(session.database().backup(arguments.words[0].text));
  session.printer().done();
  return {};
}

Outcome tree(Session& session, const Arguments& arguments) {
  tools::TreeRequest request;
  QUIRE_ASSIGN_USAGE(request.target, target_of(arguments));
  QUIRE_ASSIGN_USAGE(request.nodes, optional_number(arguments, "--nodes", "a number of nodes"));
  QUIRE_ASSIGN_USAGE(const std::optional<std::uint64_t> keys, optional_number(arguments, "--keys", "a number of keys"));
  if (keys) request.keys = static_cast<std::uint32_t>(std::min<std::uint64_t>(*keys, UINT32_MAX));
  QUIRE_ASSIGN(const KeyspaceInfo info, named_keyspace(session, arguments));
  request.keyspace = info.name;
  request.text = text_of(info.schema);
  QUIRE_TRY(no_changes_open(session));
  return tools::show_tree(session.database(), session.printer(), request);
}

// Everything as one document; entries are printed while they come.
Outcome dump_json(Session& session, const std::vector<KeyspaceInfo>& keyspaces) {
  Printer& printer = session.printer();
  printer.text("{\"keyspaces\":[");
  const Outcome shown = session.read([&](Transaction& tx) -> Outcome {
    for (const KeyspaceInfo& info : keyspaces) {
      const tools::Document head = {{"keyspace", info.name}, {"key_columns", info.schema.key_columns}, {"value_columns", info.schema.value_columns}};
      const std::string begun = tools::to_line(head);
      printer.text((&info == keyspaces.data() ? "" : ",") + begun.substr(0, begun.size() - 1) + ",\"entries\":[");
      const char* comma = "";
      Scan entries = tx.scan(info.name);
      for (const Entry& entry : entries) {
        QUIRE_TRY(session.check_interrupt());
        QUIRE_ASSIGN(const tools::Document document, entry_document(info.schema, entry));
        printer.text(comma + tools::to_line(document));
        comma = ",";
      }
      QUIRE_TRY(entries.status());
      printer.text("]}");
    }
    return {};
  });
  printer.line("]}");
  return shown;
}

Outcome dump(Session& session, const Arguments& arguments) {
  std::vector<KeyspaceInfo> keyspaces;
  if (arguments.words.empty()) {
    QUIRE_ASSIGN(keyspaces, session.database().keyspaces());
  } else {
    QUIRE_ASSIGN(KeyspaceInfo info, named_keyspace(session, arguments));
    keyspaces.push_back(std::move(info));
  }
  if (session.printer().json() || arguments.has("--json")) return dump_json(session, keyspaces);
  QUIRE_TRY(no_changes_open(session));
  if (arguments.words.empty()) QUIRE_TRY(tools::show_superblocks(session.database(), session.printer()));
  for (const KeyspaceInfo& info : keyspaces) {
    QUIRE_TRY(session.check_interrupt());
    if (arguments.words.empty()) session.printer().line("");
    QUIRE_TRY(tools::show_dump(session.database(), session.printer(), info.name, text_of(info.schema)));
  }
  return {};
}

Outcome page(Session& session, const Arguments& arguments) {
  tools::PageRequest request;
  QUIRE_ASSIGN_USAGE(request.target, target_of(arguments));
  if (arguments.words.empty()) return tools::show_pages(session.database(), session.printer());
  QUIRE_ASSIGN_USAGE(request.page, parse_number(arguments.words[0].text, "a page"));
  request.text_of = text_of;
  return tools::show_page(session.database(), session.printer(), request);
}

Command make(const char* name, const char* usage, const char* summary, const char* help, std::size_t words_max,
             Outcome (*run)(Session&, const Arguments&)) {
  Command command;
  command.name = name;
  command.usage = usage;
  command.summary = summary;
  command.help = help;
  command.examples = {name};
  command.words_max = words_max;
  command.run = run;
  return command;
}

}  // namespace

CommandGroup inspect_commands() {
  Command stats_command = make("stats", "[KEYSPACE] [--json]", "show numbers about the file, the memory and each keyspace",
                               "Counters run since the file was opened. Of each keyspace's tree: height, pages and how full they are, rows,\n"
                               "lengths of keys and values. Piped, a number is a line: name, tab, value.",
                               1, stats);
  stats_command.options = {{"--json", ""}};
  stats_command.examples = {"stats", "stats cities", "stats --json"};
  stats_command.completes = Completes::keyspaces;

  Command verify_command = make("verify", "", "read every page and check everything", "Says ok, or the first damage with its page.", 0,
                                [](Session& s, const Arguments&) -> Outcome { return tools::show_verify(s.database(), s.printer()); });
  verify_command.tells_time = true;

  Command checkpoint_command = make("checkpoint", "", "clear away what ended transactions left, and publish",
                                    "Commits are durable without it.", 0,
                                    [](Session& s, const Arguments&) -> Outcome {
                                      QUIRE_TRY(s.database().checkpoint());
                                      s.printer().done();
                                      return {};
                                    });
  checkpoint_command.creates_file = true;

  Command compact_command = make("compact", "", "make the file as short as it can be",
                                 "Merges pages that are nearly empty, moves the rest to the front and cuts the file's end off.", 0, compact);
  compact_command.tells_time = true;

  Command backup_command = make("backup", "FILE", "write a copy of everything committed to a new file",
                                "The copy is a database like any other. A file that exists is never replaced.", 1, backup);
  backup_command.words_min = 1;
  backup_command.examples = {"backup monday.qdb"};
  backup_command.tells_time = true;

  Command tree_command = make("tree", "[KEYSPACE] [--format text|dot|svg|json|png] [-o FILE] [--nodes N] [--keys N]", "draw a keyspace's tree",
                              "--dot, --svg, --json and --png are short for --format. With -o the picture goes into a file, whose ending\n"
                              "tells the format when none is given. Text has a line a page; trees of more than --nodes pages (200, of\n"
                              "drawings 60) are summed up level by level; --keys is how many keys of a page are shown (4). JSON has every\n"
                              "page and key unless told otherwise. PNG needs rsvg-convert or dot; SVG needs nothing.",
                              1, tree);
  tree_command.completes = Completes::keyspaces;
  tree_command.options = target_options;
  tree_command.options.insert(tree_command.options.end(), {{"--dot", ""}, {"--nodes", "N"}, {"--keys", "N"}});
  tree_command.examples = {"tree", "tree cities -o cities.svg", "tree cities --json", "tree --svg --nodes 500 --keys 8 -o all.svg"};

  Command page_command = make("page", "[N] [--format text|svg|json|png] [-o FILE]", "show one page field by field, or list all pages",
                              "Header, fields, slots and records, and a map of where they lie in the page. Page 0 shows the superblocks.\n"
                              "Page numbers are those that tree and verify name.",
                              1, page);
  page_command.options = target_options;
  page_command.examples = {"page 7", "page 7 -o page.svg", "page"};

  Command dump_command = make("dump", "[KEYSPACE] [--json]", "show every page and entry of a keyspace, or of all",
                              "Without a name also the superblocks. Long: meant for a pipe.", 1, dump);
  dump_command.completes = Completes::keyspaces;
  dump_command.options = {{"--json", ""}};
  dump_command.examples = {"dump", "dump cities", "dump --json"};

  return {"Inspection", {stats_command, verify_command, checkpoint_command, compact_command, backup_command, tree_command, page_command, dump_command}};
}

}  // namespace quire::shell
