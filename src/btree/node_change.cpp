// Node: changing a node.
//
// Records grow down from the page's end and leave gaps when they go; a record that does not fit into the space
// between slots and records, but into the page, is preceded by a compaction.
#include <array>

#include "btree/node.hpp"

namespace quire::btree {

namespace {

// A page-sized buffer of this thread, for compaction.
std::byte* scratch_page() noexcept {
  alignas(64) static thread_local std::array<std::byte, page::page_bytes_max> scratch;
  return scratch.data();
}

}  // namespace

void Node::format(Shape shape) {
  std::byte* p = data_;
  std::memset(p + page::header_bytes, 0, page_bytes_ - page::header_bytes);
  page::header::type.set(p, static_cast<std::uint8_t>(shape.level == 0 ? page::PageType::leaf : page::PageType::inner));
  node_field::level.set(p, static_cast<std::uint8_t>(shape.level));
  std::uint32_t low = page_bytes_;
  std::uint32_t used = 0;
  const auto put = [&](std::string_view fence) {
    low -= static_cast<std::uint32_t>(fence.size());
    used += static_cast<std::uint32_t>(fence.size());
    copy_bytes(p + low, fence);
    return page::to_offset16(low);
  };
  node_field::lower_offset.set(p, put(shape.lower));
  node_field::lower_bytes.set(p, static_cast<std::uint16_t>(shape.lower.size()));
  if (shape.upper) {
    node_field::upper_offset.set(p, put(*shape.upper));
    node_field::upper_bytes.set(p, static_cast<std::uint16_t>(shape.upper->size()));
    node_field::prefix_bytes.set(p, static_cast<std::uint16_t>(common_prefix(shape.lower, *shape.upper)));
  } else {
    node_field::upper_bytes.set(p, no_upper_fence);
  }
  node_field::heap_low.set(p, page::to_offset16(low));
  node_field::heap_used.set(p, static_cast<std::uint16_t>(used));
}

void Node::set_child(std::uint32_t index, PageId id) noexcept {
  if (index >= count()) {
    node_field::last_child.set(data_, id.raw);
    return;
  }
  const std::byte* s = slot(index);
  const std::uint32_t at = slot_field::offset.get(s) + (slot_field::packed.get(s) & slot_suffix_mask);
  QUIRE_ASSERT(at + child_bytes <= page_bytes_);
  store_le(data_ + at, id.raw);
}

std::uint32_t Node::contiguous_bytes() const noexcept { return heap_low() - node_header_bytes - count() * slot_bytes; }

std::uint32_t Node::leaf_record_bytes(const LeafRecord& record) const noexcept {
  return static_cast<std::uint32_t>(record.key.size()) - node_field::prefix_bytes.get(data_) + value_length_bytes +
         static_cast<std::uint32_t>(record.value.size());
}

bool Node::fits(const LeafRecord& record) const noexcept { return leaf_record_bytes(record) + slot_bytes <= free_bytes(); }

bool Node::fits_replacing(std::uint32_t index, const LeafRecord& record) const noexcept {
  return leaf_record_bytes(record) <= free_bytes() + record_bytes(index);
}

bool Node::fits_separator(std::string_view key) const noexcept {
  return key.size() - node_field::prefix_bytes.get(data_) + child_bytes + slot_bytes <= free_bytes();
}

std::uint32_t Node::take(std::uint32_t bytes, std::uint32_t new_slots) {
  if (contiguous_bytes() < bytes + new_slots * slot_bytes) compact();
  QUIRE_ASSERT(contiguous_bytes() >= bytes + new_slots * slot_bytes);
  const std::uint32_t low = heap_low() - bytes;
  node_field::heap_low.set(data_, page::to_offset16(low));
  node_field::heap_used.set(data_, static_cast<std::uint16_t>(node_field::heap_used.get(data_) + bytes));
  return low;
}

// Moves all records to the page's end without gaps; slots keep their order.
void Node::compact() {
  std::byte* copy = scratch_page();
  std::memcpy(copy, data_, page_bytes_);
  const NodeView old(copy, page_bytes_);
  std::uint32_t low = page_bytes_;
  const auto put = [&](std::string_view bytes) {
    low -= static_cast<std::uint32_t>(bytes.size());
    copy_bytes(data_ + low, bytes);
    return page::to_offset16(low);
  };
  node_field::lower_offset.set(data_, put(old.lower_fence()));
  if (old.upper_fence()) node_field::upper_offset.set(data_, put(*old.upper_fence()));
  for (std::uint32_t i = 0; i < count(); ++i) {
    const std::uint32_t offset = slot_field::offset.get(slot(i));
    slot_field::offset.set(mutable_slot(i), put(as_text(copy + offset, old.record_bytes(i))));
  }
  node_field::heap_low.set(data_, page::to_offset16(low));
  QUIRE_ASSERT(page_bytes_ - low == node_field::heap_used.get(data_));
}

void Node::add_slot(std::uint32_t index, std::string_view suffix, std::uint32_t offset, std::uint16_t flags) {
  const std::uint32_t slots = count();
  QUIRE_ASSERT(index <= slots && suffix.size() <= suffix_bytes_max);
  std::byte* s = mutable_slot(index);
  std::memmove(s + slot_bytes, s, (slots - index) * slot_bytes);
  slot_field::head.set(s, head_of(suffix));
  slot_field::offset.set(s, static_cast<std::uint16_t>(offset));
  slot_field::packed.set(s, static_cast<std::uint16_t>(suffix.size() | flags));
  set_count(slots + 1);
}

void Node::write_leaf_record(std::uint32_t offset, std::string_view suffix, const LeafRecord& record) {
  copy_bytes(data_ + offset, suffix);
  const std::uint32_t at = offset + static_cast<std::uint32_t>(suffix.size());
  store_le(data_ + at, static_cast<std::uint16_t>(record.value.size()));
  copy_bytes(data_ + at + value_length_bytes, record.value);
}

void Node::insert(std::uint32_t index, const LeafRecord& record) {
  QUIRE_ASSERT(leaf() && fits(record));
  const std::string_view suffix = record.key.substr(node_field::prefix_bytes.get(data_));
  const std::uint32_t offset = take(leaf_record_bytes(record), 1);
  write_leaf_record(offset, suffix, record);
  const std::uint32_t old_count = count();
  add_slot(index, suffix, offset, record.overflow ? slot_flag::overflow : std::uint16_t{0});
  hints_after(index, old_count);
  QUIRE_VERIFY(check().ok());
}

void Node::replace(std::uint32_t index, const LeafRecord& record) {
  QUIRE_ASSERT(leaf() && fits_replacing(index, record));
  const std::string_view suffix = record.key.substr(node_field::prefix_bytes.get(data_));
  const std::uint32_t old_bytes = record_bytes(index);
  const std::uint32_t new_bytes = leaf_record_bytes(record);
  const std::uint16_t flags = record.overflow ? slot_flag::overflow : std::uint16_t{0};
  if (old_bytes == new_bytes && (this->flags(index) & slot_flag::header) == 0) {
    write_leaf_record(slot_field::offset.get(slot(index)), suffix, record);
    slot_field::packed.set(mutable_slot(index), static_cast<std::uint16_t>(suffix.size() | flags));
    return;
  }
  erase(index);
  const std::uint32_t offset = take(new_bytes, 1);
  write_leaf_record(offset, suffix, record);
  const std::uint32_t old_count = count();
  add_slot(index, suffix, offset, flags);
  hints_after(index, old_count);
  QUIRE_VERIFY(check().ok());
}

void Node::erase(std::uint32_t index) {
  const std::uint32_t slots = count();
  QUIRE_ASSERT(index < slots);
  const std::uint32_t bytes = record_bytes(index);
  node_field::heap_used.set(data_, static_cast<std::uint16_t>(node_field::heap_used.get(data_) - bytes));
  std::byte* s = mutable_slot(index);
  std::memmove(s, s + slot_bytes, (slots - index - 1) * slot_bytes);
  set_count(slots - 1);
  hints_after(index, slots);
}

void Node::insert_separator(std::uint32_t index, std::string_view separator, PageId right) {
  QUIRE_ASSERT(!leaf() && fits_separator(separator));
  const PageId left = child(index);
  const std::string_view suffix = separator.substr(node_field::prefix_bytes.get(data_));
  const std::uint32_t offset = take(static_cast<std::uint32_t>(suffix.size()) + child_bytes, 1);
  copy_bytes(data_ + offset, suffix);
  store_le(data_ + offset + suffix.size(), left.raw);
  set_child(index, right);
  const std::uint32_t old_count = count();
  add_slot(index, suffix, offset, 0);
  hints_after(index, old_count);
  QUIRE_VERIFY(check().ok());
}

void Node::append_from(const NodeView& from, std::uint32_t index) {
  const std::size_t from_prefix = from.prefix().size();
  const std::size_t own_prefix = node_field::prefix_bytes.get(data_);
  QUIRE_ASSERT(own_prefix >= from_prefix);
  const std::uint32_t cut = static_cast<std::uint32_t>(own_prefix - from_prefix);
  const std::string_view suffix = from.suffix(index).substr(cut);
  const std::uint32_t bytes = from.record_bytes(index) - cut;
  const std::uint32_t offset = take(bytes, 1);
  std::memcpy(data_ + offset, from.suffix(index).data() + cut, bytes);
  add_slot(count(), suffix, offset, from.flags(index));
}

void Node::update_hints() noexcept {
  const std::uint32_t distance = count() / (hint_count + 1);
  node_field::hint_distance.set(data_, static_cast<std::uint16_t>(distance));
  for (std::uint32_t i = 0; distance != 0 && i < hint_count; ++i) {
    store_le(data_ + node_field::hints_offset + i * sizeof(std::uint32_t),
             slot_field::head.get(slot((i + 1) * distance)));
  }
}

// Only hints at or behind the changed slot have moved, as long as the distance is the same.
void Node::hints_after(std::uint32_t index, std::uint32_t old_count) noexcept {
  const std::uint32_t distance = count() / (hint_count + 1);
  if (distance != old_count / (hint_count + 1)) {
    update_hints();
    return;
  }
  for (std::uint32_t i = distance == 0 ? hint_count : (index > distance ? index / distance - 1 : 0); i < hint_count; ++i) {
    store_le(data_ + node_field::hints_offset + i * sizeof(std::uint32_t),
             slot_field::head.get(slot((i + 1) * distance)));
  }
}

}  // namespace quire::btree
