// get_many: descents side by side.
//
// A lookup in a tree larger than the caches is a chain of cache misses: slot word, header, slots, record. A group of
// lookups takes the same step one after the other, each asking for the lines of its next step before the others are
// served, so their misses overlap (group prefetching: Chen, Ailamaki, Gibbons, Mowry, "Improving hash join
// performance through prefetching", ICDE 2004). Levels above the lowest inner one stay in the caches and are simply
// searched.
//
// A key whose descent meets a page that is not in memory, is being changed or was changed, is looked up by get() when
// its group is done: no page is waited for while others are held.
#include <algorithm>
#include <array>

#include "base/try.hpp"
#include "btree/tree.hpp"

namespace quire::btree {

using buffer::OptimisticPage;
using buffer::Pool;

namespace {

// Beyond some ten misses under way a processor takes no more; twice as many descents keep them under way.
constexpr std::size_t group_size = 16;

// The header and the first lines of a record.
constexpr std::size_t line_bytes = 64;
constexpr std::uint32_t record_lines = 2;

void prefetch(const std::byte* from, std::size_t lines) noexcept {
  for (std::size_t i = 0; i < lines; ++i) __builtin_prefetch(from + i * line_bytes);
}

// The slots between the hints around a head; by these alone an optimistic reader may be led anywhere in the page.
struct SlotRange {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
};

SlotRange slots_around(const NodeView& node, std::uint32_t head) noexcept {
  const std::uint32_t slots = node.count();
  const std::uint32_t distance = node_field::hint_distance.get(node.data());
  if (distance == 0) return {0, slots};
  std::uint32_t below = 0;
  std::uint32_t upto = 0;
  for (std::uint32_t i = 0; i < hint_count; ++i) {
    const std::uint32_t hint = load_le<std::uint32_t>(node.data() + node_field::hints_offset + i * sizeof head);
    below += hint < head ? 1 : 0;
    upto += hint <= head ? 1 : 0;
  }
  const std::uint32_t end = upto < hint_count ? std::min((upto + 1) * distance, slots) : slots;
  return {std::min(below * distance, end), end};
}

enum class Step : std::uint8_t { descending, arrived, alone };

// One key on its way down.
struct Descent {
  std::string_view key;
  std::uint32_t head = 0;
  OptimisticPage page;
  PageId child;
  std::uint32_t level = UINT32_MAX;  // of `page`
  std::uint32_t low = 0;             // slots of `page` that may lead on
  std::uint32_t high = 0;
  Step step = Step::descending;

  void give_up() noexcept {
    page.release();
    step = Step::alone;
  }
};

class Group {
 public:
  Group(Pool& pool, TreeId tree, PageId root) noexcept : pool_(pool), tree_(tree), root_(root) {}

  // Down to the leaves, as far as memory reaches.
  void descend(std::span<const std::string_view> keys) {
    count_ = keys.size();
    std::uint64_t hits = 0;
    for (std::size_t i = 0; i < count_; ++i) {
      descents_[i] = Descent{};
      descents_[i].key = keys[i];
      descents_[i].page = pool_.peek(root_);
    }
    for (std::size_t left = count_; left > 0;) {
      hits += left;
      for_each([&](Descent& d) { narrow(d); });
      for_each([&](Descent& d) { approach(d); });
      for_each([&](Descent& d) { choose(d); });
      for_each([&](Descent& d) { follow(d); });
      left = 0;
      for_each([&](Descent&) { ++left; });
    }
    pool_.count_hits(hits);
  }

  Descent& at(std::size_t i) noexcept { return descents_[i]; }

 private:
  template <class Act>
  void for_each(const Act& act) {
    for (std::size_t i = 0; i < count_; ++i) {
      if (descents_[i].step == Step::descending) act(descents_[i]);
    }
  }

  NodeView view(const Descent& d) const noexcept { return {d.page.data(), pool_.page_bytes()}; }

  // The header is here: which slots may lead on?
  void narrow(Descent& d) noexcept {
    if (!d.page) return d.give_up();
    const NodeView node = view(d);
    if (!node.is_node() || page::tree_of(d.page.data()) != tree_ || node.level() >= d.level) return d.give_up();
    d.level = node.level();
    if (d.level > 1) return;
    const std::size_t prefix_bytes = node_field::prefix_bytes.get(node.data());
    d.head = node.head_in_node(d.key.substr(std::min(prefix_bytes, d.key.size())));
    const SlotRange range = slots_around(node, d.head);
    d.low = range.begin;
    d.high = range.end;
    const std::byte* first = node.data() + node_header_bytes + d.low * slot_bytes;
    prefetch(first, (d.high - d.low) * slot_bytes / line_bytes + 1);
  }

  // The slots are here: which record is it?
  void approach(Descent& d) noexcept {
    if (d.level > 1) return;
    const NodeView node = view(d);
    const std::byte* slots = node.data() + node_header_bytes;
    while (d.low < d.high) {
      const std::uint32_t middle = d.low + (d.high - d.low) / 2;
      if (slot_field::head.get(slots + middle * slot_bytes) < d.head) {
        d.low = middle + 1;
      } else {
        d.high = middle;
      }
    }
    if (d.low < node.count()) prefetch(node.data() + slot_field::offset.get(slots + d.low * slot_bytes), record_lines);
  }

  // The record is here: which child?
  void choose(Descent& d) noexcept {
    if (d.level == 0) {
      d.step = Step::arrived;
      return;
    }
    d.child = view(d).child_for(d.key);
    if (!d.page.valid()) return d.give_up();
    pool_.prefetch_slot(d.child);
  }

  // The child's slot is here: ask for its header, once the parent is known to have been right.
  void follow(Descent& d) noexcept {
    OptimisticPage next = pool_.peek(d.child);
    if (!next || !d.page.valid()) return d.give_up();
    d.page = std::move(next);
    prefetch(d.page.data(), node_header_bytes / line_bytes);
  }

  Pool& pool_;
  const TreeId tree_;
  const PageId root_;
  std::size_t count_ = 0;
  std::array<Descent, group_size> descents_;
};

}  // namespace

Status Tree::get_many(std::span<const std::string_view> keys, const txn::View& view,
                      const std::function<void(std::size_t, std::optional<std::string_view>)>& found) const {
  Group group(pool(), id_, root_);
  std::string value;
  for (std::size_t begin = 0; begin < keys.size(); begin += group_size) {
    const std::size_t count = std::min(group_size, keys.size() - begin);
    group.descend(keys.subspan(begin, count));
    for (std::size_t i = 0; i < count; ++i) {
      Descent& d = group.at(i);
      if (d.step != Step::arrived) continue;
      const NodeView leaf(d.page.data(), pool().page_bytes());
      const SearchResult at = leaf.search(d.key);
      const bool plain = !at.found || leaf.flags(at.index) == 0;
      if (at.found && plain) value.assign(leaf.value(at.index).bytes);
      // Rows with several versions and large values are read one by one.
      if (!d.page.valid() || !plain) {
        d.give_up();
        continue;
      }
      d.page.release();
      found(begin + i, at.found ? std::optional<std::string_view>(value) : std::nullopt);
    }
    for (std::size_t i = 0; i < count; ++i) {
      if (group.at(i).step != Step::alone) continue;
      Status status = get(keys[begin + i], value, view);
      if (!status.ok() && status != Code::not_found) return status;
      found(begin + i, status.ok() ? std::optional<std::string_view>(value) : std::nullopt);
    }
  }
  return Status();
}

}  // namespace quire::btree
