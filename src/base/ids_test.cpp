// Goal: identifiers of different kinds never convert, and compare and hash by their number.
// Method: what must not compile is asked of the type traits.
#include "base/ids.hpp"

#include <gtest/gtest.h>

#include <type_traits>
#include <unordered_set>

namespace quire {
namespace {

static_assert(!std::is_convertible_v<PageId, Block>);
static_assert(!std::is_constructible_v<PageId, Block>);
static_assert(!std::is_convertible_v<PageId, std::uint64_t>);
static_assert(!std::is_convertible_v<std::uint64_t, PageId>);
static_assert(sizeof(PageId) == 8 && sizeof(TreeId) == 4 && sizeof(FrameId) == 4);

TEST(ids, compare_by_number) {
  EXPECT_EQ(PageId{7}, PageId{7});
  EXPECT_NE(PageId{7}, PageId{8});
  EXPECT_LT(Lsn{1}, Lsn{2});
  EXPECT_EQ(PageId{}, no_page);
}

TEST(ids, hash_by_number) {
  const std::unordered_set<PageId> pages{PageId{1}, PageId{2}, PageId{1}};
  EXPECT_EQ(pages.size(), 2u);
  EXPECT_TRUE(pages.contains(PageId{2}));
}

}  // namespace
}  // namespace quire
