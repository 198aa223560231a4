// CSV: examples of RFC 4180 and of files from the wild, the typing of fields, and random records that must
// come back exactly, also when the reader's buffer ends anywhere.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <sstream>

#include "base/random.hpp"
#include "shell/csv_reader.hpp"
#include "shell/field.hpp"

namespace quire::shell {
namespace {

using Record = std::vector<std::string>;

std::vector<Record> read_all(const std::string& text, CsvReader::Options options = {}) {
  std::istringstream stream(text);
  TextInput input(stream);
  CsvReader reader(input, options);
  std::vector<Record> records;
  std::vector<Field> fields;
  for (;;) {
    const Result<bool> any = reader.next(fields);
    EXPECT_TRUE(any.ok()) << any.message();
    if (!any.ok() || !*any) return records;
    Record record;
    for (const Field& field : fields) record.push_back((field.quoted ? "q:" : "") + field.text);
    records.push_back(record);
  }
}

TEST(csv, reads_quoted_fields_with_everything_in_them) {
  EXPECT_EQ(read_all("a,b\r\n\"x,\"\"y\"\"\nz\",\r\n"), (std::vector<Record>{{"a", "b"}, {"q:x,\"y\"\nz", ""}}));
}

TEST(csv, needs_no_line_end_at_the_end) {
  EXPECT_EQ(read_all("a,b"), (std::vector<Record>{{"a", "b"}}));
  EXPECT_EQ(read_all("a,"), (std::vector<Record>{{"a", ""}}));
  EXPECT_EQ(read_all("a,\"b\""), (std::vector<Record>{{"a", "q:b"}}));
  EXPECT_EQ(read_all("a,b\r"), (std::vector<Record>{{"a", "b"}}));
}

TEST(csv, skips_blank_lines_only_when_told) {
  EXPECT_EQ(read_all("a\n\n\r\nb\n"), (std::vector<Record>{{"a"}, {"b"}}));
  EXPECT_EQ(read_all("a\n\nb\n", {.delimiter = ',', .skip_blank_lines = false}), (std::vector<Record>{{"a"}, {""}, {"b"}}));
}

TEST(csv, keeps_quotes_inside_bare_fields) {
  EXPECT_EQ(read_all("the \"Big\" one,5\"\n"), (std::vector<Record>{{"the \"Big\" one", "5\""}}));
}

TEST(csv, counts_the_lines_of_records) {
  TextInput input(std::string_view("a\n\n\"x\ny\"\nb\n"));
  CsvReader reader(input);
  std::vector<Field> fields;
  std::vector<std::uint64_t> lines;
  while (*reader.next(fields)) lines.push_back(reader.line());
  EXPECT_EQ(lines, (std::vector<std::uint64_t>{1, 3, 5}));
}

TEST(csv, names_the_line_of_an_error) {
  TextInput open(std::string_view("a\nb,\"c\nd\n"));
  CsvReader first(open);
  std::vector<Field> fields;
  ASSERT_TRUE(first.next(fields).ok());
  EXPECT_EQ(first.next(fields).status().message(), "line 2: the quote opened here is never closed");
  TextInput after(std::string_view("\"a\" b\n"));
  CsvReader second(after);
  EXPECT_EQ(second.next(fields).status().message(), "line 1: text after a closing quote; a quote inside a quoted field is doubled");
}

TEST(field, types_canonical_numbers_only) {
  const auto type = [](std::string_view text) { return value_of(text, false).type(); };
  for (const char* text : {"0", "42", "-7", "9223372036854775807", "-9223372036854775808"}) EXPECT_EQ(type(text), Type::int64) << text;
  for (const char* text : {"0.0", "-1.5", "59.91273", "0.1", "-0.0"}) EXPECT_EQ(type(text), Type::float64) << text;
  for (const char* text : {"007", "00501", "+1", "-0", "1.50", "1.", ".5", "9223372036854775808", "1e400", "nan", "inf", "-", "--1",
                           "0x10", "1 ", " 1", "12a", "true", "NULL", "1,5", "1_000"}) {
    EXPECT_EQ(type(text), Type::text) << text;
  }
  EXPECT_EQ(type(""), Type::null);
  EXPECT_EQ(type("x'0aff'"), Type::blob);
  EXPECT_EQ(type("x'0AFF'"), Type::text);
  EXPECT_EQ(type("x'0'"), Type::text);
  EXPECT_EQ(value_of("42", true), Value("42"));
  EXPECT_EQ(value_of("", true), Value(""));
}

TEST(field, writes_what_reads_back) {
  EXPECT_EQ(write_record(std::vector<Value>{Value("NO"), Value("42"), Value(42), Value(), Value(""), Value("a,b"), Value("say \"x\""), Value(1.5)}),
            "NO,\"42\",42,,\"\",\"a,b\",\"say \"\"x\"\"\",1.5");
}

Value random_value(Random& random) {
  static const std::string letters = "a,\"\n\r1.-x'0e \t\\";
  switch (random.below(6)) {
    case 0: return {};
    case 1: return Value(static_cast<std::int64_t>(random.next() >> random.below(64)));
    case 2: {
      const auto number = std::bit_cast<double>(random.next());
      return std::isfinite(number) ? Value(number) : Value(0.5);
    }
    case 3: return Value(Blob{std::string(random.below(4), static_cast<char>(random.below(256)))});
    default: {
      std::string text;
      for (std::uint64_t i = random.below(6); i > 0; --i) text += letters[random.below(letters.size())];
      return Value(std::move(text));
    }
  }
}

TEST(field, comes_back_from_random_records) {
  Random random(20);
  for (int round = 0; round < 20000; ++round) {
    std::vector<Value> values(1 + random.below(4));
    for (Value& value : values) value = random_value(random);
    const std::string text = write_record(values);
    const Result<std::vector<Field>> fields = parse_record(text);
    ASSERT_TRUE(fields.ok()) << text;
    ASSERT_EQ(fields->size(), values.size()) << text;
    for (std::size_t i = 0; i < values.size(); ++i) ASSERT_EQ(value_of((*fields)[i]), values[i]) << text;
  }
}

TEST(csv, reads_the_same_wherever_the_buffer_ends) {
  // The buffer has 256 KiB; records straddle its end at every offset.
  const std::string record = "ab,\"c\"\"d\r\n\",5\r\n";
  for (std::size_t shift = 0; shift < record.size(); ++shift) {
    std::string text(256 * 1024 - record.size() - 1 + shift, 'x');
    text += "\n" + record + record;
    const std::vector<Record> records = read_all(text);
    ASSERT_EQ(records.size(), 3u);
    ASSERT_EQ(records[1], (Record{"ab", "q:c\"d\r\n", "5"}));
    ASSERT_EQ(records[2], records[1]);
  }
}

TEST(csv, parses_one_record_and_no_more) {
  EXPECT_EQ(parse_record("NO,Oslo,3143244")->size(), 3u);
  EXPECT_EQ(parse_record("")->size(), 1u);
  EXPECT_EQ(parse_record("a\nb").code(), Code::invalid);
  EXPECT_EQ(parse_record("\"a").code(), Code::invalid);
}

}  // namespace
}  // namespace quire::shell
