// Rows: exact bytes, exact round trips, columns by number, and malformed input.
//
// Goal: every value comes back bit by bit, and the bytes of the format stay what they are. Method: a golden
// table, all interesting values alone and in one row, random rows, one example per refusal.
#include "record/row_codec.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "record/test_values.hpp"
#include "record/varint.hpp"

namespace quire::record {
namespace {

using namespace std::string_literals;

TEST(varint, writes_and_reads_every_length) {
  std::vector<std::uint64_t> numbers = {0, 1, 127, 128, std::numeric_limits<std::uint64_t>::max()};
  for (int bit = 0; bit < 64; ++bit) {
    const std::uint64_t border = std::uint64_t{1} << bit;
    numbers.insert(numbers.end(), {border - 1, border, border + 1});
  }
  for (const std::uint64_t number : numbers) {
    char buffer[varint_bytes_max];
    const auto bytes = static_cast<std::size_t>(write_varint(buffer, number) - buffer);
    EXPECT_EQ(bytes, varint_bytes(number));
    std::uint64_t back = ~number;
    for (std::size_t cut = 0; cut < bytes; ++cut) EXPECT_EQ(read_varint({buffer, cut}, back), 0u);
    EXPECT_EQ(read_varint({buffer, bytes}, back), bytes);
    EXPECT_EQ(back, number);
  }
}

TEST(varint, refuses_longer_forms) {
  std::uint64_t number = 0;
  for (const std::string_view hex : {"8000", "807f", "80808000", "808080808080808000", "80bfffffffffffffff"}) {
    EXPECT_EQ(read_varint(text_of_hex(hex), number), 0u) << hex;
  }
  EXPECT_EQ(read_varint(text_of_hex("8100"), number), 2u);
  EXPECT_EQ(number, 128u);
  EXPECT_EQ(read_varint(text_of_hex("8180 8080 8080 8080 00"), number), 9u);
  EXPECT_EQ(number, std::uint64_t{1} << 57);
}

TEST(row_codec, writes_the_bytes_of_the_golden_table) {
  const std::vector<std::pair<std::vector<Value>, std::string_view>> golden = {
      {{}, "01"},
      {{Value()}, "02 00"},
      {{Value(0)}, "02 08"},
      {{Value(1)}, "02 09"},
      {{Value(false), Value(true)}, "03 0a0b"},
      {{Value(2)}, "02 01 02"},
      {{Value(-1)}, "02 01 ff"},
      {{Value(-128), Value(127)}, "03 0101 80 7f"},
      {{Value(128), Value(-129)}, "03 0202 0080 ff7f"},
      {{Value(32768)}, "02 03 008000"},
      {{Value(8388608)}, "02 04 00800000"},
      {{Value(std::int64_t{1} << 31)}, "02 05 000080000000"},
      {{Value(std::int64_t{1} << 47)}, "02 06 0000800000000000"},
      {{Value(std::numeric_limits<std::int64_t>::min())}, "02 06 8000000000000000"},
      {{Value(1.0)}, "02 07 3ff0000000000000"},
      {{Value(-0.0)}, "02 07 8000000000000000"},
      {{Value("")}, "02 0d"},
      {{Value("abc")}, "02 13 616263"},
      {{Value(Blob{})}, "02 0c"},
      {{Value(Blob{"\0"s})}, "02 10 00"},
      {{Value(Json{})}, "02 0e"},
      {{Value(Json{"{}"})}, "02 16 7b7d"},
      {{Value("Ada"), Value(1815), Value(), Value(2.5)}, "05 13 02 00 07 416461 0717 4004000000000000"},
  };
  for (const auto& [values, hex] : golden) {
    const std::string row = encode_row(values);
    EXPECT_EQ(row, text_of_hex(hex)) << hex << " is " << hex_of(row);
    const auto back = decode_row(row);
    ASSERT_TRUE(back.ok()) << back.message();
    EXPECT_TRUE(same_exactly(*back, values)) << hex;
  }
}

TEST(row_codec, keeps_every_value_exactly) {
  std::vector<Value> values = interesting_values();
  values.emplace_back(std::bit_cast<double>(std::uint64_t{0x7ff8000000001234}));
  values.emplace_back(std::bit_cast<double>(std::uint64_t{0xfff8000000000001}));
  values.emplace_back(std::string(100000, 'x'));
  for (const Value& value : values) {
    const auto back = decode_row(encode_row({value}));
    ASSERT_TRUE(back.ok()) << describe(value) << ": " << back.message();
    EXPECT_TRUE(same_exactly(*back, {value})) << describe(value);
  }
  const auto back = decode_row(encode_row(values));
  ASSERT_TRUE(back.ok()) << back.message();
  EXPECT_TRUE(same_exactly(*back, values));
}

TEST(row_codec, keeps_random_rows_exactly) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 20000; ++round) {
    std::vector<Value> values(random() % 8);
    for (Value& value : values) value = random_value(random);
    const auto back = decode_row(encode_row(values));
    ASSERT_TRUE(back.ok()) << back.message();
    ASSERT_TRUE(same_exactly(*back, values));
  }
}

TEST(row_codec, counts_its_own_length_into_the_header_at_every_border) {
  for (const std::size_t count : {0, 1, 125, 126, 127, 128, 16380, 16381, 16382, 16383, 16384}) {
    const std::string row = encode_row(std::vector<Value>(count, Value(true)));
    const auto view = RowView::open(row);
    ASSERT_TRUE(view.ok()) << view.message();
    EXPECT_EQ(view->count(), count);
    std::uint64_t header_bytes = 0;
    EXPECT_GT(read_varint(row, header_bytes), 0u);
    EXPECT_EQ(header_bytes, row.size());
  }
}

TEST(row_codec, reaches_a_column_without_the_others) {
  const std::string row = encode_row({"Ada", 1815, nullptr, 2.5, Json{"[]"}, Blob{"\0"s}, true});
  const auto view = RowView::open(row);
  ASSERT_TRUE(view.ok()) << view.message();
  ASSERT_EQ(view->count(), 7u);
  EXPECT_EQ(view->column(3).value(), Value(2.5));
  EXPECT_EQ(view->column(1).value(), Value(1815));
  EXPECT_EQ(view->column(6).value(), Value(true));
  EXPECT_EQ(view->type(2), Type::null);
  const auto text = view->text_view(0);
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(*text, "Ada");
  EXPECT_GE(text->data(), row.data()) << "a view into the row";
  EXPECT_LE(text->data() + text->size(), row.data() + row.size());
  EXPECT_EQ(view->text_view(4).value(), "[]");
  EXPECT_EQ(view->text_view(5).value(), std::string_view("\0", 1));
  EXPECT_EQ(view->text_view(1), Code::invalid);
  EXPECT_EQ(view->text_view(1).message(), "column 1 is int64, expected text, json or blob");
}

TEST(row_codec, refuses_what_encoding_does_not_write) {
  for (const std::string_view hex : {
           "", "00", "02", "80", "8100", "03 00",           // length of the header: missing, too small, too large
           "8002 00", "8104 00",                            // not the shortest form
           "02 8000", "03 8000", "02 80",                   // serial type: not the shortest form, cut off
           "02 01", "02 02 00", "02 13 6162", "02 07 00",   // content cut off
           "02 00 00", "02 13 61626364", "01 00",           // something follows
           "02 01 00", "02 01 01", "02 02 007f", "02 02 ff80", "02 04 00000002", "02 06 0000000000000002",
           "0a ffffffffffffffffff", "0a ffffffffffffffff7f", "0a fffffffffffffffffe",
       }) {
    EXPECT_EQ(decode_row(text_of_hex(hex)), Code::corrupt) << hex;
  }
}

TEST(row_codec, names_the_offset_and_what_it_expected) {
  const auto message = [](std::string_view hex) { return std::string(decode_row(text_of_hex(hex)).message()); };
  EXPECT_EQ(message(""), "row of 0 bytes, offset 0: expected the length of the header");
  EXPECT_EQ(message("05 00"), "row of 2 bytes, offset 0: expected a header within the row, found a length of 5");
  EXPECT_EQ(message("03 00 04 00"),
            "row of 4 bytes, offset 2: expected a column within the row, found one of 4 bytes where 1 are left");
  EXPECT_EQ(message("02 00 ff"), "row of 3 bytes, offset 2: expected the end of the row");
  EXPECT_EQ(message("03 01 02 05 0005"), "row of 6 bytes, offset 4: expected an integer in its shortest form");
}

TEST(row_codec, leaves_contents_alone_until_a_column_is_asked_for) {
  const std::string row = text_of_hex("03 01 01 00 05");  // column 0 should have been the constant 0
  const auto view = RowView::open(row);
  ASSERT_TRUE(view.ok());
  EXPECT_EQ(view->column(1).value(), Value(5));
  EXPECT_EQ(view->column(0), Code::corrupt);
}

}  // namespace
}  // namespace quire::record
