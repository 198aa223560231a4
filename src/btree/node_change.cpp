// Node: changing a node.
//
// Records grow down from the page's end and leave gaps when they go; a record that does not fit into the space
// between slots and records, but into the page, is preceded by a compaction. A record that shrinks keeps its end, so
// that stripping a header moves nothing but the suffix.
#include <array>
#include <bit>

#include "btree/node.hpp"

namespace quire::btree {

namespace {

// A page-sized buffer of this thread, for compaction.
std::byte* scratch_page() noexcept {
  alignas(64) static thread_local std::array<std::byte, page::page_bytes_max> scratch;
  return scratch.data();
}

std::uint16_t flags_of(const LeafRecord& record) noexcept {
  return static_cast<std::uint16_t>((record.overflow ? slot_flag::overflow : 0) | (record.ghost ? slot_flag::ghost : 0) |
                                    (record.header ? slot_flag::header : 0));
}

}  // namespace

void Node::format(Shape shape) {
  std::byte* p = data_;
  std::memset(p + page::header_bytes, 0, page_bytes_ - page::header_bytes);
  page::header::max_xid.set(p, 0);
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
  return static_cast<std::uint32_t>(record.key.size()) - node_field::prefix_bytes.get(data_) +
         (record.header ? row_header_bytes : 0) + value_length_bytes + static_cast<std::uint32_t>(record.value.size());
}

bool Node::fits(const LeafRecord& record) const noexcept { return leaf_record_bytes(record) + slot_bytes <= free_bytes(); }

bool Node::fits_replacing(std::uint32_t index, const LeafRecord& record) const noexcept {
  return leaf_record_bytes(record) <= free_bytes() + record_bytes(index);
}

std::uint32_t Node::bytes_for(const LeafRecord& record, SearchResult at) const noexcept {
  if (!at.found) return leaf_record_bytes(record) + slot_bytes;
  return leaf_record_bytes(record) - std::min(record_bytes(at.index), leaf_record_bytes(record));
}

bool Node::fits_separator(std::string_view key) const noexcept {
  return key.size() - node_field::prefix_bytes.get(data_) + child_bytes + slot_bytes <= free_bytes();
}

bool Node::fits_header(std::uint32_t index) const noexcept {
  return (flags(index) & slot_flag::header) != 0 || row_header_bytes <= free_bytes();
}

void Node::set_heap(std::uint32_t low, std::uint32_t used) noexcept {
  node_field::heap_low.set(data_, page::to_offset16(low));
  node_field::heap_used.set(data_, static_cast<std::uint16_t>(used));
}

std::uint32_t Node::take(std::uint32_t bytes) {
  if (contiguous_bytes() < bytes + slot_bytes) compact();
  QUIRE_ASSERT(contiguous_bytes() >= bytes + slot_bytes);
  const std::uint32_t low = heap_low() - bytes;
  set_heap(low, heap_used() + bytes);
  return low;
}

Node::Resized Node::resize(std::uint32_t index, std::uint32_t bytes) {
  const std::uint32_t old_bytes = record_bytes(index);
  const auto is_lowest = [&] { return slot_field::offset.get(slot(index)) == heap_low(); };
  if (bytes > old_bytes && contiguous_bytes() + (is_lowest() ? old_bytes : 0) < bytes) compact(index);
  const std::uint32_t from = slot_field::offset.get(slot(index));
  const bool lowest = is_lowest();
  const std::uint32_t to = bytes <= old_bytes || lowest ? from + old_bytes - bytes : heap_low() - bytes;
  QUIRE_ASSERT(to >= node_header_bytes + count() * slot_bytes);
  slot_field::offset.set(mutable_slot(index), page::to_offset16(to));
  set_heap(lowest ? to : std::min(heap_low(), to), heap_used() + bytes - old_bytes);
  return {from, to};
}

void Node::compact(std::uint32_t lowest) {
  std::byte* copy = scratch_page();
  std::memcpy(copy, data_, page_bytes_);
  const NodeView old(copy, page_bytes_);
  std::uint32_t low = page_bytes_;
  const auto put = [&](std::string_view bytes) {
    low -= static_cast<std::uint32_t>(bytes.size());
    copy_bytes(data_ + low, bytes);
    return page::to_offset16(low);
  };
  const auto put_record = [&](std::uint32_t i) {
    const std::uint32_t offset = slot_field::offset.get(slot(i));
    slot_field::offset.set(mutable_slot(i), put(as_text(copy + offset, old.record_bytes(i))));
  };
  node_field::lower_offset.set(data_, put(old.lower_fence()));
  if (old.upper_fence()) node_field::upper_offset.set(data_, put(*old.upper_fence()));
  for (std::uint32_t i = 0; i < count(); ++i) {
    if (i != lowest) put_record(i);
  }
  if (lowest < count()) put_record(lowest);
  QUIRE_ASSERT(page_bytes_ - low == heap_used());
  set_heap(low, heap_used());
}

void Node::count_flags(std::uint16_t before, std::uint16_t after) noexcept {
  const auto change = [&](const page::FieldAt<std::uint16_t>& field, std::uint16_t flag) {
    const int more = ((after & flag) != 0 ? 1 : 0) - ((before & flag) != 0 ? 1 : 0);
    if (more != 0) field.set(data_, static_cast<std::uint16_t>(field.get(data_) + more));
  };
  if (((before ^ after) & (slot_flag::ghost | slot_flag::header)) == 0) return;
  change(node_field::ghosts, slot_flag::ghost);
  change(node_field::row_headers, slot_flag::header);
}

void Node::set_flags(std::uint32_t index, std::uint16_t flags) noexcept {
  std::byte* s = mutable_slot(index);
  const std::uint16_t packed = slot_field::packed.get(s);
  count_flags(packed, flags);
  slot_field::packed.set(s, static_cast<std::uint16_t>((packed & slot_suffix_mask) | flags));
}

void Node::note_xid(Xid xid) noexcept {
  if (xid.raw > page::header::max_xid.get(data_)) page::header::max_xid.set(data_, xid.raw);
}

void Node::add_slot(std::uint32_t index, const SlotContent& content) {
  const std::uint32_t slots = count();
  QUIRE_ASSERT(index <= slots && content.suffix.size() <= suffix_bytes_max);
  std::byte* s = mutable_slot(index);
  std::memmove(s + slot_bytes, s, (slots - index) * slot_bytes);
  slot_field::head.set(s, head_in_node(content.suffix));
  slot_field::offset.set(s, page::to_offset16(content.offset));
  slot_field::packed.set(s, static_cast<std::uint16_t>(content.suffix.size() | content.flags));
  count_flags(0, content.flags);
  set_count(slots + 1);
}

void Node::write_leaf_record(std::uint32_t offset, std::string_view suffix, const LeafRecord& record) {
  std::byte* at = data_ + offset;
  copy_bytes(at, suffix);
  at += suffix.size();
  if (record.header) {
    store_row_header(at, *record.header);
    note_xid(record.header->xid);
    at += row_header_bytes;
  }
  store_le(at, static_cast<std::uint16_t>(record.value.size()));
  copy_bytes(at + value_length_bytes, record.value);
}

void Node::insert(std::uint32_t index, const LeafRecord& record) {
  QUIRE_ASSERT(leaf() && fits(record) && (record.header || !record.ghost));
  const std::string_view suffix = record.key.substr(node_field::prefix_bytes.get(data_));
  const std::uint32_t offset = take(leaf_record_bytes(record));
  write_leaf_record(offset, suffix, record);
  add_slot(index, {suffix, offset, flags_of(record)});
  heads_after_insert(index);
  QUIRE_VERIFY(check().ok());
}

void Node::replace(std::uint32_t index, const LeafRecord& record) {
  QUIRE_ASSERT(leaf() && fits_replacing(index, record) && (record.header || !record.ghost));
  const std::string_view suffix = record.key.substr(node_field::prefix_bytes.get(data_));
  const Resized place = resize(index, leaf_record_bytes(record));
  write_leaf_record(place.to, suffix, record);
  set_flags(index, flags_of(record));
  QUIRE_VERIFY(check().ok());
}

void Node::set_row(std::uint32_t index, const std::optional<RowHeader>& header, bool ghost) {
  QUIRE_ASSERT(leaf() && index < count() && (header || !ghost) && (!header || fits_header(index)));
  change_row(index, header, ghost);
  QUIRE_VERIFY(check().ok());
}

void Node::change_row(std::uint32_t index, const std::optional<RowHeader>& header, bool ghost) {
  const std::uint16_t before = flags(index);
  const bool had_header = (before & slot_flag::header) != 0;
  const std::uint32_t key_part = slot_field::packed.get(slot(index)) & slot_suffix_mask;
  if (header.has_value() != had_header) {
    // The suffix moves; what lies behind the header moves only when the whole record does.
    const std::uint32_t old_bytes = record_bytes(index);
    const Resized place = resize(index, header ? old_bytes + row_header_bytes : old_bytes - row_header_bytes);
    std::memmove(data_ + place.to, data_ + place.from, key_part);
    const std::uint32_t old_value = place.from + key_part + (had_header ? row_header_bytes : 0);
    const std::uint32_t new_value = place.to + key_part + (header ? row_header_bytes : 0);
    const std::uint32_t value_part = old_bytes - (old_value - place.from);
    if (old_value != new_value) std::memcpy(data_ + new_value, data_ + old_value, value_part);
  }
  if (header) {
    store_row_header(data_ + slot_field::offset.get(slot(index)) + key_part, *header);
    note_xid(header->xid);
  }
  set_flags(index, static_cast<std::uint16_t>((before & slot_flag::overflow) | (header ? slot_flag::header : 0) |
                                              (ghost ? slot_flag::ghost : 0)));
}

std::uint32_t Node::strip_headers(Xid horizon) {
  std::uint32_t stripped = 0;
  for (std::uint32_t i = 0; row_headers() > ghosts() && i < count(); ++i) {
    if (ghost(i)) continue;
    const std::optional<RowHeader> header = row_header(i);
    if (!header || header->xid >= horizon) continue;
    change_row(i, std::nullopt, false);
    ++stripped;
  }
  if (stripped > 0) update_max_xid();
  QUIRE_VERIFY(check().ok());
  return stripped;
}

void Node::erase(std::uint32_t index) {
  const std::uint32_t slots = count();
  QUIRE_ASSERT(index < slots);
  const std::uint32_t bytes = record_bytes(index);
  std::byte* s = mutable_slot(index);
  // The lowest record leaves no gap.
  const bool lowest = slot_field::offset.get(s) == heap_low();
  set_heap(lowest ? heap_low() + bytes : heap_low(), heap_used() - bytes);
  count_flags(slot_field::packed.get(s), 0);
  std::memmove(s, s + slot_bytes, (slots - index - 1) * slot_bytes);
  set_count(slots - 1);
  hints_after(index, slots);
}

void Node::insert_separator(std::uint32_t index, std::string_view separator, PageId right) {
  QUIRE_ASSERT(!leaf() && fits_separator(separator));
  const PageId left = child(index);
  const std::string_view suffix = separator.substr(node_field::prefix_bytes.get(data_));
  const std::uint32_t offset = take(static_cast<std::uint32_t>(suffix.size()) + child_bytes);
  copy_bytes(data_ + offset, suffix);
  store_le(data_ + offset + suffix.size(), left.raw);
  set_child(index, right);
  add_slot(index, {suffix, offset, 0});
  heads_after_insert(index);
  QUIRE_VERIFY(check().ok());
}

void Node::remove_separator(std::uint32_t index) {
  QUIRE_ASSERT(!leaf() && index < count());
  set_child(index + 1, child(index));
  erase(index);
  QUIRE_VERIFY(check().ok());
}

bool Node::fits_replacing_separator(std::uint32_t index, std::string_view separator) const noexcept {
  return separator.size() - node_field::prefix_bytes.get(data_) + child_bytes <= free_bytes() + record_bytes(index);
}

void Node::replace_separator(std::uint32_t index, std::string_view separator) {
  QUIRE_ASSERT(!leaf() && index < count() && fits_replacing_separator(index, separator));
  const PageId below = child(index);
  const std::string_view suffix = separator.substr(node_field::prefix_bytes.get(data_));
  const Resized place = resize(index, static_cast<std::uint32_t>(suffix.size()) + child_bytes);
  copy_bytes(data_ + place.to, suffix);
  store_le(data_ + place.to + suffix.size(), below.raw);
  slot_field::packed.set(mutable_slot(index), static_cast<std::uint16_t>(suffix.size()));
  update_heads();
  QUIRE_VERIFY(check().ok());
}

// Under the same prefix records and slots are copied as they are.
void Node::append_from(const NodeView& from, std::uint32_t begin, std::uint32_t end) {
  if (from.prefix().size() != node_field::prefix_bytes.get(data_)) {
    for (std::uint32_t i = begin; i < end; ++i) append_record(from, i);
    return;
  }
  const std::uint32_t slots_end = node_header_bytes + (count() + end - begin) * slot_bytes;
  std::uint32_t low = heap_low();
  for (std::uint32_t i = begin; i < end; ++i) {
    const std::uint32_t bytes = from.record_bytes(i);
    QUIRE_ASSERT(low >= slots_end + bytes);
    low -= bytes;
    std::memcpy(data_ + low, from.data() + from.record_offset(i), bytes);
    std::byte* s = mutable_slot(count() + i - begin);
    std::memcpy(s, from.data() + node_header_bytes + i * slot_bytes, slot_bytes);
    slot_field::offset.set(s, page::to_offset16(low));
    count_flags(0, slot_field::packed.get(s));
    if (const std::optional<RowHeader> header = from.row_header(i)) note_xid(header->xid);
  }
  set_heap(low, heap_used() + heap_low() - low);
  set_count(count() + end - begin);
}

void Node::append_record(const NodeView& from, std::uint32_t index) {
  // The new prefix is longer or shorter than the old one, and the suffix the other way round.
  const std::string_view from_prefix = from.prefix();
  const std::size_t own_prefix = node_field::prefix_bytes.get(data_);
  const std::size_t cut = own_prefix > from_prefix.size() ? own_prefix - from_prefix.size() : 0;
  const std::string_view more = from_prefix.substr(std::min(own_prefix, from_prefix.size()));
  const std::string_view suffix = from.suffix(index);
  const std::uint32_t rest = from.record_bytes(index) - static_cast<std::uint32_t>(cut);
  const std::uint32_t offset = take(static_cast<std::uint32_t>(more.size()) + rest);
  copy_bytes(data_ + offset, more);
  std::memcpy(data_ + offset + more.size(), suffix.data() + cut, rest);
  add_slot(count(), {as_text(data_ + offset, more.size() + suffix.size() - cut), offset, from.flags(index)});
  if (const std::optional<RowHeader> header = from.row_header(index)) note_xid(header->xid);
}

void Node::append_separator(std::string_view separator, PageId child) {
  const std::string_view suffix = separator.substr(node_field::prefix_bytes.get(data_));
  const std::uint32_t offset = take(static_cast<std::uint32_t>(suffix.size()) + child_bytes);
  copy_bytes(data_ + offset, suffix);
  store_le(data_ + offset + suffix.size(), child.raw);
  add_slot(count(), {suffix, offset, 0});
}

void Node::update_heads() noexcept {
  const std::uint32_t slots = count();
  const std::size_t shared = slots < 2 ? 0 : common_prefix(suffix(0), suffix(slots - 1));
  const std::size_t skip = shared < head_skip_min ? 0 : std::min<std::size_t>(shared, head_skip_max);
  node_field::head_skip.set(data_, static_cast<std::uint8_t>(skip));
  for (std::uint32_t i = 0; i < slots; ++i) slot_field::head.set(mutable_slot(i), head_in_node(suffix(i)));
  update_hints();
}

// Whether the suffix begins with the bytes that heads leave out; its neighbours do.
bool Node::shares_skipped(std::uint32_t index) const noexcept {
  const std::uint32_t neighbour = index > 0 ? index - 1 : index + 1;
  if (head_skip() == 0 || neighbour >= count()) return true;
  return common_prefix(suffix(index), suffix(neighbour)) >= head_skip();
}

// What heads leave out can only get shorter by an insertion; now and then, whether it can be longer is looked at.
void Node::heads_after_insert(std::uint32_t index) noexcept {
  const std::uint32_t slots = count();
  if (std::has_single_bit(slots) || !shares_skipped(index)) {
    update_heads();
  } else {
    hints_after(index, slots - 1);
  }
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
