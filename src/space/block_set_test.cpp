// Goal: BlockSet is a set of numbers, and its search finds the lowest aligned run that a slow search finds.
// Method: examples; every set of up to twelve blocks for every run length that fits; random sets over several
//         words, of all run lengths and odd sizes, against std::set.
#include "space/block_set.hpp"

#include <gtest/gtest.h>

#include <set>

#include "base/random.hpp"

namespace quire::space {
namespace {

constexpr std::uint32_t run_lengths[] = {1, 2, 4, 8, 16};

// The definitions, slowly.
class Model {
 public:
  explicit Model(std::uint64_t size) : size_(size) {}
  void insert(std::uint64_t block) { blocks_.insert(block); }
  void erase(std::uint64_t block) { blocks_.erase(block); }
  void resize(std::uint64_t size) {
    size_ = size;
    blocks_.erase(blocks_.lower_bound(size), blocks_.end());
  }
  std::uint64_t size() const { return size_; }
  std::uint64_t count() const { return blocks_.size(); }
  std::uint64_t end() const { return blocks_.empty() ? 0 : *blocks_.rbegin() + 1; }
  bool absent(std::uint64_t first, std::uint32_t blocks) const {
    const auto at = blocks_.lower_bound(first);
    return at == blocks_.end() || *at >= first + blocks;
  }
  bool all(std::uint64_t first, std::uint32_t blocks) const {
    for (std::uint64_t b = first; b < first + blocks; ++b) {
      if (blocks_.count(b) == 0) return false;
    }
    return true;
  }
  std::optional<Block> find_absent(std::uint32_t blocks, std::uint64_t from) const {
    for (std::uint64_t first = (from + blocks - 1) / blocks * blocks; first + blocks <= size_; first += blocks) {
      if (absent(first, blocks)) return Block{first};
    }
    return std::nullopt;
  }
  std::uint64_t count_absent(std::uint32_t blocks) const {
    std::uint64_t runs = 0;
    for (std::uint64_t first = 0; first + blocks <= size_; first += blocks) runs += absent(first, blocks) ? 1 : 0;
    return runs;
  }

 private:
  std::uint64_t size_;
  std::set<std::uint64_t> blocks_;
};

void expect_same(const BlockSet& set, const Model& model, std::uint64_t from) {
  ASSERT_EQ(set.size(), model.size());
  ASSERT_EQ(set.count(), model.count());
  ASSERT_EQ(set.end(), model.end());
  for (const std::uint32_t blocks : run_lengths) {
    ASSERT_EQ(set.find_absent(blocks), model.find_absent(blocks, 0)) << "run of " << blocks;
    ASSERT_EQ(set.find_absent(blocks, Block{from}), model.find_absent(blocks, from)) << "run of " << blocks << " from " << from;
    ASSERT_EQ(set.count_absent(blocks), model.count_absent(blocks)) << "run of " << blocks;
  }
}

TEST(block_set, finds_the_lowest_aligned_run) {
  BlockSet set;
  set.resize(64);
  set.insert(Block{0}, 2);
  EXPECT_EQ(set.find_absent(1), Block{2});
  EXPECT_EQ(set.find_absent(4), Block{4});
  set.insert(Block{5}, 1);
  EXPECT_EQ(set.find_absent(4), Block{8});
  EXPECT_EQ(set.find_absent(1, Block{5}), Block{6});
  EXPECT_EQ(set.find_absent(1, Block{64}), std::nullopt);
  EXPECT_EQ(set.find_absent(1, Block{1000}), std::nullopt);
}

TEST(block_set, has_nothing_when_empty) {
  const BlockSet set;
  EXPECT_EQ(set.size(), 0u);
  EXPECT_EQ(set.end(), 0u);
  EXPECT_EQ(set.count_absent(1), 0u);
  EXPECT_EQ(set.find_absent(1), std::nullopt);
  EXPECT_FALSE(set.contains_any(Block{0}, 16));
}

TEST(block_set, forgets_what_shrinking_cuts_off) {
  BlockSet set;
  set.resize(200);
  set.insert(Block{70}, 2);
  set.insert(Block{128}, 4);
  set.resize(71);
  EXPECT_EQ(set.end(), 71u);
  set.resize(200);
  EXPECT_EQ(set.end(), 71u);
  EXPECT_FALSE(set.contains_any(Block{128}, 4));
  set.resize(0);
  set.resize(200);
  EXPECT_EQ(set.count(), 0u);
}

TEST(block_set, does_not_hand_out_a_run_that_ends_beyond_the_set) {
  BlockSet set;
  set.resize(66);
  set.insert(Block{0}, 16);
  set.insert(Block{16}, 16);
  set.insert(Block{32}, 16);
  set.insert(Block{48}, 16);
  EXPECT_EQ(set.find_absent(2), Block{64});
  EXPECT_EQ(set.find_absent(4), std::nullopt);
  EXPECT_EQ(set.count_absent(4), 0u);
  EXPECT_EQ(set.count_absent(1), 2u);
}

TEST(block_set, agrees_with_a_slow_set_on_every_small_set) {
  for (std::uint64_t size = 0; size <= 12; ++size) {
    for (std::uint64_t bits = 0; bits < (std::uint64_t{1} << size); ++bits) {
      BlockSet set;
      set.resize(size);
      Model model(size);
      for (std::uint64_t b = 0; b < size; ++b) {
        if ((bits >> b & 1) == 0) continue;
        set.insert(Block{b}, 1);
        model.insert(b);
      }
      ASSERT_NO_FATAL_FAILURE(expect_same(set, model, bits % 13)) << "size " << size << " bits " << bits;
    }
  }
}

TEST(block_set, agrees_with_a_slow_set_over_random_changes) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    BlockSet set;
    Model model(0);
    for (int step = 0; step < 150; ++step) {
      const std::uint32_t blocks = run_lengths[random.below(5)];
      const std::uint64_t runs = model.size() / blocks;
      const std::uint64_t choice = random.below(20);
      if (choice == 0 || runs == 0) {
        const std::uint64_t size = random.below(400);
        set.resize(size);
        model.resize(size);
      } else {
        const std::uint64_t first = random.below(runs) * blocks;
        const bool insert = choice < 13;
        ASSERT_EQ(set.contains(Block{first}, blocks), model.all(first, blocks));
        ASSERT_EQ(set.contains_any(Block{first}, blocks), !model.absent(first, blocks));
        insert ? set.insert(Block{first}, blocks) : set.erase(Block{first}, blocks);
        for (std::uint64_t b = first; b < first + blocks; ++b) insert ? model.insert(b) : model.erase(b);
      }
      ASSERT_NO_FATAL_FAILURE(expect_same(set, model, random.below(420))) << "step " << step;
    }
  }
}

}  // namespace
}  // namespace quire::space
