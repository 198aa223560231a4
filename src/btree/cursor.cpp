// TreeCursor: positioning and moving.
#include "btree/cursor.hpp"

#include "base/try.hpp"

namespace quire::btree {

Status TreeCursor::stand(std::uint32_t index) {
  index_ = index;
  view().key(index, key_);
  valid_ = true;
  return Status();
}

Status TreeCursor::seek_ge(std::string_view key) {
  valid_ = false;
  QUIRE_TRY(tree_.copy_leaf({key}, image_));
  const std::uint32_t index = view().search(key).index;
  return index < view().count() ? stand(index) : next_leaf();
}

Status TreeCursor::seek_le(std::string_view key) {
  valid_ = false;
  QUIRE_TRY(tree_.copy_leaf({key}, image_));
  const SearchResult at = view().search(key);
  if (at.found) return stand(at.index);
  return at.index > 0 ? stand(at.index - 1) : prev_leaf();
}

Status TreeCursor::last() {
  valid_ = false;
  QUIRE_TRY(tree_.copy_leaf({{}, true}, image_));
  return view().count() > 0 ? stand(view().count() - 1) : prev_leaf();
}

Status TreeCursor::next() {
  QUIRE_ASSERT(valid_);
  if (index_ + 1 < view().count()) return stand(index_ + 1);
  return next_leaf();
}

Status TreeCursor::prev() {
  QUIRE_ASSERT(valid_);
  if (index_ > 0) return stand(index_ - 1);
  return prev_leaf();
}

// The first entry of the first leaf behind this one that has any.
Status TreeCursor::next_leaf() {
  valid_ = false;
  do {
    if (!view().upper_fence()) return Status(Code::not_found);
    const std::string fence(*view().upper_fence());
    const PageId sibling = view().right_sibling();
    bool there = false;
    if (sibling != no_page) {
      QUIRE_ASSIGN(there, tree_.copy_sibling(sibling, fence, image_));
    }
    // The smallest key above the fence.
    if (!there) QUIRE_TRY(tree_.copy_leaf({fence + '\0'}, image_));
  } while (view().count() == 0);
  return stand(0);
}

// The last entry of the first leaf before this one that has any.
Status TreeCursor::prev_leaf() {
  valid_ = false;
  do {
    const std::string fence(view().lower_fence());
    if (fence.empty()) return Status(Code::not_found);
    QUIRE_TRY(tree_.copy_leaf({fence}, image_));
  } while (view().count() == 0);
  return stand(view().count() - 1);
}

}  // namespace quire::btree
