// Command import: rows of a file into a keyspace.
//
// Without --batch the whole file is one transaction: all of it or nothing. An error names the file and the
// line. Inside a transaction that the user began, the rows become part of it.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <utility>

#include "base/try.hpp"
#include "shell/column_list.hpp"
#include "shell/entry_words.hpp"
#include "shell/importer.hpp"
#include "shell/progress.hpp"
#include "shell/session.hpp"
#include "tools/amounts.hpp"
#include "tools/escape.hpp"

namespace quire::shell {

namespace {

namespace fs = std::filesystem;

// Everything the command line says.
struct ImportRequest {
  std::string path;
  ImportTarget target;
  SourceOptions source;
  std::optional<Format> format;  // none: found out
  std::uint64_t batch_rows = 0;  // 0: one transaction
};

Status parse_clauses(ImportRequest& request, std::span<const Word> words) {
  for (std::size_t i = 1; i < words.size(); ++i) {
    const bool into = !words[i].quoted && words[i].text == "into";
    const bool key = !words[i].quoted && words[i].text == "key";
    if ((!into && !key) || i + 1 == words.size()) {
      return Status(Code::invalid, fmt::format("at '{}': expected into KEYSPACE or key COLUMN,...", words[i].text));
    }
    if (into) {
      request.target.keyspace = words[++i].text;
      continue;
    }
    do {
      QUIRE_TRY(append_column_names(request.target.key_columns, words[++i]));
    } while (i + 1 < words.size() && (words[i].text.ends_with(',') || words[i + 1].text.starts_with(',')));
  }
  return check_names(request.target.key_columns);
}

Status parse_options(ImportRequest& request, const Arguments& arguments) {
  request.target.replace = arguments.has("--replace");
  request.target.plain = arguments.has("--plain");
  if (const Word* name = arguments.value("--row-number")) request.target.row_number = name->text;
  if (const Word* name = arguments.value("--format")) {
    QUIRE_ASSIGN(request.format, parse_format(name->text));
  }
  if (const Word* rows = arguments.value("--batch")) {
    QUIRE_ASSIGN(request.batch_rows, parse_number(rows->text, "--batch"));
    if (request.batch_rows == 0) return Status(Code::invalid, "--batch is at least 1");
  }
  if (const Word* columns = arguments.value("--columns")) {
    QUIRE_TRY(append_column_names(request.source.column_names, *columns));
  }
  if (const Word* delimiter = arguments.value("--delimiter")) {
    std::string text = delimiter->text == "\\t" || delimiter->text == "tab" ? "\t" : delimiter->text;
    if (text.size() != 1 || static_cast<unsigned char>(text[0]) >= 0x80 || text == "\"" || text == "\n") {
      return Status(Code::invalid, "--delimiter is one ASCII character, or tab");
    }
    request.source.delimiter = text[0];
  }
  return {};
}

Result<ImportRequest> parse_request(const Arguments& arguments) {
  ImportRequest request;
  request.path = arguments.words[0].text;
  QUIRE_TRY(parse_clauses(request, arguments.words));
  QUIRE_TRY(parse_options(request, arguments));
  if (request.target.keyspace.empty()) request.target.keyspace = fs::path(request.path).stem().string();
  return request;
}

Status check_readable(const Session& session, const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found) return Status(Code::not_found, fmt::format("no file '{}'", path));
  if (fs::is_directory(status)) return Status(Code::invalid, fmt::format("'{}' is a directory", path));
  if (fs::equivalent(path, session.path(), error)) {
    return Status(Code::invalid, fmt::format("'{}' is the open database; import reads CSV, JSON lines and key, tab, value", path));
  }
  return {};
}

Status choose_format(ImportRequest& request, TextInput& input) {
  if (request.format) {
    request.source.format = *request.format;
    return {};
  }
  std::string_view start = input.available();
  if (start.starts_with("\xef\xbb\xbf")) start.remove_prefix(3);
  const std::optional<Format> by_path = format_of_path(request.path);
  const std::optional<Format> by_content = format_of_content(start);
  const std::optional<Format> format = by_path ? by_path : by_content;
  if (!format) {
    return Status(Code::invalid, fmt::format("{}: neither name nor content tell the format; add --format csv, jsonl or tsv", request.path));
  }
  if (*format == Format::csv && start.substr(0, start.find('\n')).find('\0') != std::string_view::npos) {
    return Status(Code::invalid, fmt::format("{}: this is not text", request.path));
  }
  request.source.format = *format;
  return {};
}

// Puts the file before a message; "line 3: ..." becomes "file:3: ...".
Status at_file(const std::string& path, const Status& status) {
  if (status.ok()) return {};
  std::string_view message = status.message().empty() ? code_name(status.code()) : status.message();
  std::string place = path + ": ";
  if (message.starts_with("line ")) {
    message.remove_prefix(5);
    place.pop_back();
  }
  return Status(status.code(), place + std::string(message));
}

std::string file_name(const std::string& path) { return tools::escape(fs::path(path).filename().string()); }

// One run of the command.
class Import {
 public:
  Import(Session& session, ImportRequest request, RowSource& source, TextInput& input, Progress& progress)
      : session_(session), request_(std::move(request)), source_(source), input_(input), progress_(progress),
        importer_(request_.target, request_.source.format) {}

  Outcome run() {
    if (Transaction* open = session_.transaction()) {
      Status status = rows(*open, any_number).status();
      if (status.ok() || rows_ == 0) return status;
      return extended(status, fmt::format("the open transaction holds {} of the file, rollback drops them", tools::count_of(rows_, "row")));
    }
    bool more = true;
    while (more) {
      QUIRE_ASSIGN(Transaction own, session_.database().begin());
      Result<bool> result = rows(own, request_.batch_rows == 0 ? any_number : request_.batch_rows);
      if (!result.ok()) {
        if (const Status ended = own.rollback(); !ended.ok()) return ended;
        return failed(result.status());
      }
      more = *result;
      progress_.phase("committing " + file_name(request_.path));
      if (Status status = own.commit(); !status.ok()) return failed(status);
      committed_ = rows_;
      progress_.phase("importing " + file_name(request_.path));
    }
    return {};
  }

  std::uint64_t rows() const noexcept { return rows_; }
  const Importer& importer() const noexcept { return importer_; }
  const ImportRequest& request() const noexcept { return request_; }

 private:
  // Adds up to `rows_max` rows; whether there may be more.
  Result<bool> rows(Transaction& transaction, std::size_t rows_max) {
    QUIRE_TRY(at_file(importer_.resolve(transaction, source_.columns())));
    for (std::size_t i = 0; i < rows_max; ++i) {
      Result<bool> any = source_.next(row_);
      if (!any.ok()) return at_file(any.status());
      if (!*any) return false;
      QUIRE_TRY(at_line(importer_.add(transaction, rows_ + 1, row_)));
      progress_.update(++rows_, input_.position());
      QUIRE_TRY(session_.check_interrupt());
    }
    return true;
  }

  static Status extended(const Status& status, const std::string& more) {
    return Status(status.code(), fmt::format("{}; {}", status.message().empty() ? code_name(status.code()) : status.message(), more));
  }

  Status failed(const Status& status) const {
    std::string more = "nothing was imported";
    if (request_.batch_rows > 0) more = fmt::format("the first {} are imported", tools::count_of(committed_, "row"));
    if (status.code() == Code::no_memory && request_.batch_rows == 0) more += "; --batch 100000 commits in parts, --memory-limit gives more room";
    if (status.code() == Code::unknown_outcome) return status;
    return extended(status, more);
  }

  Status at_file(Status status) const { return shell::at_file(request_.path, status); }

  Status at_line(Status status) const {
    if (status.ok()) return status;
    const std::string place = fmt::format("{}:{}: ", request_.path, source_.line());
    if (status.code() == Code::exists) {
      return Status(Code::exists, fmt::format("{}the key {} ({}) is there already (--replace lets later rows win, --row-number NAME counts rows for a key)",
                                              place, importer_.last_key(), join_names(tools_columns())));
    }
    return Status(status.code(), place + std::string(status.message().empty() ? code_name(status.code()) : status.message()));
  }

  std::vector<std::string> tools_columns() const {
    return importer_.schema().key_columns.empty() ? std::vector<std::string>{"key"} : importer_.schema().key_columns;
  }

  Session& session_;
  ImportRequest request_;
  RowSource& source_;
  TextInput& input_;
  Progress& progress_;
  Importer importer_;
  std::vector<Value> row_;
  std::uint64_t rows_ = 0;
  std::uint64_t committed_ = 0;
};

void report(Printer& printer, const Import& import, std::uint64_t time_us) {
  const double seconds = static_cast<double>(time_us) / 1e6;
  const std::string& keyspace = import.request().target.keyspace;
  const Schema& schema = import.importer().schema();
  if (printer.json()) {
    return printer.document({{"keyspace", keyspace}, {"rows", import.rows()}, {"seconds", seconds}, {"key_columns", schema.key_columns}});
  }
  if (!printer.pretty()) return;
  const std::string key = schema.plain() ? "plain keys and values" : "key " + tools::escape(join_names(schema.key_columns));
  printer.line(fmt::format("{} into {} ({}) in {}", tools::count_of(import.rows(), "row"), tools::escape(keyspace), key, tools::time_amount(time_us)));
}

Outcome import_file(Session& session, const Arguments& arguments) {
  QUIRE_ASSIGN_USAGE(ImportRequest request, parse_request(arguments));
  if (session.transaction() != nullptr && request.batch_rows > 0) {
    return Outcome::wrong_usage("--batch commits by itself; end the open transaction first");
  }
  QUIRE_TRY(check_readable(session, request.path));
  std::ifstream file(request.path, std::ios::binary);
  if (!file) return Status(Code::io, fmt::format("'{}' cannot be read", request.path));
  std::error_code unknown_size;
  const std::uint64_t bytes = fs::file_size(request.path, unknown_size);
  TextInput input(file);
  QUIRE_TRY(choose_format(request, input));
  Result<std::unique_ptr<RowSource>> source = open_source(input, request.source);
  if (!source.ok()) return at_file(request.path, source.status());

  Printer& printer = session.printer();
  Progress progress(printer.error_stream(), printer.pretty(), printer.columns(), "importing " + file_name(request.path), unknown_size ? 0 : bytes);
  Import import(session, std::move(request), **source, input, progress);
  Outcome outcome = import.run();
  progress.finish();
  if (outcome.ok()) report(printer, import, progress.time_us());
  return outcome;
}

}  // namespace

Command import_command() {
  Command command;
  command.name = "import";
  command.usage =
      "FILE [into KEYSPACE] [key COLUMN,...] [--replace] [--batch ROWS] [--row-number COLUMN] [--plain] "
      "[--format csv|jsonl|tsv] [--delimiter C] [--columns NAME,...]";
  command.summary = "read a CSV, JSON lines or key-tab-value file into a keyspace";
  command.help =
      "The keyspace is named after the file unless into says otherwise, and made when it is not there; its key\n"
      "is the columns after key, else the first column. Bare numbers become numbers, quoted fields text, empty\n"
      "fields NULL. The whole file is one transaction; --batch commits every so many rows, which needs less\n"
      "memory. A key that is there already is an error unless --replace. --row-number NAME adds a column that\n"
      "counts the rows, for files without a key. --columns names the columns of a CSV file without a head.\n"
      "--plain makes a keyspace of plain bytes from two columns.";
  command.examples = {"import cities.csv into cities key country,name,id", "import events.jsonl key time,id --batch 100000",
                      "import flights.csv --row-number row"};
  command.options = {{"--replace", ""}, {"--batch", "ROWS"}, {"--row-number", "COLUMN"}, {"--plain", ""},
                     {"--format", "FORMAT"}, {"--delimiter", "C"}, {"--columns", "NAME,..."}};
  command.words_min = 1;
  command.creates_file = true;
  command.tells_time = true;
  command.completes = Completes::files;
  command.run = import_file;
  return command;
}

}  // namespace quire::shell
