// TreeCursor: taking leaves over, positioning and moving.
//
// Beyond the copied leaf the cursor looks for keys, not for places: splits and merges may have moved both borders of
// the leaf that it comes to, so it searches there for the fence that it comes from.
//
// What a view sees of a leaf is decided once, when the leaf is copied; a row whose version was found needs no second look,
// since a registered view goes on seeing that version whatever becomes of the leaf.
#include "btree/cursor.hpp"

#include <algorithm>

#include "base/seeded_bug.hpp"
#include "base/try.hpp"

namespace quire::btree {

using buffer::OptimisticPage;

namespace {

// Fetches a page that is in memory into the caches, a part of it with each step.
class Prefetch {
 public:
  Prefetch(const buffer::Pool& pool, PageId id, std::uint32_t steps) noexcept
      : next_(pool.resident(id)), left_(next_ == nullptr ? 0 : pool.page_bytes() / line_bytes), each_(left_ / steps + 1) {}
  void step() noexcept {
    for (std::uint32_t i = 0; i < each_ && left_ > 0; ++i, --left_, next_ += line_bytes) __builtin_prefetch(next_);
  }

 private:
  static constexpr std::uint32_t line_bytes = 64;
  const std::byte* next_;
  std::uint32_t left_;  // lines
  std::uint32_t each_;
};

}  // namespace

std::uint32_t TreeCursor::row_at(std::uint32_t slot) const noexcept {
  if (plain_) return slot;
  const auto found = std::lower_bound(rows_.begin(), rows_.end(), slot, [](const Row& row, std::uint32_t s) { return row.slot < s; });
  return static_cast<std::uint32_t>(found - rows_.begin());
}

ValueAt TreeCursor::value_of(std::uint32_t row) const noexcept {
  if (plain_ || rows_[row].older == 0) return view().value(slot_of(row));
  const Older& older = older_[rows_[row].older - 1];
  return {older.bytes, older.overflow};
}

// Slots and records, without the gap between them.
void TreeCursor::copy(const OptimisticPage& page) {
  const std::uint32_t page_bytes = tree_.pool().page_bytes();
  const NodeView leaf(page.data(), page_bytes);
  tree_.pool().prefetch_slot(leaf.right_sibling());
  const std::uint32_t slots_end = node_header_bytes + leaf.count() * slot_bytes;
  const std::uint32_t low = std::clamp(page::end_offset(node_field::heap_low.get(page.data())), slots_end, page_bytes);
  std::memcpy(image_.get(), page.data(), slots_end);
  std::memcpy(image_.get() + low, page.data() + low, page_bytes - low);
}

Result<bool> TreeCursor::take(OptimisticPage page, Timestamp settled) {
  copy(page);
  if (!page.valid()) return false;
  version_ = page.version();
  const NodeView leaf = view();
  count_ = leaf.count();
  prefix_bytes_ = leaf.prefix().size();
  leaf_ = page::id_of(image_.get());
  held_.reset();
  ++copies_;
  new_prefix_ = true;
  rows_.clear();
  older_.clear();
  plain_ = leaf.row_headers() == 0 || (leaf.ghosts() == 0 && view_.sees_all_up_to(Xid{page::header::max_xid.get(image_.get())}));
  if (plain_) return view_.registered || page.valid();
  const Tree::Looking at{view_, settled, page::id_of(image_.get())};
  Tree::Version version;
  for (std::uint32_t slot = 0; slot < count_; ++slot) {
    Tree::begin_version(leaf, slot, version);
    if (!view_.registered) {
      const bool seen = !version.next || view_.sees(version.next->xid);
      if (!seen || version.exists) rows_.push_back({slot, 0, seen ? Xid{} : version.next->xid});
      continue;
    }
    QUIRE_ASSIGN(const bool found, tree_.find_version(at, page, version));
    if (!found) return false;
    if (!version.exists) continue;
    if (!version.older) {
      rows_.push_back({slot, 0, {}});
      continue;
    }
    older_.push_back({std::string(version.value.bytes), version.value.overflow});
    rows_.push_back({slot, static_cast<std::uint32_t>(older_.size()), {}});
  }
  // Without a snapshot, who was active when the leaf was copied may have ended since, with other versions.
  return view_.registered || page.valid();
}

// The row that was come to; the cursor stands nowhere.
Status TreeCursor::stop() {
  valid_ = false;
  held_ = Held{key_, rows_[index_].held};
  return Status(Code::conflict);
}

bool TreeCursor::current() const noexcept {
  const OptimisticPage page = tree_.pool().optimistic(leaf_);
  return page && page.version() == version_;
}

void TreeCursor::gather(Gather how, std::uint64_t most, std::vector<Entry>& into) {
  const std::uint32_t left = !valid_ ? 0 : how.back ? index_ : rows() - 1 - index_;
  const std::uint32_t wanted = static_cast<std::uint32_t>(std::min<std::uint64_t>(most, left));
  if (wanted == 0) return;
  const NodeView leaf = view();
  const std::string_view prefix = leaf.prefix();
  const std::size_t bytes = wanted * prefix.size() + tree_.pool().page_bytes();
  if (bytes > gathered_keys_bytes_) {
    gathered_keys_ = std::make_unique_for_overwrite<char[]>(bytes);
    gathered_keys_bytes_ = bytes;
  }
  // A walk that goes on will come to the right sibling: its lines are fetched while this leaf's rows are passed.
  Prefetch ahead(tree_.pool(), most > left && !how.back ? leaf.right_sibling() : no_page, wanted);
  char* to = gathered_keys_.get();
  into.reserve(wanted);
  for (std::uint32_t i = 0; i < wanted; ++i) {
    const std::uint32_t row = how.back ? index_ - 1 : index_ + 1;
    if (!plain_ && rows_[row].held != Xid{}) break;
    const ValueAt value = how.with_values ? value_of(row) : ValueAt();
    if (value.overflow) break;
    const std::string_view suffix = leaf.suffix(slot_of(row));
    std::memcpy(to, prefix.data(), prefix.size());
    std::memcpy(to + prefix.size(), suffix.data(), suffix.size());
    into.push_back({{to, prefix.size() + suffix.size()}, value.bytes});
    to += prefix.size() + suffix.size();
    index_ = row;
    ahead.step();
  }
  if (!into.empty()) place(index_);
}

Status TreeCursor::load(Tree::LeafOf which) {
  for (bool taken = false; !taken;) {
    const Timestamp settled = view_.settled();
    OptimisticPage page;
    QUIRE_TRY(tree_.open_leaf(which, page));
    QUIRE_ASSIGN(taken, take(std::move(page), settled));
  }
  return Status();
}

Status TreeCursor::seek_ge(std::string_view key) {
  valid_ = false;
  QUIRE_TRY(load({key}));
  const std::uint32_t row = row_at(view().search(key).index);
  return row < rows() ? stand(row) : next_leaf();
}

Status TreeCursor::seek_le(std::string_view key) {
  valid_ = false;
  QUIRE_TRY(load({key}));
  const SearchResult at = view().search(key);
  const std::uint32_t row = row_at(at.index);
  if (at.found && row < rows() && slot_of(row) == at.index) return stand(row);
  return row > 0 ? stand(row - 1) : prev_leaf();
}

Status TreeCursor::last() {
  valid_ = false;
  QUIRE_TRY(load({{}, true}));
  return rows() > 0 ? stand(rows() - 1) : prev_leaf();
}

// The first entry above this leaf's upper fence. A merge may have given the leaf that covers it a lower beginning.
Status TreeCursor::next_leaf() {
  valid_ = false;
  std::uint32_t row = 0;
  do {
    if (!view().upper_fence()) return Status(Code::not_found);
    const std::string fence(*view().upper_fence());
    const PageId sibling = view().right_sibling();
    const Timestamp settled = view_.settled();
    OptimisticPage page;
    bool taken = false;
    if (sibling != no_page) QUIRE_TRY(tree_.open_sibling(sibling, fence, page));
    if (page) {
      QUIRE_ASSIGN(taken, take(std::move(page), settled));
    }
    row = 0;
    if (!taken) {
      // The smallest key above the fence.
      const std::string next = fence + '\0';
      QUIRE_TRY(load({next}));
      row = row_at(view().search(next).index);
    }
  } while (row >= rows());
  return stand(row);
}

// The last entry at or below this leaf's lower fence.
Status TreeCursor::prev_leaf() {
  valid_ = false;
  for (;;) {
    const std::string fence(view().lower_fence());
    if (fence.empty()) return Status(Code::not_found);
    QUIRE_TRY(load({fence}));
    const SearchResult at = view().search(fence);
    const std::uint32_t row = row_at(at.index);
    const bool at_fence = at.found && row < rows() && slot_of(row) == at.index;
    if (at_fence && !seeded_bug("take_the_upper_fence_as_exclusive")) return stand(row);
    if (row > 0) return stand(row - 1);
  }
}

}  // namespace quire::btree
