// Damaged keys and rows.
//
// Goal: any bytes whatever are either the one encoding of some values or refused as corrupt; nothing is read
// out of bounds (the sanitizer builds run this file too). Method: every truncation and every change of one
// byte of good encodings, then random changes, random bytes, and all strings of up to two bytes.
#include <gtest/gtest.h>

#include "record/key_codec.hpp"
#include "record/row_codec.hpp"
#include "record/test_values.hpp"

namespace quire::record {
namespace {

using Columns = std::vector<KeyColumn>;

const std::vector<Columns>& column_sets() {
  static const std::vector<Columns> sets = {
      {},
      {{Order::descending, Collation::binary}},
      {{Order::ascending, Collation::nocase}, {Order::descending, Collation::rtrim}},
  };
  return sets;
}

// The bytes in a block of memory of exactly their size, so that a sanitizer sees the first byte beyond.
class ExactCopy {
 public:
  explicit ExactCopy(std::string_view bytes) : bytes_(bytes.begin(), bytes.end()) { bytes_.shrink_to_fit(); }
  std::string_view view() const { return {bytes_.data(), bytes_.size()}; }

 private:
  std::vector<char> bytes_;
};

void check_key(std::string_view bytes) {
  const ExactCopy copy(bytes);
  for (const Columns& columns : column_sets()) {
    const auto values = decode_key(copy.view(), columns);
    if (values.ok()) {
      ASSERT_EQ(encode_key(*values, columns), bytes) << hex_of(bytes);
    } else {
      ASSERT_TRUE(values == Code::corrupt || values == Code::limit) << hex_of(bytes);
      ASSERT_NE(values.message(), "") << hex_of(bytes);
    }
  }
}

void check_row(std::string_view bytes) {
  const ExactCopy copy(bytes);
  const auto values = decode_row(copy.view());
  const auto view = RowView::open(copy.view());
  if (!view.ok()) {
    ASSERT_EQ(values, Code::corrupt) << hex_of(bytes);
    ASSERT_EQ(values.message(), view.message());
    return;
  }
  bool all_columns_ok = true;
  for (std::size_t i = 0; i < view->count(); ++i) {
    const auto column = view->column(i);
    all_columns_ok = all_columns_ok && column.ok();
    if (column.ok() && values.ok()) {
      ASSERT_TRUE(same_exactly(*column, (*values)[i])) << hex_of(bytes);
    }
    const auto text = view->text_view(i);
    ASSERT_EQ(text.ok(), view->type(i) >= Type::text);
  }
  ASSERT_EQ(all_columns_ok, values.ok()) << hex_of(bytes);
  if (values.ok()) {
    ASSERT_EQ(encode_row(*values), bytes) << hex_of(bytes);
  } else {
    ASSERT_EQ(values, Code::corrupt);
  }
}

void check(std::string_view bytes) {
  check_key(bytes);
  check_row(bytes);
}

// Good encodings: every interesting value alone, and random tuples.
std::vector<std::string> good_encodings() {
  std::vector<std::string> encodings;
  const auto add = [&](const std::vector<Value>& values) {
    for (const Columns& columns : column_sets()) encodings.push_back(encode_key(values, columns));
    encodings.push_back(encode_row(values));
  };
  const std::vector<Value> values = interesting_values();
  for (std::size_t i = 0; i < values.size(); i += 3) add({values[i]});
  std::mt19937_64 random(3);
  for (int i = 0; i < 20; ++i) {
    std::vector<Value> tuple(random() % 6);
    for (Value& value : tuple) value = random_value(random);
    add(tuple);
  }
  return encodings;
}

TEST(damage, is_refused_or_canonical_after_every_truncation_and_extension) {
  for (const std::string& good : good_encodings()) {
    for (std::size_t bytes = 0; bytes <= good.size(); ++bytes) check(std::string_view(good).substr(0, bytes));
    for (const char junk : {'\x00', '\x01', '\x08', '\xff'}) check(good + junk);
  }
}

TEST(damage, is_refused_or_canonical_after_every_change_of_one_byte) {
  const std::vector<std::string> encodings = good_encodings();
  for (std::size_t e = 0; e < encodings.size(); e += 5) {
    std::string bytes = encodings[e];
    for (char& c : bytes) {
      const char before = c;
      for (int value = 0; value < 256; value += 1) {
        c = static_cast<char>(value);
        check(bytes);
      }
      c = before;
    }
  }
}

TEST(damage, is_refused_or_canonical_after_random_changes) {
  std::mt19937_64 random(11);
  const std::vector<std::string> encodings = good_encodings();
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = encodings[random() % encodings.size()];
    const std::string& other = encodings[random() % encodings.size()];
    for (std::size_t i = 0; i < 1 + random() % 3; ++i) {
      const std::size_t at = random() % (bytes.size() + 1);
      switch (random() % 4) {
        case 0: bytes.insert(at, 1, static_cast<char>(random())); break;
        case 1: bytes.erase(at, random() % 4); break;
        case 2: bytes.insert(at, other.substr(0, random() % (other.size() + 1))); break;
        default:
          if (at < bytes.size()) bytes[at] = static_cast<char>(bytes[at] ^ 1 << random() % 8);
      }
    }
    check(bytes);
  }
}

TEST(damage, is_refused_or_canonical_for_all_strings_of_two_bytes) {
  check("");
  for (int first = 0; first < 256; ++first) {
    std::string bytes(1, static_cast<char>(first));
    check(bytes);
    bytes += '\0';
    for (int second = 0; second < 256; ++second) {
      bytes[1] = static_cast<char>(second);
      check(bytes);
    }
  }
}

}  // namespace
}  // namespace quire::record
