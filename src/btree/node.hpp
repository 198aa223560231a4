// Node: reading, searching and changing one page of a B+ tree.
//
// NodeView reads. It may look at bytes that change underneath it (OptimisticPage), so every offset and length
// taken from the page is clamped to the page: a torn read gives a wrong answer, never a wild access, and the
// caller's validation throws the answer away. check() says whether all of them are possible.
//
// Node changes a page that its caller has latched exclusively. It does not allocate pages and knows no tree.
//
// Invariants   1. keys ascend strictly; lower fence < every key <= upper fence
//              2. every key begins with the node's prefix, which is what both fences share
//              3. heap_used is the exact number of record and fence bytes; none lies below heap_low
//              4. the first head_skip bytes of all suffixes are the same; a slot's head is what follows them in its suffix;
//                 hints repeat the heads of slots hint_distance, 2 * hint_distance, ...
//              5. a ghost has a row header; ghosts and row headers are counted; the page's max_xid is at or above
//                 every row's xid
// Layout       layout.hpp
// Threads      NodeView: any, with validation; Node: the holder of the exclusive latch
// Errors       operations say beforehand whether they fit; then they cannot fail
#pragma once

#include <optional>
#include <string>

#include "base/assert.hpp"
#include "base/ids.hpp"
#include "btree/layout.hpp"
#include "quire/status.hpp"

namespace quire::btree {

struct SearchResult {
  std::uint32_t index = 0;  // first slot whose key is not below the searched one
  bool found = false;       // it is the searched one
};

// Where a value lies in a leaf.
struct ValueAt {
  std::string_view bytes;  // the value, or the stub
  bool overflow = false;
};

class NodeView {
 public:
  NodeView(const std::byte* data, std::uint32_t page_bytes) noexcept
      : data_(const_cast<std::byte*>(data)), page_bytes_(page_bytes) {}

  const std::byte* data() const noexcept { return data_; }
  std::uint32_t page_bytes() const noexcept { return page_bytes_; }
  bool leaf() const noexcept { return page::type_of(data_) == page::PageType::leaf; }
  bool is_node() const noexcept { return leaf() || page::type_of(data_) == page::PageType::inner; }
  std::uint32_t level() const noexcept { return node_field::level.get(data_); }
  std::uint32_t count() const noexcept { return std::min<std::uint32_t>(node_field::count.get(data_), slots_max()); }
  PageId right_sibling() const noexcept { return PageId{node_field::right_sibling.get(data_)}; }

  // The lower fence is exclusive and empty in the leftmost node; no upper fence in the rightmost.
  std::string_view lower_fence() const noexcept;
  std::optional<std::string_view> upper_fence() const noexcept;
  std::string_view prefix() const noexcept;

  std::string_view suffix(std::uint32_t index) const noexcept;
  // Replaces `into` by the whole key.
  void key(std::uint32_t index, std::string& into) const;
  std::string key(std::uint32_t index) const;
  std::uint16_t flags(std::uint32_t index) const noexcept;
  ValueAt value(std::uint32_t index) const noexcept;
  // A ghost is a deleted row that is still there, with its value (BT-3).
  bool ghost(std::uint32_t index) const noexcept { return (flags(index) & slot_flag::ghost) != 0; }
  std::optional<RowHeader> row_header(std::uint32_t index) const noexcept;
  std::uint32_t ghosts() const noexcept { return node_field::ghosts.get(data_); }
  std::uint32_t row_headers() const noexcept { return node_field::row_headers.get(data_); }
  // The highest xid of a row header; 0 when there is none.
  Xid newest_xid() const noexcept;

  // A node whose suffixes begin alike leaves so many bytes of them out of its heads.
  std::uint32_t head_skip() const noexcept { return node_field::head_skip.get(data_); }
  std::uint32_t head_in_node(std::string_view suffix) const noexcept {
    return head_of(suffix.substr(std::min<std::size_t>(head_skip(), suffix.size())));
  }

  // Child `index`, 0 to count; count is the last child.
  PageId child(std::uint32_t index) const noexcept;

  // `key` must lie between the fences, else the answer is meaningless (but safe).
  SearchResult search(std::string_view key) const noexcept;
  // The child that covers `key`.
  PageId child_for(std::string_view key) const noexcept { return child(search(key).index); }

  std::uint32_t record_bytes(std::uint32_t index) const noexcept;
  // Where the record begins. Records go where the lowest was before, so the lowest is the one that came last.
  std::uint32_t record_offset(std::uint32_t index) const noexcept { return slot_field::offset.get(slot(index)); }
  std::uint32_t free_bytes() const noexcept;  // total, after compaction
  double fill() const noexcept;

  // Every offset and length is possible, and what can be checked inside one page holds.
  Status check() const;

 protected:
  std::uint32_t slots_max() const noexcept { return (page_bytes_ - node_header_bytes) / slot_bytes; }
  const std::byte* slot(std::uint32_t index) const noexcept { return data_ + node_header_bytes + index * slot_bytes; }
  std::uint32_t hint(std::uint32_t index) const noexcept {
    return load_le<std::uint32_t>(data_ + node_field::hints_offset + index * sizeof(std::uint32_t));
  }
  std::uint32_t heap_low() const noexcept { return page::end_offset(node_field::heap_low.get(data_)); }
  // Bytes [offset, offset + bytes) of the page, or nothing when they are not inside it.
  std::string_view clamp(std::uint32_t offset, std::uint32_t bytes) const noexcept {
    if (offset < node_header_bytes || offset + bytes > page_bytes_) return {};
    return as_text(data_ + offset, bytes);
  }
  Status check_records() const;
  Status check_row_header(std::uint32_t index) const;
  Status check_keys() const;

  std::byte* data_;
  std::uint32_t page_bytes_;
};

// What reading a row is made of is inline.

inline std::string_view NodeView::suffix(std::uint32_t index) const noexcept {
  const std::byte* s = slot(index);
  return clamp(slot_field::offset.get(s), slot_field::packed.get(s) & slot_suffix_mask);
}

inline std::uint16_t NodeView::flags(std::uint32_t index) const noexcept {
  return slot_field::packed.get(slot(index)) & static_cast<std::uint16_t>(~slot_suffix_mask);
}

inline ValueAt NodeView::value(std::uint32_t index) const noexcept {
  const std::byte* s = slot(index);
  const std::uint16_t packed = slot_field::packed.get(s);
  std::uint32_t at = slot_field::offset.get(s) + std::uint32_t{packed} % (slot_suffix_mask + 1u);
  if ((packed & slot_flag::header) != 0) at += row_header_bytes;
  if (at + value_length_bytes > page_bytes_) return {};
  const std::uint32_t bytes = load_le<std::uint16_t>(data_ + at);
  return {clamp(at + value_length_bytes, bytes), (packed & slot_flag::overflow) != 0};
}

inline std::optional<RowHeader> NodeView::row_header(std::uint32_t index) const noexcept {
  const std::byte* s = slot(index);
  const std::uint16_t packed = slot_field::packed.get(s);
  const std::uint32_t at = slot_field::offset.get(s) + std::uint32_t{packed} % (slot_suffix_mask + 1u);
  if ((packed & slot_flag::header) == 0 || at + row_header_bytes > page_bytes_) return std::nullopt;
  return load_row_header(data_ + at);
}

inline PageId NodeView::child(std::uint32_t index) const noexcept {
  if (index >= count()) return PageId{node_field::last_child.get(data_)};
  const std::byte* s = slot(index);
  const std::uint32_t at = slot_field::offset.get(s) + (slot_field::packed.get(s) & slot_suffix_mask);
  if (at + child_bytes > page_bytes_) return no_page;
  return PageId{load_le<std::uint64_t>(data_ + at)};
}

// What a leaf stores for a key.
struct LeafRecord {
  std::string_view key;
  std::string_view value;  // or the stub
  bool overflow = false;
  bool ghost = false;  // only with a header
  std::optional<RowHeader> header = std::nullopt;
};

class Node : public NodeView {
 public:
  Node(MutableBytes page) noexcept : NodeView(page.data(), static_cast<std::uint32_t>(page.size())) {}

  struct Shape {
    std::uint32_t level = 0;  // 0 is a leaf
    std::string_view lower;
    std::optional<std::string_view> upper;
  };
  // Makes an empty node of a page whose header is written. The fences must not lie in this page.
  void format(Shape shape);

  void set_right_sibling(PageId id) noexcept { node_field::right_sibling.set(data_, id.raw); }
  void set_child(std::uint32_t index, PageId id) noexcept;

  // True when the record fits, if need be after compaction. A record's bytes must not lie in this page.
  bool fits(const LeafRecord& record) const noexcept;
  bool fits_replacing(std::uint32_t index, const LeafRecord& record) const noexcept;
  // What the record takes at the place that search() gave: with its slot if it is new, beyond the old one if not.
  std::uint32_t bytes_for(const LeafRecord& record, SearchResult at) const noexcept;
  bool fits_separator(std::string_view key) const noexcept;
  // True when row `index` has a header or room for one.
  bool fits_header(std::uint32_t index) const noexcept;

  // At the place that search() gave for its key, which is not present.
  void insert(std::uint32_t index, const LeafRecord& record);
  // The key stays, everything else of the row becomes the record's. In place unless the record grows.
  void replace(std::uint32_t index, const LeafRecord& record);
  void erase(std::uint32_t index);

  // Gives the row this header or none, and makes it a ghost or not; its value stays. Needs fits_header() for a header.
  void set_row(std::uint32_t index, const std::optional<RowHeader>& header, bool ghost);
  void make_ghost(std::uint32_t index, const RowHeader& header) { set_row(index, header, true); }
  // Removes the headers of rows, ghosts excepted, that only transactions below the horizon wrote, and lowers max_xid
  // accordingly. How many.
  std::uint32_t strip_headers(Xid horizon);
  // The page's max_xid becomes newest_xid(). Setting a header raises it, but nothing else lowers it.
  void update_max_xid() noexcept { page::header::max_xid.set(data_, newest_xid().raw); }

  // Inner: child `index` is split: it now ends at `separator`, and `right` takes its upper part.
  void insert_separator(std::uint32_t index, std::string_view separator, PageId right);

  // Inner: the children on both sides of slot `index` are merged into the left one, whose page stays.
  void remove_separator(std::uint32_t index);
  // Inner: the border between the same children moves.
  bool fits_replacing_separator(std::uint32_t index, std::string_view separator) const noexcept;
  void replace_separator(std::uint32_t index, std::string_view separator);

  // Append records whose keys are the highest so far, to a node without gaps; for rebuilding. Heads follow by update_heads().
  void append_from(const NodeView& from, std::uint32_t begin, std::uint32_t end);
  void append_separator(std::string_view separator, PageId child);

  // Chooses head_skip anew, and with it all heads and hints.
  void update_heads() noexcept;

 private:
  std::byte* mutable_slot(std::uint32_t index) noexcept { return data_ + node_header_bytes + index * slot_bytes; }
  void set_count(std::uint32_t count) noexcept { node_field::count.set(data_, static_cast<std::uint16_t>(count)); }
  std::uint32_t heap_used() const noexcept { return node_field::heap_used.get(data_); }
  void set_heap(std::uint32_t low, std::uint32_t used) noexcept;
  std::uint32_t contiguous_bytes() const noexcept;
  // Room for `bytes` and a slot; compacts when the gap is too small. The offset of the room.
  std::uint32_t take(std::uint32_t bytes);
  // Room for record `index` to have `bytes` bytes: where its old bytes are, and where the new ones belong. The two end
  // at the same byte or do not overlap.
  struct Resized {
    std::uint32_t from;
    std::uint32_t to;
  };
  Resized resize(std::uint32_t index, std::uint32_t bytes);
  // Moves all records to the page's end without gaps, record `lowest` to the lowest place.
  static constexpr std::uint32_t no_slot = UINT32_MAX;
  void compact(std::uint32_t lowest = no_slot);
  void set_flags(std::uint32_t index, std::uint16_t flags) noexcept;
  // One record's flags change from `before` to `after`; 0 when it is not there.
  void count_flags(std::uint16_t before, std::uint16_t after) noexcept;
  void note_xid(Xid xid) noexcept;
  struct SlotContent {
    std::string_view suffix;
    std::uint32_t offset;
    std::uint16_t flags;
  };
  void add_slot(std::uint32_t index, const SlotContent& content);
  void append_record(const NodeView& from, std::uint32_t index);
  void change_row(std::uint32_t index, const std::optional<RowHeader>& header, bool ghost);
  void write_leaf_record(std::uint32_t offset, std::string_view suffix, const LeafRecord& record);
  void update_hints() noexcept;
  void hints_after(std::uint32_t index, std::uint32_t old_count) noexcept;
  bool shares_skipped(std::uint32_t index) const noexcept;
  void heads_after_insert(std::uint32_t index) noexcept;
  std::uint32_t leaf_record_bytes(const LeafRecord& record) const noexcept;
};

// A key that separates `left` (<= it) from `right` (> it): `left` itself or a shorter prefix of `right`. left < right.
std::string separator_between(std::string_view left, std::string_view right);

std::size_t common_prefix(std::string_view a, std::string_view b) noexcept;

}  // namespace quire::btree
