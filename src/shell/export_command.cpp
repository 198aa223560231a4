// Command export: the entries of a keyspace as a file that import reads back.
//
// A file is written under a temporary name and renamed when it is complete, so that a failed export leaves
// no half of one. "-" and what is not a regular file are written to directly.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <utility>

#include "base/try.hpp"
#include "shell/entry_text.hpp"
#include "shell/field.hpp"
#include "shell/progress.hpp"
#include "shell/row_source.hpp"
#include "shell/session.hpp"
#include "tools/amounts.hpp"
#include "tools/escape.hpp"

namespace quire::shell {

namespace {

namespace fs = std::filesystem;

// Takes pieces of the output.
using Write = std::function<void(std::string_view)>;

// Where the text goes: the printer, or a file that appears when it is complete.
class Target {
 public:
  Target(Printer& printer, std::string path) : printer_(printer), path_(std::move(path)) {}
  ~Target() {
    if (temporary_.empty()) return;
    std::error_code ignored;
    fs::remove(temporary_, ignored);
  }
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;

  Status open() {
    if (to_printer()) return {};
    std::error_code error;
    const fs::file_status status = fs::status(path_, error);
    if (fs::is_directory(status)) return Status(Code::invalid, fmt::format("'{}' is a directory", path_));
    const bool direct = fs::exists(status) && !fs::is_regular_file(status);
    const std::string opened = direct ? path_ : path_ + ".part";
    file_.open(opened, std::ios::binary | std::ios::trunc);
    if (!file_) return Status(Code::io, fmt::format("'{}' cannot be written", opened));
    if (!direct) temporary_ = opened;
    return {};
  }

  void write(std::string_view text) {
    if (to_printer()) return printer_.text(text);
    file_.write(text.data(), static_cast<std::streamsize>(text.size()));
  }

  bool failed() const { return !to_printer() && !file_.good(); }

  Status close() {
    if (to_printer()) return {};
    file_.close();
    if (file_.fail()) return Status(Code::io, fmt::format("'{}' cannot be written (is the disk full?)", path_));
    if (temporary_.empty()) return {};
    std::error_code error;
    fs::rename(temporary_, path_, error);
    if (error) return Status(Code::io, fmt::format("'{}' cannot be written: {}", path_, error.message()));
    temporary_.clear();
    return {};
  }

  bool to_printer() const { return path_ == "-"; }

 private:
  Printer& printer_;
  std::string path_;
  std::string temporary_;
  std::ofstream file_;
};

// Entries as lines of one format.
class EntryWriter {
 public:
  EntryWriter(Format format, const Schema& schema) : format_(format), schema_(schema) {}

  std::string head() const {
    if (format_ != Format::csv) return {};
    std::string line;
    for (const std::string& name : column_names(schema_)) {
      if (!line.empty()) line += ',';
      append_head(line, name);
    }
    return line + "\n";
  }

  Result<std::string> line(const Entry& entry) {
    if (format_ == Format::jsonl) {
      QUIRE_ASSIGN(const tools::Document document, entry_document(schema_, entry));
      return tools::to_line(document) + "\n";
    }
    if (format_ == Format::tsv) {
      QUIRE_ASSIGN(const std::string key, key_text(schema_, entry.key));
      QUIRE_ASSIGN(const std::string value, value_text(schema_, entry.value));
      return tools::escape(key) + "\t" + tools::escape(value) + "\n";
    }
    QUIRE_ASSIGN(std::vector<Value> values, entry_values(schema_, entry));
    if (schema_.plain()) {
      for (Value& value : values) value = plain_value(value.text());
    }
    note_types(values);
    return write_record(values) + "\n";
  }

  // Values that come back from this file as text.
  std::uint64_t flattened() const noexcept { return flattened_; }

 private:
  // Names are never typed, so only what breaks a record is quoted.
  static void append_head(std::string& line, const std::string& name) {
    if (name.find_first_of(",\"\r\n") == std::string::npos && !name.starts_with("\xef\xbb\xbf")) {
      line += name;
      return;
    }
    line += '"';
    for (const char c : name) line += c == '"' ? std::string("\"\"") : std::string(1, c);
    line += '"';
  }

  // Bytes that are not text get the form of a blob, so that a spreadsheet shows them too.
  static Value plain_value(std::string bytes) {
    if (tools::is_utf8(bytes)) return Value(std::move(bytes));
    return Value(Blob{std::move(bytes)});
  }

  void note_types(const std::vector<Value>& values) {
    for (const Value& value : values) flattened_ += keeps_type(value) ? 0 : 1;
  }

  Format format_;
  const Schema& schema_;
  std::uint64_t flattened_ = 0;
};

struct ExportResult {
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  std::uint64_t flattened = 0;
};

Result<ExportResult> export_entries(Session& session, const Transaction& tx, const KeyspaceInfo& info, Format format, Target& target, Progress& progress) {
  EntryWriter writer(format, info.schema);
  ExportResult result;
  const auto write = [&](const std::string& text) {
    result.bytes += text.size();
    target.write(text);
  };
  write(writer.head());
  Scan entries = tx.scan(info.name);
  for (const Entry& entry : entries) {
    QUIRE_ASSIGN(const std::string line, writer.line(entry));
    write(line);
    progress.update(++result.rows, result.bytes);
    QUIRE_TRY(session.check_interrupt());
    if (target.failed()) break;
  }
  QUIRE_TRY(entries.status());
  result.flattened = writer.flattened();
  return result;
}

void report(Printer& printer, const std::string& path, const std::string& keyspace, const ExportResult& result, std::uint64_t time_us) {
  if (result.flattened > 0) {
    printer.note(fmt::format("note: {} (boolean, JSON or infinite) will come back as text; --format jsonl keeps their types",
                             tools::count_of(result.flattened, "value")));
  }
  if (printer.json()) {
    printer.document({{"file", path}, {"keyspace", keyspace}, {"rows", result.rows}, {"bytes", result.bytes}, {"seconds", static_cast<double>(time_us) / 1e6}});
  } else if (printer.pretty()) {
    printer.line(fmt::format("{} of {} into {} ({}) in {}", tools::count_of(result.rows, "row"), tools::escape(keyspace), path,
                             tools::byte_amount(result.bytes), tools::time_amount(time_us)));
  }
}

Outcome export_file(Session& session, const Arguments& arguments) {
  const std::string& path = arguments.words[0].text;
  const std::string keyspace = arguments.words.size() > 1 ? arguments.words[1].text : session.keyspace();
  Format format = format_of_path(path).value_or(Format::csv);
  if (const Word* name = arguments.value("--format")) {
    QUIRE_ASSIGN_USAGE(format, parse_format(name->text));
  }
  std::error_code error;
  if (fs::equivalent(path, session.path(), error)) return Status(Code::invalid, fmt::format("'{}' is the open database", path));
  return session.read([&](Transaction& tx) -> Outcome {
    Printer& printer = session.printer();
    QUIRE_ASSIGN(const KeyspaceInfo info, session.describe(tx, keyspace));
    Target target(printer, path);
    QUIRE_TRY(target.open());
    Progress progress(printer.error_stream(), printer.pretty() && !target.to_printer(), printer.columns(), "exporting " + keyspace, 0);
    QUIRE_ASSIGN(const ExportResult result, export_entries(session, tx, info, format, target, progress));
    progress.finish();
    QUIRE_TRY(target.close());
    if (!target.to_printer()) report(printer, path, keyspace, result, progress.time_us());
    return {};
  });
}

}  // namespace

Command export_command() {
  Command command;
  command.name = "export";
  command.usage = "FILE [KEYSPACE] [--format csv|jsonl|tsv]";
  command.summary = "write a keyspace to a file that import reads back";
  command.help =
      "The format follows the name's ending, else it is CSV; the file - is the output. CSV keeps NULL, numbers,\n"
      "text and blobs exactly; JSON lines keep every type. An existing file is replaced when the new one is\n"
      "complete.";
  command.examples = {"export cities.csv cities", "export backup.jsonl", "export - --format tsv"};
  command.options = {{"--format", "FORMAT"}};
  command.words_min = 1;
  command.words_max = 2;
  command.tells_time = true;
  command.completes = Completes::files;
  command.run = export_file;
  return command;
}

}  // namespace quire::shell
