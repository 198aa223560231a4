// NodeView: reading and checking a node.
//
// All offsets go through clamp(), because the bytes may change while an optimistic reader looks at them.
#include "btree/node.hpp"

#include "overflow/layout.hpp"

namespace quire::btree {

std::size_t common_prefix(std::string_view a, std::string_view b) noexcept {
  const std::size_t shorter = std::min(a.size(), b.size());
  std::size_t i = 0;
  while (i < shorter && a[i] == b[i]) ++i;
  return i;
}

std::string separator_between(std::string_view left, std::string_view right) {
  QUIRE_ASSERT(left < right);
  const std::size_t shared = common_prefix(left, right);
  // One byte of `right` beyond what they share is above `left`; it must also be below `right`. Where `left` is all
  // that they share, nothing is shorter than `left`.
  if (shared < left.size() && shared + 1 < right.size()) return std::string(right.substr(0, shared + 1));
  return std::string(left);
}

std::string_view NodeView::lower_fence() const noexcept {
  return clamp(page::end_offset(node_field::lower_offset.get(data_)), node_field::lower_bytes.get(data_));
}

std::optional<std::string_view> NodeView::upper_fence() const noexcept {
  const std::uint16_t bytes = node_field::upper_bytes.get(data_);
  if (bytes == no_upper_fence) return std::nullopt;
  return clamp(page::end_offset(node_field::upper_offset.get(data_)), bytes);
}

std::string_view NodeView::prefix() const noexcept {
  const std::string_view lower = lower_fence();
  return lower.substr(0, std::min<std::size_t>(node_field::prefix_bytes.get(data_), lower.size()));
}

void NodeView::key(std::uint32_t index, std::string& into) const {
  into.assign(prefix());
  into.append(suffix(index));
}

std::string NodeView::key(std::uint32_t index) const {
  std::string whole;
  key(index, whole);
  return whole;
}

Xid NodeView::newest_xid() const noexcept {
  Xid newest;
  if (row_headers() == 0) return newest;
  for (std::uint32_t i = 0; i < count(); ++i) newest = std::max(newest, row_header(i).value_or(RowHeader{}).xid);
  return newest;
}

std::uint32_t NodeView::record_bytes(std::uint32_t index) const noexcept {
  const std::uint32_t key_part = slot_field::packed.get(slot(index)) & slot_suffix_mask;
  if (!leaf()) return key_part + child_bytes;
  const std::uint32_t header = (flags(index) & slot_flag::header) != 0 ? row_header_bytes : 0;
  return key_part + header + value_length_bytes + static_cast<std::uint32_t>(value(index).bytes.size());
}

std::uint32_t NodeView::free_bytes() const noexcept {
  const std::uint32_t used = node_header_bytes + count() * slot_bytes + node_field::heap_used.get(data_);
  return used > page_bytes_ ? 0 : page_bytes_ - used;
}

double NodeView::fill() const noexcept {
  const double usable = page_bytes_ - node_header_bytes;
  return (usable - free_bytes()) / usable;
}

Status NodeView::check() const {
  const std::uint32_t stored = node_field::count.get(data_);
  if (stored > slots_max()) return Status(Code::corrupt, "a node with " + std::to_string(stored) + " slots is impossible");
  if (leaf() != (level() == 0)) return Status(Code::corrupt, "level " + std::to_string(level()) + " contradicts its type");
  const std::uint32_t low = heap_low();
  if (low < node_header_bytes + stored * slot_bytes || low > page_bytes_) {
    return Status(Code::corrupt, "records begin at byte " + std::to_string(low) + ", inside the slots or beyond the page");
  }
  const std::uint32_t lower = page::end_offset(node_field::lower_offset.get(data_));
  const std::uint32_t lower_bytes = node_field::lower_bytes.get(data_);
  if (lower_bytes != 0 && (lower < low || lower + lower_bytes > page_bytes_)) {
    return Status(Code::corrupt, "the lower fence lies outside the records");
  }
  const std::uint32_t upper = page::end_offset(node_field::upper_offset.get(data_));
  const std::uint32_t upper_bytes = node_field::upper_bytes.get(data_);
  if (upper_bytes != no_upper_fence && (upper < low || upper + upper_bytes > page_bytes_)) {
    return Status(Code::corrupt, "the upper fence lies outside the records");
  }
  // Splits count on the bounds of keys and records (BT-1).
  if (std::max(lower_bytes, upper_bytes == no_upper_fence ? 0 : upper_bytes) > key_bytes_max(page_bytes_)) {
    return Status(Code::corrupt, "a fence is longer than any key");
  }
  const std::size_t shared = upper_fence() ? common_prefix(lower_fence(), *upper_fence()) : 0;
  if (node_field::prefix_bytes.get(data_) != shared) {
    return Status(Code::corrupt, "prefix of " + std::to_string(node_field::prefix_bytes.get(data_)) + " bytes, the fences share " +
                                     std::to_string(shared));
  }
  Status status = check_records();
  return status.ok() ? check_keys() : status;
}

Status NodeView::check_records() const {
  const std::uint32_t low = heap_low();
  std::uint32_t used = node_field::lower_bytes.get(data_);
  if (node_field::upper_bytes.get(data_) != no_upper_fence) used += node_field::upper_bytes.get(data_);
  std::uint32_t ghosts = 0;
  std::uint32_t headers = 0;
  for (std::uint32_t i = 0; i < count(); ++i) {
    const std::uint32_t offset = slot_field::offset.get(slot(i));
    const std::uint32_t key_part = slot_field::packed.get(slot(i)) & slot_suffix_mask;
    const std::uint32_t fixed = leaf() ? value_length_bytes + ((flags(i) & slot_flag::header) != 0 ? row_header_bytes : 0)
                                       : child_bytes;
    std::uint32_t bytes = key_part + fixed;
    if (offset < low || offset + bytes > page_bytes_) {
      return Status(Code::corrupt, "record " + std::to_string(i) + " at byte " + std::to_string(offset) + " lies outside the records");
    }
    if (leaf()) {
      const std::uint32_t value_bytes = load_le<std::uint16_t>(data_ + offset + bytes - value_length_bytes);
      bytes += value_bytes;
      if (offset + bytes > page_bytes_) {
        return Status(Code::corrupt, "the value of record " + std::to_string(i) + " reaches beyond the page");
      }
      if ((flags(i) & slot_flag::overflow) != 0 && value_bytes != overflow::stub_bytes) {
        return Status(Code::corrupt, "the overflow stub of record " + std::to_string(i) + " has " + std::to_string(value_bytes) + " bytes");
      }
    }
    if ((flags(i) & (leaf() ? ~slot_flag::all : ~0)) != 0) {
      return Status(Code::corrupt, "slot " + std::to_string(i) + " has the impossible flags " + std::to_string(flags(i)));
    }
    Status header = check_row_header(i);
    if (!header.ok()) return header;
    const bool key_too_long = node_field::prefix_bytes.get(data_) + key_part > key_bytes_max(page_bytes_);
    const std::uint32_t header_to_come = leaf() && (flags(i) & slot_flag::header) == 0 ? row_header_bytes : 0;
    if (key_too_long || bytes + header_to_come > record_bytes_max(page_bytes_)) {
      return Status(Code::corrupt, "record " + std::to_string(i) + " is larger than records may be");
    }
    ghosts += (flags(i) & slot_flag::ghost) != 0 ? 1 : 0;
    headers += (flags(i) & slot_flag::header) != 0 ? 1 : 0;
    used += bytes;
  }
  if (used != node_field::heap_used.get(data_) || low + used > page_bytes_) {
    return Status(Code::corrupt, "records use " + std::to_string(used) + " bytes, the header says " +
                                     std::to_string(node_field::heap_used.get(data_)));
  }
  if (ghosts != node_field::ghosts.get(data_) || headers != node_field::row_headers.get(data_)) {
    return Status(Code::corrupt, std::to_string(ghosts) + " ghosts and " + std::to_string(headers) +
                                     " row headers, the header says " + std::to_string(node_field::ghosts.get(data_)) +
                                     " and " + std::to_string(node_field::row_headers.get(data_)));
  }
  return Status();
}

Status NodeView::check_row_header(std::uint32_t index) const {
  const std::optional<RowHeader> header = row_header(index);
  if (!header) {
    if (!ghost(index)) return Status();
    return Status(Code::corrupt, "record " + std::to_string(index) + " is a ghost without a row header");
  }
  const std::uint64_t newest = page::header::max_xid.get(data_);
  if (header->xid.raw > newest) {
    return Status(Code::corrupt, "record " + std::to_string(index) + " was written by transaction " + std::to_string(header->xid.raw) +
                                     ", above the page's highest, " + std::to_string(newest));
  }
  const std::uint32_t at = slot_field::offset.get(slot(index)) + (slot_field::packed.get(slot(index)) & slot_suffix_mask);
  if ((row_header_field::xid_and_flags.get(data_ + at) & row_header_field::reserved_mask) != 0) {
    return Status(Code::corrupt, "the row header of record " + std::to_string(index) + " uses reserved bits");
  }
  return Status();
}

Status NodeView::check_keys() const {
  const std::uint32_t slots = count();
  if (slots > 0 && head_skip() > common_prefix(suffix(0), suffix(slots - 1))) {
    return Status(Code::corrupt, "heads leave out " + std::to_string(head_skip()) + " bytes, more than the keys share");
  }
  for (std::uint32_t i = 0; i < slots; ++i) {
    if (slot_field::head.get(slot(i)) != head_in_node(suffix(i))) {
      return Status(Code::corrupt, "the head of slot " + std::to_string(i) + " does not repeat its key");
    }
    if (i > 0 && suffix(i - 1) >= suffix(i)) {
      return Status(Code::corrupt, "key " + std::to_string(i) + " is not above key " + std::to_string(i - 1));
    }
  }
  if (slots > 0) {
    if (key(0) <= lower_fence()) return Status(Code::corrupt, "the first key is not above the lower fence");
    if (upper_fence() && key(slots - 1) > *upper_fence()) {
      return Status(Code::corrupt, "the last key is above the upper fence");
    }
  }
  const std::uint32_t distance = node_field::hint_distance.get(data_);
  if (distance != slots / (hint_count + 1)) return Status(Code::corrupt, "the hints are taken at a wrong distance");
  for (std::uint32_t i = 0; distance != 0 && i < hint_count; ++i) {
    if (hint(i) != slot_field::head.get(slot((i + 1) * distance))) {
      return Status(Code::corrupt, "hint " + std::to_string(i) + " does not repeat its head");
    }
  }
  return Status();
}

}  // namespace quire::btree
