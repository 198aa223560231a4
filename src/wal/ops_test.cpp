// Goal: operations come back in order and whole; a savepoint cuts exactly what is above it; malformed ones end the walk.
// Method: every kind once; random sequences against a vector, cut at random numbers; random bytes are walked over.
#include "wal/ops.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace quire::wal {
namespace {

struct Known {
  OpKind kind;
  bool more;
  std::uint32_t tree;
  std::uint32_t number;
  std::string key;
  std::string value;
  friend bool operator==(const Known&, const Known&) = default;
};

std::vector<Known> walked(Bytes bytes) {
  std::vector<Known> ops;
  OpReader reader(bytes);
  Op op;
  while (reader.next(op)) {
    ops.push_back({op.kind, op.more, op.tree.raw, op.number, std::string(as_text(op.key)), std::string(as_text(op.value))});
  }
  return ops;
}

TEST(ops, of_every_kind_come_back_in_order) {
  OpBuffer ops;
  ops.create_tree(TreeId{9}, 1);
  ops.put(TreeId{9}, 2, as_bytes("a"), as_bytes("1"));
  ops.begin_put(TreeId{9}, 3, as_bytes("long"), as_bytes("begin"));
  ops.part(TreeId{9}, 3, as_bytes("middle"), false);
  ops.part(TreeId{9}, 3, as_bytes("end"), true);
  ops.erase(TreeId{9}, 4, as_bytes("a"));
  ops.heap_put(TreeId{8}, 5, as_bytes("pointer!"), as_bytes("row"));
  ops.heap_erase(TreeId{8}, 6, as_bytes("pointer!"));
  ops.drop_tree(TreeId{9}, 7);
  ops.rows(TreeId{9}, 7, -2);
  EXPECT_EQ(ops.count(), 10u);
  EXPECT_EQ(ops.first_number(), 1u);
  const std::vector<Known> expected = {
      {OpKind::create_tree, false, 9, 1, "", ""}, {OpKind::put, false, 9, 2, "a", "1"},
      {OpKind::put, true, 9, 3, "long", "begin"}, {OpKind::part, true, 9, 3, "", "middle"},
      {OpKind::part, false, 9, 3, "", "end"},     {OpKind::erase, false, 9, 4, "a", ""},
      {OpKind::heap_put, false, 8, 5, "pointer!", "row"}, {OpKind::heap_erase, false, 8, 6, "pointer!", ""},
      {OpKind::drop_tree, false, 9, 7, "", ""},
      {OpKind::rows, false, 9, 7, "", "\xfe\xff\xff\xff\xff\xff\xff\xff"}};
  EXPECT_EQ(walked(ops.bytes()), expected);
}

TEST(ops, rows_tell_every_change_of_a_count) {
  for (const std::int64_t change : {std::int64_t{0}, std::int64_t{1}, std::int64_t{-1}, INT64_MAX, INT64_MIN}) {
    OpBuffer ops;
    ops.rows(TreeId{3}, 9, change);
    OpReader reader(ops.bytes());
    Op op;
    ASSERT_TRUE(reader.next(op));
    EXPECT_EQ(op.kind, OpKind::rows);
    EXPECT_EQ(rows_of(op), change);
    EXPECT_FALSE(reader.next(op));
  }
}

TEST(ops, rows_of_another_form_are_refused) {
  namespace f = record_field;
  const auto walks = [](std::size_t extra_bytes, auto change) {
    OpBuffer ops;
    ops.rows(TreeId{3}, 9, 5);
    std::vector<std::byte> bytes(ops.bytes().size() + extra_bytes);
    std::copy(ops.bytes().begin(), ops.bytes().end(), bytes.begin());
    change(bytes.data());
    return walked(bytes).size();
  };
  EXPECT_EQ(walks(0, [](std::byte*) {}), 1u);
  EXPECT_EQ(walks(0, [](std::byte* op) { f::op_value_bytes.set(op, 7); }), 0u) << "a shorter number";
  EXPECT_EQ(walks(1, [](std::byte* op) { f::op_value_bytes.set(op, 9); }), 0u) << "a longer number";
  EXPECT_EQ(walks(0, [](std::byte* op) { f::op_flags.set(op, op_flag::more); }), 0u) << "a number in parts";
  EXPECT_EQ(walks(1, [](std::byte* op) { f::op_key_bytes.set(op, 1); }), 0u) << "with a key";
}

TEST(ops, above_a_savepoint_are_dropped_and_the_rest_stays) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Random random(seed);
    OpBuffer ops;
    std::vector<Known> model;
    std::uint32_t number = 0;
    for (int step = 0; step < 40; ++step) {
      if (random.chance(1, 8)) {
        number = static_cast<std::uint32_t>(random.below(number + 1));
        ops.drop_above(number);
        std::erase_if(model, [&](const Known& op) { return op.number > number; });
      } else {
        const std::string key(random.below(30), 'k');
        const std::string value(random.below(60), 'v');
        ops.put(TreeId{1}, ++number, as_bytes(key), as_bytes(value));
        model.push_back({OpKind::put, false, 1, number, key, value});
      }
      ASSERT_EQ(walked(ops.bytes()), model) << "seed " << seed;
      ASSERT_EQ(ops.count(), model.size()) << "seed " << seed;
      if (!model.empty()) {
        ASSERT_EQ(ops.first_number(), model.front().number) << "seed " << seed;
      }
    }
  }
}

TEST(ops, clear_gives_back_what_one_long_transaction_took) {
  OpBuffer ops;
  const std::string value(100000, 'v');
  ops.put(TreeId{1}, 1, as_bytes("k"), as_bytes(value));
  ops.clear(1000);
  EXPECT_TRUE(ops.empty());
  EXPECT_EQ(ops.bytes().size(), 0u);
  ops.put(TreeId{1}, 1, as_bytes("k"), as_bytes("v"));
  EXPECT_EQ(ops.count(), 1u);
}

TEST(ops, random_bytes_are_walked_within_their_bounds) {
  Random random(5);
  for (int round = 0; round < 20000; ++round) {
    std::vector<std::byte> bytes(random.below(80));
    for (std::byte& b : bytes) b = static_cast<std::byte>(random.chance(1, 2) ? random.below(4) : random.below(256));
    OpReader reader(bytes);
    Op op;
    while (reader.next(op)) ASSERT_LE(reader.position(), bytes.size());
  }
}

}  // namespace
}  // namespace quire::wal
