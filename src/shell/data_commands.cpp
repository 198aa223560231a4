// Commands on entries: put, get, del, scan, count.
//
// Keys and values come from words and go to text as the current keyspace's columns say; see
// entry_words.hpp and entry_text.hpp.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "base/try.hpp"
#include "shell/entry_text.hpp"
#include "shell/entry_words.hpp"
#include "shell/session.hpp"
#include "tools/amounts.hpp"
#include "tools/escape.hpp"
#include "tools/row_table.hpp"

namespace quire::shell {

namespace {

constexpr const char* range_help =
    "FROM is included, TO is not. In a keyspace with columns they are values of the first key columns,\n"
    "such as NO or 'NO,Oslo'. --prefix P: keys that start with P; with columns, keys whose first columns\n"
    "equal P, and 'NO,Os*' means a text that starts with Os.";

Status no_such_key(const Session& session, const Schema& schema, std::string_view key) {
  return Status(Code::not_found, fmt::format("no key '{}' in keyspace {}", key_name(schema, key), session.keyspace()));
}

Outcome put(Session& session, const Arguments& arguments) {
  return session.write([&](Transaction& tx) -> Outcome {
    QUIRE_ASSIGN(const KeyspaceInfo info, session.describe(tx, session.keyspace()));
    QUIRE_ASSIGN_USAGE(const KeyAndValue entry, entry_from_words(info.schema, arguments.words));
    return tx.put(info.name, entry.key, entry.value);
  });
}

// Keys of a range that are removed before the range is looked at again.
constexpr std::uint64_t keys_at_once = 10000;

Outcome del_range(Session& session, const Arguments& arguments) {
  std::uint64_t removed = 0;
  const Outcome done = session.write([&](Transaction& tx) -> Outcome {
    QUIRE_ASSIGN(const KeyspaceInfo info, session.describe(tx, session.keyspace()));
    QUIRE_ASSIGN_USAGE(const Range range, range_from_words(info.schema, {nullptr, nullptr, arguments.value("--prefix")}));
    for (;;) {
      QUIRE_TRY(session.check_interrupt());
      std::vector<std::string> keys;
      Scan entries = tx.scan(info.name, range, {.keys_only = true, .limit = keys_at_once});
      for (const Entry& entry : entries) keys.emplace_back(entry.key);
      QUIRE_TRY(entries.status());
      if (keys.empty()) return {};
      for (const std::string& key : keys) QUIRE_TRY(tx.erase(info.name, key));
      removed += keys.size();
    }
  });
  if (done.ok()) session.printer().done(": " + tools::count_of(removed, "row") + " removed");
  return done;
}

Outcome del(Session& session, const Arguments& arguments) {
  return session.write([&](Transaction& tx) -> Outcome {
    QUIRE_ASSIGN(const KeyspaceInfo info, session.describe(tx, session.keyspace()));
    QUIRE_ASSIGN_USAGE(const std::string key, key_from_words(info.schema, arguments.words));
    Status erased = tx.erase(info.name, key);
    if (erased == Code::not_found) return no_such_key(session, info.schema, key);
    return erased;
  });
}

// Runs a change and says ok only when its transaction has ended well.
Outcome acknowledged(Session& session, const Arguments& arguments, Outcome (*change)(Session&, const Arguments&)) {
  Outcome outcome = change(session, arguments);
  if (outcome.ok()) session.printer().done();
  return outcome;
}

// Text for a terminal: as it is unless it would steer the terminal.
std::string terminal_text(const std::string& text) {
  if (!tools::is_utf8(text)) return tools::escape(text);
  for (const char c : text) {
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7f) return tools::escape(text);
  }
  return text.find("\xc2") == std::string::npos ? text : tools::escape(text);
}

Status print_fields(Printer& printer, const Schema& schema, std::string_view key, std::string_view value) {
  const Entry entry{key, value};
  const std::vector<std::string> names = column_names(schema);
  QUIRE_ASSIGN(const std::vector<tools::Cell> cells, entry_cells(schema, entry));
  std::size_t width = 0;
  for (const std::string& name : names) width = std::max(width, name.size());
  for (std::size_t i = schema.key_columns.size(); i < cells.size(); ++i) {
    printer.line(fmt::format("{:<{}}  {}", i < names.size() ? names[i] : "", width, cells[i].text));
  }
  if (schema.value_columns.empty()) printer.line("(the key is there; it has no other columns)");
  return {};
}

Outcome get(Session& session, const Arguments& arguments) {
  const bool for_update = arguments.has("--for-update");
  if (for_update) QUIRE_TRY(session.can_lock());
  return session.read([&](Transaction& tx) -> Outcome {
    Printer& printer = session.printer();
    QUIRE_ASSIGN(const KeyspaceInfo info, session.describe(tx, session.keyspace()));
    QUIRE_ASSIGN_USAGE(const std::string key, key_from_words(info.schema, arguments.words));
    const Result<std::string> value = for_update ? tx.get_for_update(info.name, key) : tx.get(info.name, key);
    if (value == Code::not_found) return no_such_key(session, info.schema, key);
    if (!value.ok()) return value.status();
    if (printer.json()) {
      QUIRE_ASSIGN(const tools::Document document, entry_document(info.schema, {key, *value}));
      printer.document(document);
      return {};
    }
    if (arguments.has("--hex")) {
      printer.line(tools::to_hex(*value));
      return {};
    }
    if (printer.pretty() && !info.schema.plain()) return print_fields(printer, info.schema, key, *value);
    QUIRE_ASSIGN(const std::string text, value_text(info.schema, *value));
    printer.line(printer.pretty() ? terminal_text(text) : text);
    return {};
  });
}

// Where scan puts its entries, in the printer's form.
class EntryPrinter {
 public:
  EntryPrinter(Printer& printer, const Schema& schema, bool keys_only, bool hex)
      : printer_(printer), schema_(schema), keys_only_(keys_only), hex_(hex) {
    const Schema& shown = hex ? plain_ : schema_;
    if (printer.pretty()) table_ = std::make_unique<tools::RowTable>(printer, column_names(shown, keys_only));
    if (printer.json()) printer.text("[");
  }

  Status add(const Entry& entry) {
    ++count_;
    if (printer_.json()) {
      QUIRE_ASSIGN(const tools::Document document, hex_ ? hex_document(entry) : entry_document(schema_, entry, keys_only_));
      printer_.text((count_ > 1 ? "," : "") + tools::to_line(document));
      return {};
    }
    if (table_) {
      QUIRE_ASSIGN(std::vector<tools::Cell> cells, hex_ ? hex_cells(entry) : entry_cells(schema_, entry, keys_only_));
      table_->add(std::move(cells));
      return {};
    }
    QUIRE_ASSIGN(const std::string key, key_text(schema_, entry.key));
    std::string line = hex_ ? tools::to_hex(entry.key) : tools::escape(key);
    if (!keys_only_) {
      QUIRE_ASSIGN(const std::string value, value_text(schema_, entry.value));
      line += '\t' + (hex_ ? tools::to_hex(entry.value) : tools::escape(value));
    }
    printer_.line(line);
    return {};
  }

  void finish() {
    if (printer_.json()) printer_.line("]");
    if (!table_) return;
    table_->finish();
    printer_.line("(" + tools::count_of(count_, "row") + ")");
  }

 private:
  Result<tools::Document> hex_document(const Entry& entry) const {
    tools::Document document{{"key", tools::to_hex(entry.key)}};
    if (!keys_only_) document["value"] = tools::to_hex(entry.value);
    return document;
  }
  Result<std::vector<tools::Cell>> hex_cells(const Entry& entry) const {
    std::vector<tools::Cell> cells{{tools::to_hex(entry.key), false}};
    if (!keys_only_) cells.push_back({tools::to_hex(entry.value), false});
    return cells;
  }

  Printer& printer_;
  const Schema& schema_;
  bool keys_only_;
  bool hex_;
  Schema plain_;
  std::unique_ptr<tools::RowTable> table_;
  std::uint64_t count_ = 0;
};

Result<Range> range_of(const Schema& schema, const Arguments& arguments) {
  return range_from_words(schema, {arguments.word(0), arguments.word(1), arguments.value("--prefix")});
}

Outcome scan(Session& session, const Arguments& arguments) {
  ScanOptions options;
  options.reverse = arguments.has("--reverse");
  options.keys_only = arguments.has("--keys-only");
  if (const Word* limit = arguments.value("--limit")) {
    QUIRE_ASSIGN_USAGE(options.limit, parse_number(limit->text, "--limit"));
  }
  return session.read([&](Transaction& tx) -> Outcome {
    QUIRE_ASSIGN(const KeyspaceInfo info, session.describe(tx, session.keyspace()));
    QUIRE_ASSIGN_USAGE(Range range, range_of(info.schema, arguments));
    EntryPrinter out(session.printer(), info.schema, options.keys_only, arguments.has("--hex"));
    Scan entries = tx.scan(info.name, std::move(range), options);
    Status status;
    for (const Entry& entry : entries) {
      status = out.add(entry);
      if (status.ok()) status = session.check_interrupt();
      if (!status.ok()) break;
    }
    out.finish();
    return status.ok() ? entries.status() : status;
  });
}

Outcome count(Session& session, const Arguments& arguments) {
  return session.read([&](Transaction& tx) -> Outcome {
    Printer& printer = session.printer();
    QUIRE_ASSIGN(const KeyspaceInfo info, session.describe(tx, session.keyspace()));
    QUIRE_ASSIGN_USAGE(const Range range, range_of(info.schema, arguments));
    const bool all = !range.lower && !range.upper;
    QUIRE_ASSIGN(const std::uint64_t number, all ? tx.count(info.name) : tx.count(info.name, range));
    if (printer.json()) {
      printer.document({{"count", number}});
    } else {
      printer.line(std::to_string(number));
    }
    return {};
  });
}

Command scan_command() {
  Command command;
  command.name = "scan";
  command.aliases = {"list"};
  command.usage = "[FROM] [TO] [--prefix P] [--limit N] [--reverse] [--keys-only] [--hex]";
  command.summary = "show entries in key order";
  command.help = std::string(range_help) + "\nPiped, an entry is a line: key, tab, value.";
  command.examples = {"scan", "scan --prefix user: --limit 10", "scan a m", "scan --prefix 'NO,Os*' --keys-only"};
  command.options = {{"--prefix", "P"}, {"--limit", "N"}, {"--reverse", ""}, {"--keys-only", ""}, {"--hex", ""}};
  command.words_max = 2;
  command.run = scan;
  return command;
}

Command count_command() {
  Command command;
  command.name = "count";
  command.usage = "[FROM] [TO] [--prefix P]";
  command.summary = "count entries";
  command.help = range_help;
  command.examples = {"count", "count --prefix NO"};
  command.options = {{"--prefix", "P"}};
  command.words_max = 2;
  command.run = count;
  return command;
}

}  // namespace

CommandGroup data_commands() {
  Command put_command;
  put_command.name = "put";
  put_command.aliases = {"set"};
  put_command.usage = "KEY VALUE";
  put_command.summary = "set the value of a key, new or not";
  put_command.help =
      "In a keyspace with columns give a word for each column, key columns first, or the key as one CSV\n"
      "record and the value as another. Bare numbers are numbers, \"42\" is text, NULL is NULL.";
  put_command.examples = {"put user:101 Ismail", "put greeting 'Hello, world'", "put \"\\x00\\x01\" bytes", "put NO Oslo 3143244 59.91 10.75 12"};
  put_command.words_min = 1;
  put_command.creates_file = true;
  put_command.run = [](Session& s, const Arguments& a) { return acknowledged(s, a, put); };

  Command get_command;
  get_command.name = "get";
  get_command.usage = "KEY [--for-update] [--hex]";
  get_command.summary = "show the value of a key";
  get_command.help =
      "In a keyspace with columns the key is one CSV record or a word for each key\n"
      "column. --for-update locks the key until the transaction ends, so that nobody\n"
      "else changes it before this transaction does.";
  get_command.examples = {"get user:101", "get 'NO,Oslo,3143244'", "get NO Oslo 3143244", "get user:101 --for-update"};
  get_command.options = {{"--for-update", ""}, {"--hex", ""}};
  get_command.words_min = 1;
  get_command.run = get;

  Command del_command;
  del_command.name = "del";
  del_command.aliases = {"delete", "erase"};
  del_command.usage = "KEY | --prefix P";
  del_command.summary = "remove a key, or all keys that start with P";
  del_command.help = "It is an error when the key is not there. --prefix as for scan; all of them in one transaction.";
  del_command.examples = {"del user:101", "del --prefix NO"};
  del_command.options = {{"--prefix", "P"}};
  del_command.run = [](Session& s, const Arguments& a) -> Outcome {
    if (a.value("--prefix") != nullptr) {
      return a.words.empty() ? del_range(s, a) : Outcome::wrong_usage("give a key or --prefix, not both");
    }
    if (a.words.empty()) return Outcome::wrong_usage("del needs a key, or --prefix P");
    return acknowledged(s, a, del);
  };

  return {"Entries", {put_command, get_command, del_command, scan_command(), count_command()}};
}

}  // namespace quire::shell
