// NodeBuilder: collecting records and writing them into a page in one go.
//
// Where every record left out just the prefix, which is the rule, the heap of the page is one copy of the buffer.
#include "btree/bulk_node.hpp"

#include "overflow/layout.hpp"

namespace quire::btree {

NodeBuilder::NodeBuilder(std::uint32_t page_bytes, std::uint32_t level) : page_bytes_(page_bytes), level_(level) {
  // What has_room accepts fits a page; besides that, a leaf takes any first record and an inner node any first three.
  buffer_.resize(std::size_t{2} * page_bytes);
  low_ = 2 * page_bytes;
  records_.reserve(page_bytes / slot_bytes);
}

void NodeBuilder::start(std::string_view lower) {
  lower_ = lower;
  records_.clear();
  low_ = static_cast<std::uint32_t>(buffer_.size());
  full_bytes_ = 0;
}

std::string NodeBuilder::key(std::uint32_t index) const {
  const Record& record = records_[index];
  std::string whole = lower_.substr(0, record.skipped);
  whole.append(as_text(buffer_.data() + record.at, record.key_bytes));
  return whole;
}

ValueAt NodeBuilder::value(std::uint32_t index) const noexcept {
  const Record& record = records_[index];
  const std::uint32_t begin = record.at + record.key_bytes + value_length_bytes;
  return {as_text(buffer_.data() + begin, end_of(index) - begin), (record.flags & slot_flag::overflow) != 0};
}

PageId NodeBuilder::child(std::uint32_t index) const noexcept {
  return PageId{load_le<std::uint64_t>(buffer_.data() + records_[index].at + records_[index].key_bytes)};
}

NodeBuilder::Place NodeBuilder::place(std::string_view key) const noexcept {
  if (records_.empty()) return {true, static_cast<std::uint32_t>(common_prefix(lower_, key))};
  const Record& last = records_.back();
  const std::size_t shared = common_prefix(std::string_view(lower_).substr(0, last.skipped), key);
  if (shared < last.skipped) {
    const bool ascends =
        shared < key.size() && static_cast<unsigned char>(key[shared]) > static_cast<unsigned char>(lower_[shared]);
    return {ascends, static_cast<std::uint32_t>(shared)};
  }
  return {key.substr(shared) > as_text(buffer_.data() + last.at, last.key_bytes), last.skipped};
}

std::byte* NodeBuilder::add_record(std::string_view key, Place place, std::uint32_t payload_bytes,
                                   std::uint16_t flags) {
  const std::uint32_t stored = static_cast<std::uint32_t>(key.size()) - place.skipped;
  QUIRE_ASSERT(stored + payload_bytes <= low_);
  low_ -= stored + payload_bytes;
  records_.push_back({low_, static_cast<std::uint16_t>(stored), static_cast<std::uint16_t>(place.skipped), flags});
  std::byte* to = buffer_.data() + low_;
  copy_bytes(to, key.substr(place.skipped));
  full_bytes_ += key.size() + payload_bytes;
  return to + stored;
}

void NodeBuilder::append(const LeafRecord& record, Place place) {
  const std::uint32_t value_bytes = static_cast<std::uint32_t>(record.value.size());
  const std::uint16_t flags = record.overflow ? slot_flag::overflow : std::uint16_t{0};
  std::byte* payload = add_record(record.key, place, value_length_bytes + value_bytes, flags);
  store_le(payload, static_cast<std::uint16_t>(value_bytes));
  copy_bytes(payload + value_length_bytes, record.value);
}

void NodeBuilder::append_child(std::string_view upper, Place place, PageId child) {
  store_le(add_record(upper, place, child_bytes, 0), child.raw);
}

std::uint64_t NodeBuilder::full_bytes(std::uint32_t begin, std::uint32_t end) const noexcept {
  if (begin == 0 && end == count()) return full_bytes_;
  std::uint64_t bytes = 0;
  for (std::uint32_t i = begin; i < end; ++i) bytes += records_[i].skipped + end_of(i) - records_[i].at;
  return bytes;
}

bool NodeBuilder::front_fits(std::uint32_t records, std::string_view upper) const noexcept {
  const std::uint64_t prefix = common_prefix(lower_, upper);
  const std::uint64_t heap = full_bytes(0, records) - records * prefix + lower_.size() + upper.size();
  return node_header_bytes + std::uint64_t{records} * slot_bytes + heap <= page_bytes_;
}

bool NodeBuilder::tail_fits(std::uint32_t first, std::size_t lower_bytes) const noexcept {
  const std::uint64_t slots = std::uint64_t{count() - first} * slot_bytes;
  return node_header_bytes + slots + full_bytes(first, count()) + lower_bytes <= page_bytes_;
}

std::uint32_t NodeBuilder::middle() const noexcept {
  const std::uint64_t total = full_bytes_ + std::uint64_t{count()} * slot_bytes;
  std::uint64_t before = 0;
  std::uint32_t index = 0;
  for (; index < count() && before * 2 < total; ++index) before += full_bytes(index, index + 1) + slot_bytes;
  return index;
}

void NodeBuilder::write(MutableBytes page, std::uint32_t records, std::optional<std::string_view> upper,
                        PageId last_child) const {
  Node node(page);
  node.format({level_, lower_, upper});
  std::byte* p = page.data();
  const std::uint32_t prefix = node_field::prefix_bytes.get(p);
  const std::uint64_t heap = full_bytes(0, records) - std::uint64_t{records} * prefix;
  const std::uint64_t top = page::end_offset(node_field::heap_low.get(p));
  QUIRE_ASSERT(node_header_bytes + std::uint64_t{records} * slot_bytes + heap <= top);
  const std::uint32_t low = static_cast<std::uint32_t>(top - heap);
  node_field::count.set(p, static_cast<std::uint16_t>(records));
  node_field::heap_low.set(p, page::to_offset16(low));
  node_field::heap_used.set(p, static_cast<std::uint16_t>(node_field::heap_used.get(p) + heap));
  write_records(p, records, prefix, static_cast<std::uint32_t>(top));
  if (level_ > 0) node.set_child(records, last_child);
  node.update_heads();
  QUIRE_VERIFY(node.check().ok());
}

void NodeBuilder::write_records(std::byte* page, std::uint32_t records, std::uint32_t prefix,
                                std::uint32_t top) const noexcept {
  if (records == 0) return;
  // Records that left out more than the prefix come first and get the rest back one by one.
  std::uint32_t i = 0;
  std::uint32_t at = top;
  for (; i < records && records_[i].skipped > prefix; ++i) {
    const std::uint32_t back = records_[i].skipped - prefix;
    const std::uint32_t bytes = end_of(i) - records_[i].at;
    at -= back + bytes;
    copy_bytes(page + at, std::string_view(lower_).substr(prefix, back));
    std::memcpy(page + at + back, buffer_.data() + records_[i].at, bytes);
  }
  if (i < records) {
    const std::uint32_t bytes = end_of(i) - records_[records - 1].at;
    std::memcpy(page + at - bytes, buffer_.data() + records_[records - 1].at, bytes);
  }
  at = top;
  std::byte* slot = page + node_header_bytes;
  for (i = 0; i < records; ++i, slot += slot_bytes) {
    const Record& record = records_[i];
    const std::uint32_t back = record.skipped - prefix;
    const std::uint32_t suffix_bytes = record.key_bytes + back;
    at -= back + end_of(i) - record.at;
    slot_field::head.set(slot, head_of(as_text(page + at, suffix_bytes)));
    slot_field::offset.set(slot, static_cast<std::uint16_t>(at));
    slot_field::packed.set(slot, static_cast<std::uint16_t>(suffix_bytes | record.flags));
  }
}

void NodeBuilder::keep_from(std::uint32_t first, std::string_view lower) {
  if (first == count()) {
    start(lower);
    return;
  }
  NodeBuilder old(*this);
  start(lower);
  for (std::uint32_t i = first; i < old.count(); ++i) {
    const std::string key = old.key(i);
    if (level_ > 0) {
      append_child(key, place(key), old.child(i));
    } else {
      const ValueAt value = old.value(i);
      append({key, value.bytes, value.overflow}, place(key));
    }
  }
}

}  // namespace quire::btree
