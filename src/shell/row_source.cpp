// Row sources: see row_source.hpp.
//
// JSON lines have no head, so the first lines are read ahead to learn the columns: most files have a line
// that lacks some of them. A column that turns up later is an error rather than a silent loss.
#include "shell/row_source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <unordered_map>
#include <utility>

#include "base/try.hpp"
#include "shell/column_list.hpp"
#include "shell/csv_reader.hpp"
#include "shell/json_value.hpp"
#include "tools/escape.hpp"

namespace quire::shell {

namespace {

class CsvSource : public RowSource {
 public:
  CsvSource(TextInput& input, char delimiter) : reader_(input, {.delimiter = delimiter, .skip_blank_lines = true}) {}

  Status open(std::vector<std::string> names) {
    columns_ = std::move(names);
    if (columns_.empty()) {
      std::vector<Field> heads;
      QUIRE_ASSIGN(const bool any, reader_.next(heads));
      if (!any) return Status(Code::invalid, "the file is empty; its first line should name the columns");
      for (Field& head : heads) columns_.push_back(std::move(head.text));
    }
    reader_.set_skip_blank_lines(columns_.size() > 1);
    const Status checked = check_names(columns_);
    if (checked.ok()) return {};
    return Status(Code::invalid, fmt::format("line 1: {}", checked.message()));
  }

  const std::vector<std::string>& columns() const override { return columns_; }
  std::uint64_t line() const override { return reader_.line(); }

  Result<bool> next(std::vector<Value>& row) override {
    QUIRE_ASSIGN(const bool any, reader_.next(fields_));
    if (!any) return false;
    if (fields_.size() != columns_.size()) {
      return Status(Code::invalid, fmt::format("line {}: {} fields, but the first line names {} columns", line(), fields_.size(), columns_.size()));
    }
    row.resize(fields_.size());
    for (std::size_t i = 0; i < fields_.size(); ++i) row[i] = value_of(fields_[i]);
    return true;
  }

 private:
  CsvReader reader_;
  std::vector<std::string> columns_;
  std::vector<Field> fields_;
};

// The columns are those of the first lines, which are kept until they are asked for.
class JsonLinesSource : public RowSource {
 public:
  static constexpr std::size_t sample_lines = 1000;

  explicit JsonLinesSource(TextInput& input) : input_(input) {}

  Status open() {
    while (sample_.size() < sample_lines) {
      Document document;
      QUIRE_ASSIGN(const bool any, parse_line(document));
      if (!any) break;
      for (const auto& [name, value] : document.items()) {
        if (indices_.emplace(name, columns_.size()).second) columns_.push_back(name);
      }
      sample_.emplace_back(read_line_, std::move(document));
    }
    if (columns_.empty()) return Status(Code::invalid, "the file has no JSON object with members");
    return check_names(columns_);
  }

  const std::vector<std::string>& columns() const override { return columns_; }
  std::uint64_t line() const override { return line_; }

  Result<bool> next(std::vector<Value>& row) override {
    Document document;
    if (!sample_.empty()) {
      line_ = sample_.front().first;
      document = std::move(sample_.front().second);
      sample_.pop_front();
    } else {
      QUIRE_ASSIGN(const bool any, parse_line(document));
      if (!any) return false;
      line_ = read_line_;
    }
    row.assign(columns_.size(), Value());
    for (const auto& [name, content] : document.items()) {
      const auto it = indices_.find(name);
      if (it == indices_.end()) {
        return Status(Code::invalid, fmt::format("line {}: column '{}' is not one of the first {} lines", line_, tools::escape(name), sample_lines));
      }
      Result<Value> value = value_of(content);
      if (!value.ok()) return Status(Code::invalid, fmt::format("line {}, column {}: {}", line_, tools::escape(name), value.message()));
      row[it->second] = std::move(*value);
    }
    return true;
  }

 private:
  Result<bool> parse_line(Document& document) {
    do {
      if (!input_.read_line(text_)) return input_.failed() ? Result<bool>(Status(Code::io, "the file cannot be read")) : Result<bool>(false);
      ++read_line_;
    } while (text_.find_first_not_of(" \t") == std::string::npos);
    try {
      document = Document::parse(text_);
    } catch (const nlohmann::json::exception& error) {
      std::string what = error.what();
      if (const std::size_t end = what.find("] "); end != std::string::npos) what.erase(0, end + 2);
      if (constexpr std::string_view place = "parse error at line 1, "; what.starts_with(place)) what.erase(0, place.size());
      return Status(Code::invalid, fmt::format("line {}: not JSON: {}", read_line_, what));
    }
    if (!document.is_object()) {
      return Status(Code::invalid, fmt::format("line {}: a JSON {}, not an object; each line is one object", read_line_, document.type_name()));
    }
    return true;
  }

  TextInput& input_;
  std::string text_;
  std::vector<std::string> columns_;
  std::unordered_map<std::string, std::size_t> indices_;
  std::deque<std::pair<std::uint64_t, Document>> sample_;
  std::uint64_t read_line_ = 0;
  std::uint64_t line_ = 0;
};

class TabSource : public RowSource {
 public:
  explicit TabSource(TextInput& input) : input_(input) {}

  const std::vector<std::string>& columns() const override { return columns_; }
  std::uint64_t line() const override { return line_; }

  Result<bool> next(std::vector<Value>& row) override {
    do {
      if (!input_.read_line(text_)) return input_.failed() ? Result<bool>(Status(Code::io, "the file cannot be read")) : Result<bool>(false);
      ++line_;
    } while (text_.empty());
    const auto tabs = std::count(text_.begin(), text_.end(), '\t');
    if (tabs != 1) {
      return Status(Code::invalid, fmt::format("line {}: {} tabs; a line is key, tab, value (for columns with a head use --format csv)", line_, tabs));
    }
    const std::size_t tab = text_.find('\t');
    row.resize(2);
    QUIRE_TRY(part(std::string_view(text_).substr(0, tab), "key", row[0]));
    QUIRE_TRY(part(std::string_view(text_).substr(tab + 1), "value", row[1]));
    return true;
  }

 private:
  Status part(std::string_view text, const char* name, Value& value) const {
    Result<std::string> bytes = tools::unescape(text);
    if (!bytes.ok()) return Status(Code::invalid, fmt::format("line {}, {}: {}", line_, name, bytes.message()));
    value = Value(std::move(*bytes));
    return {};
  }

  TextInput& input_;
  std::string text_;
  std::vector<std::string> columns_{"key", "value"};
  std::uint64_t line_ = 0;
};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// The delimiter of a file whose first line has no comma.
char guess_delimiter(std::string_view start) {
  const std::string_view line = start.substr(0, start.find('\n'));
  if (line.find(',') != std::string_view::npos) return ',';
  for (const char c : {'\t', ';', '|'}) {
    if (line.find(c) != std::string_view::npos) return c;
  }
  return ',';
}

}  // namespace

Result<Format> parse_format(std::string_view name) {
  const std::string known = lower(name);
  if (known == "csv") return Format::csv;
  if (known == "jsonl" || known == "json" || known == "ndjson") return Format::jsonl;
  if (known == "tsv" || known == "tab") return Format::tsv;
  return Status(Code::invalid, fmt::format("unknown format '{}' (known: csv, jsonl, tsv)", name));
}

std::optional<Format> format_of_path(std::string_view path) {
  const std::size_t dot = path.rfind('.');
  if (dot == std::string_view::npos) return {};
  const Result<Format> format = parse_format(path.substr(dot + 1));
  return format.ok() ? std::optional(*format) : std::nullopt;
}

std::optional<Format> format_of_content(std::string_view start) {
  if (start.starts_with('{')) return Format::jsonl;
  const std::string_view line = start.substr(0, start.find('\n'));
  if (line.find('\t') != std::string_view::npos) return Format::tsv;
  if (line.find(',') != std::string_view::npos) return Format::csv;
  return {};
}

Result<std::unique_ptr<RowSource>> open_source(TextInput& input, const SourceOptions& options) {
  input.skip_byte_order_mark();
  if (options.format == Format::tsv) return std::unique_ptr<RowSource>(std::make_unique<TabSource>(input));
  if (options.format == Format::jsonl) {
    auto source = std::make_unique<JsonLinesSource>(input);
    QUIRE_TRY(source->open());
    return std::unique_ptr<RowSource>(std::move(source));
  }
  auto source = std::make_unique<CsvSource>(input, options.delimiter.value_or(guess_delimiter(input.available())));
  QUIRE_TRY(source->open(options.column_names));
  return std::unique_ptr<RowSource>(std::move(source));
}

}  // namespace quire::shell
