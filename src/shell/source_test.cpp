// Row sources, JSON values and progress: examples, errors with their lines, exact round trips.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "shell/json_value.hpp"
#include "shell/progress.hpp"
#include "shell/row_source.hpp"
#include "tools/text_width.hpp"

namespace quire::shell {
namespace {

using Rows = std::vector<std::vector<Value>>;

struct Read {
  std::vector<std::string> columns;
  Rows rows;
  std::string error;
};

Read read(std::string_view text, const SourceOptions& options) {
  TextInput input(text);
  Read result;
  Result<std::unique_ptr<RowSource>> source = open_source(input, options);
  if (!source.ok()) {
    result.error = source.message();
    return result;
  }
  result.columns = (*source)->columns();
  std::vector<Value> row;
  for (;;) {
    const Result<bool> any = (*source)->next(row);
    if (!any.ok()) result.error = any.message();
    if (!any.ok() || !*any) return result;
    result.rows.push_back(row);
  }
}

SourceOptions format(Format f) { return {f, {}, {}}; }

TEST(row_source, reads_csv_with_byte_order_mark_and_types) {
  const Read r = read("\xef\xbb\xbfid,name\r\n1,Oslo\r\n007,\"42\"\r\n,\r\n", format(Format::csv));
  EXPECT_EQ(r.columns, (std::vector<std::string>{"id", "name"}));
  EXPECT_EQ(r.rows, (Rows{{Value(1), Value("Oslo")}, {Value("007"), Value("42")}, {Value(), Value()}}));
  EXPECT_EQ(r.error, "");
}

TEST(row_source, finds_other_delimiters_and_takes_given_names) {
  EXPECT_EQ(read("a;b\n1;2\n", format(Format::csv)).rows, (Rows{{Value(1), Value(2)}}));
  EXPECT_EQ(read("a\tb\n1\t2\n", format(Format::csv)).rows, (Rows{{Value(1), Value(2)}}));
  EXPECT_EQ(read("1|2\n", {Format::csv, '|', {"a", "b"}}).rows, (Rows{{Value(1), Value(2)}}));
}

TEST(row_source, names_line_and_reason_of_csv_errors) {
  EXPECT_EQ(read("", format(Format::csv)).error, "the file is empty; its first line should name the columns");
  EXPECT_EQ(read("a,a\n", format(Format::csv)).error, "line 1: column 'a' is named twice");
  EXPECT_EQ(read("a,\n", format(Format::csv)).error, "line 1: column 2 has no name");
  EXPECT_EQ(read("a,b\n1,2\n3\n", format(Format::csv)).error, "line 3: 1 fields, but the first line names 2 columns");
}

TEST(row_source, reads_json_lines_with_columns_in_any_order) {
  const Read r = read("{\"a\":1,\"b\":\"x\"}\n\n{\"c\":[1, 2],\"a\":1.0}\r\n{\"b\":null,\"a\":true}", format(Format::jsonl));
  EXPECT_EQ(r.columns, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(r.rows, (Rows{{Value(1), Value("x"), Value()}, {Value(1.0), Value(), Value(Json{"[1,2]"})}, {Value(true), Value(), Value()}}));
}

TEST(row_source, names_line_and_reason_of_json_errors) {
  EXPECT_TRUE(read("{\"a\":1}\n{\"a\":\n", format(Format::jsonl)).error.starts_with("line 2: not JSON: "));
  EXPECT_EQ(read("{\"a\":1}\n[1]\n", format(Format::jsonl)).error, "line 2: a JSON array, not an object; each line is one object");
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "{\"a\":1}\n";
  EXPECT_EQ(read(text + "{\"late\":1}\n", format(Format::jsonl)).error, "line 1001: column 'late' is not one of the first 1000 lines");
}

TEST(row_source, reads_key_tab_value_with_escapes) {
  const Read r = read("a\tb\\x09c\n\\\\\t\n", format(Format::tsv));
  EXPECT_EQ(r.rows, (Rows{{Value("a"), Value("b\tc")}, {Value("\\"), Value("")}}));
  EXPECT_EQ(read("a\n", format(Format::tsv)).error, "line 1: 0 tabs; a line is key, tab, value (for columns with a head use --format csv)");
  EXPECT_EQ(read("a\tb\\q\n", format(Format::tsv)).error.substr(0, 14), "line 1, value:");
}

TEST(row_source, tells_formats_apart) {
  EXPECT_EQ(format_of_path("x/y.CSV"), Format::csv);
  EXPECT_EQ(format_of_path("y.ndjson"), Format::jsonl);
  EXPECT_FALSE(format_of_path("y.dat").has_value());
  EXPECT_EQ(format_of_content("{\"a\":1}"), Format::jsonl);
  EXPECT_EQ(format_of_content("a\tb,c\n"), Format::tsv);
  EXPECT_EQ(format_of_content("a,b\n\t"), Format::csv);
  EXPECT_FALSE(format_of_content("hello").has_value());
}

TEST(json_value, keeps_every_value_exactly) {
  const std::vector<Value> values = {
      Value(), Value(true), Value(false), Value(0), Value(std::numeric_limits<std::int64_t>::min()), Value(1.0), Value(-0.0), Value(0.1),
      Value(1e300), Value(std::numeric_limits<double>::infinity()), Value(-std::numeric_limits<double>::infinity()), Value(""), Value("x\ty"),
      Value("\xff"), Value(Blob{""}), Value(Blob{std::string("\0\xff", 2)}), Value(Json{"{\"b\":1,\"a\":[1,2]}"}), Value(Json{"{ \"a\" : 1 }"}),
      Value(Json{"42"}), Value(Json{"no json"}), Value(Json{"{\"$blob\":\"00\"}"}), Value(Json{"{\"a\":1,\"a\":2}"})};
  for (const Value& value : values) {
    const std::string line = tools::to_line(document_of(value));
    const Result<Value> back = value_of(Document::parse(line));
    ASSERT_TRUE(back.ok()) << line;
    EXPECT_EQ(*back, value) << line;
  }
  const Result<Value> nan = value_of(Document::parse(tools::to_line(document_of(Value(std::nan(""))))));
  EXPECT_TRUE(std::isnan(nan->float64()));
}

TEST(json_value, refuses_wrong_tagged_objects) {
  EXPECT_EQ(value_of(Document::parse("{\"$blob\":\"0\"}")).code(), Code::invalid);
  EXPECT_EQ(value_of(Document::parse("{\"$float\":\"x\"}")).code(), Code::invalid);
  EXPECT_EQ(*value_of(Document::parse("{\"$other\":\"x\"}")), Value(Json{"{\"$other\":\"x\"}"}));
}

TEST(progress, fits_every_width) {
  const ProgressState state{"importing cities.csv", 73000, 3'100'000, 7'256'183, 350'000};
  EXPECT_EQ(progress_line(state, 200),
            "importing cities.csv   43 %  [======>         ]  73 000 rows  3.0 MiB  208 571 rows/s  ETA 469 ms");
  for (unsigned columns = 1; columns < 140; ++columns) EXPECT_LT(tools::text_width(progress_line(state, columns)), std::max(columns, 2u)) << columns;
}

TEST(progress, shows_bytes_of_a_total_that_changes_and_is_wiped) {
  std::ostringstream out;
  {
    Progress progress(out, true, 80, "recovering app.qdb", 0, 0);
    progress.update_bytes(1 << 20, 4 << 20);
    EXPECT_THAT(out.str(), testing::HasSubstr("recovering app.qdb   25 %  [====>           ]  1.0 MiB"));
    EXPECT_THAT(out.str(), testing::Not(testing::HasSubstr("row")));
  }
  EXPECT_TRUE(out.str().ends_with("\r\x1b[K")) << "what comes next begins at the line's beginning";
  std::ostringstream quiet;
  Progress early(quiet, true, 80, "recovering app.qdb", 0, 3'600'000'000);
  early.update_bytes(1 << 20, 4 << 20);
  EXPECT_EQ(quiet.str(), "") << "it has not taken long";
}

TEST(progress, does_without_a_total) {
  EXPECT_EQ(progress_line({"exporting cities", 10, 2048, 0, 1'000'000}, 100), "exporting cities  10 rows  2.0 KiB  10 rows/s");
}

}  // namespace
}  // namespace quire::shell
