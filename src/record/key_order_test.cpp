// Keys order as their values do.
//
// Goal: memcmp of two keys is the comparison of their tuples, column by column. Method: all pairs of
// interesting values, all pairs of 2-column tuples over a smaller list under every order and collation, and
// random tuples, each against compare_values. Two wrong encoders show that the check can fail.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "quire/key.hpp"
#include "record/compare.hpp"
#include "record/key_number.hpp"
#include "record/key_text.hpp"
#include "record/test_values.hpp"

namespace quire::record {
namespace {

using namespace std::string_literals;

using Tuple = std::vector<Value>;
using Columns = std::vector<KeyColumn>;

constexpr Order orders[] = {Order::ascending, Order::descending};
constexpr Collation collations[] = {Collation::binary, Collation::nocase, Collation::rtrim};

int sign(std::weak_ordering order) { return order < 0 ? -1 : order > 0 ? 1 : 0; }
int sign(int order) { return order < 0 ? -1 : order > 0 ? 1 : 0; }

// The meaning of a key's order, spelled out.
int compare_tuples(const Tuple& left, const Tuple& right, const Columns& columns) {
  for (std::size_t i = 0; i < left.size(); ++i) {
    const KeyColumn column = i < columns.size() ? columns[i] : KeyColumn{};
    const int order = sign(compare_values(left[i], right[i], column.collation));
    if (order != 0) return column.order == Order::descending ? -order : order;
  }
  return 0;
}

struct Check {
  std::size_t wrong = 0;
  std::string first_wrong;
};

using Encoder = std::function<std::string(const Tuple&)>;

// Counts the pairs of tuples that their keys order otherwise than their values.
Check check_pairs(const std::vector<Tuple>& tuples, const Columns& columns, const Encoder& encode) {
  std::vector<std::string> keys;
  for (const Tuple& tuple : tuples) keys.push_back(encode(tuple));
  Check check;
  for (std::size_t i = 0; i < tuples.size(); ++i) {
    for (std::size_t j = 0; j < tuples.size(); ++j) {
      if (sign(keys[i].compare(keys[j])) == compare_tuples(tuples[i], tuples[j], columns)) continue;
      if (check.wrong++ != 0) continue;
      for (const Value& value : tuples[i]) check.first_wrong += describe(value) + ", ";
      check.first_wrong += "against";
      for (const Value& value : tuples[j]) check.first_wrong += " " + describe(value);
    }
  }
  return check;
}

Check check_pairs(const std::vector<Tuple>& tuples, const Columns& columns) {
  return check_pairs(tuples, columns, [&](const Tuple& tuple) { return encode_key(tuple, columns); });
}

std::vector<Tuple> single_columns(const std::vector<Value>& values) {
  std::vector<Tuple> tuples;
  for (const Value& value : values) tuples.push_back({value});
  return tuples;
}

TEST(key_order, follows_the_values_for_all_pairs) {
  const std::vector<Tuple> tuples = single_columns(interesting_values());
  for (const Order order : orders) {
    for (const Collation collation : collations) {
      const Check check = check_pairs(tuples, {{order, collation}});
      EXPECT_EQ(check.wrong, 0u) << check.first_wrong;
    }
  }
}

TEST(key_order, orders_integers_beyond_2_to_the_53_between_their_neighbour_doubles) {
  for (int power = 53; power <= 62; ++power) {
    const std::int64_t integer = std::int64_t{1} << power;
    const auto number = static_cast<double>(integer);
    const double above = std::nextafter(number, 1e300);
    EXPECT_EQ(encode_key({integer}), encode_key({number}));
    EXPECT_LT(encode_key({integer}), encode_key({integer + 1}));
    EXPECT_LT(encode_key({integer + 1}), encode_key({above}));
    EXPECT_LT(encode_key({-above}), encode_key({-integer - 1}));
    EXPECT_LT(encode_key({-integer - 1}), encode_key({-number}));
  }
  EXPECT_LT(encode_key({std::numeric_limits<std::int64_t>::max()}), encode_key({9223372036854775808.0}));
}

TEST(key_order, orders_all_small_integers_and_the_fractions_between_them) {
  std::string previous;
  for (int eighths = -8 * 600; eighths <= 8 * 600; ++eighths) {
    const std::string key = encode_key({eighths / 8.0});
    ASSERT_LT(previous, key) << eighths / 8.0;
    if (eighths % 8 == 0) {
      ASSERT_EQ(key, encode_key({eighths / 8}));
    }
    previous = key;
  }
}

TEST(key_order, follows_pairs_of_columns_under_every_order_and_collation) {
  const std::vector<Value> small = {Value(), Value(true), Value(-1), Value(0.5), Value(1), Value(1.5), Value(300),
                                    Value(""), Value("\0"s), Value("\1"s), Value("a"), Value("A"), Value("a "),
                                    Value("a\0"s), Value("ab"), Value("\xff"), Value(Json{"a"}), Value(Blob{""}),
                                    Value(Blob{"\0"s}), Value(Blob{"\xff"})};
  std::vector<Tuple> tuples;
  for (const Value& first : small) {
    for (const Value& second : small) tuples.push_back({first, second});
  }
  for (const Order first_order : orders) {
    for (const Collation first_collation : collations) {
      for (const Order second_order : orders) {
        for (const Collation second_collation : collations) {
          const Check check = check_pairs(tuples, {{first_order, first_collation}, {second_order, second_collation}});
          ASSERT_EQ(check.wrong, 0u) << check.first_wrong;
        }
      }
    }
  }
}

TEST(key_order, follows_random_tuples) {
  std::mt19937_64 random(20240607);
  for (int round = 0; round < 60; ++round) {
    const std::size_t column_count = 1 + random() % 4;
    Columns columns(random() % (column_count + 1));
    for (KeyColumn& column : columns) column = {orders[random() % 2], collations[random() % 3]};
    std::vector<Tuple> tuples(120, Tuple(column_count));
    for (Tuple& tuple : tuples) {
      for (Value& value : tuple) value = random_value(random);
      // Half of the tuples share their beginning with the one before.
      if (&tuple != tuples.data() && random() % 2 == 0) {
        const Tuple& before = *(&tuple - 1);
        std::copy_n(before.begin(), random() % column_count, tuple.begin());
      }
    }
    const Check check = check_pairs(tuples, columns);
    ASSERT_EQ(check.wrong, 0u) << "round " << round << ": " << check.first_wrong;
  }
}

TEST(key_order, comes_back_from_random_tuples) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 20000; ++round) {
    Tuple tuple(random() % 5);
    for (Value& value : tuple) value = random_value(random);
    Columns columns(random() % 3);
    for (KeyColumn& column : columns) column = {orders[random() % 2], collations[random() % 3]};
    const std::string key = encode_key(tuple, columns);
    const auto decoded = decode_key(key, columns);
    ASSERT_TRUE(decoded.ok()) << hex_of(key) << ": " << decoded.message();
    ASSERT_EQ(decoded->size(), tuple.size());
    ASSERT_EQ(compare_tuples(*decoded, tuple, columns), 0) << hex_of(key);
    ASSERT_EQ(encode_key(*decoded, columns), key);
  }
}

TEST(key_order, check_notices_an_encoder_that_rounds_integers) {
  const Encoder rounding = [](const Tuple& tuple) {
    std::string key;
    const Value& value = tuple[0];
    append_float(key, value.type() == Type::int64 ? static_cast<double>(value.int64()) : value.float64());
    return key;
  };
  std::vector<Value> numbers;
  add_number_borders(numbers);
  EXPECT_GT(check_pairs(single_columns(numbers), {}, rounding).wrong, 0u);
}

TEST(key_order, check_notices_an_encoder_without_escape) {
  const Encoder unescaped = [](const Tuple& tuple) { return tuple[0].text() + '\0' + tuple[1].text() + '\0'; };
  std::vector<Tuple> tuples;
  for (const std::string& first : interesting_texts()) {
    for (const std::string& second : interesting_texts()) tuples.push_back({first, second});
  }
  EXPECT_GT(check_pairs(tuples, {}, unescaped).wrong, 0u);
}

}  // namespace
}  // namespace quire::record
