// Content: measuring records and filling nodes.
#include "btree/content.hpp"

namespace quire::btree {

Content::Content(const NodeView& only) : left_(only), right_(only) { measure(only); }

Content::Content(const NodeView& left, std::string_view separator, const NodeView& right)
    : left_(left), right_(right), two_(true), separator_(separator) {
  measure(left);
  if (!left.leaf()) {
    bytes_before_.push_back(bytes_before_.back() + static_cast<std::uint32_t>(separator.size()) + child_bytes + slot_bytes);
  }
  measure(right);
}

void Content::measure(const NodeView& node) {
  const std::uint32_t prefix = static_cast<std::uint32_t>(node.prefix().size());
  for (std::uint32_t i = 0; i < node.count(); ++i) {
    bytes_before_.push_back(bytes_before_.back() + prefix + node.record_bytes(i) + slot_bytes);
  }
}

Content::Place Content::place(std::uint32_t index) const noexcept {
  if (index < left_.count()) return {&left_, index};
  index -= left_.count();
  if (leaf()) return {&right_, index};
  return index == 0 ? Place{nullptr, 0} : Place{&right_, index - 1};
}

std::string Content::key(std::uint32_t index) const {
  const Place at = place(index);
  return at.node == nullptr ? std::string(separator_) : at.node->key(at.index);
}

PageId Content::child(std::uint32_t index) const noexcept {
  if (!two_ || index <= left_.count()) return left_.child(index);
  return right_.child(index - left_.count() - 1);
}

std::uint32_t Content::page_bytes_with(const Part& part) const noexcept {
  const std::size_t prefix = part.upper ? common_prefix(part.lower, *part.upper) : 0;
  const std::size_t fences = part.lower.size() + (part.upper ? part.upper->size() : 0);
  const std::size_t records = record_bytes(part.from, part.to) - prefix * (part.to - part.from);
  return static_cast<std::uint32_t>(node_header_bytes + fences + records);
}

void Content::put(const Part& part, Node& into) const {
  into.format({left_.level(), part.lower, part.upper});
  const std::uint32_t left_count = left_.count();
  if (part.from < left_count) into.append_from(left_, part.from, std::min(part.to, left_count));
  if (part.to > left_count) {
    // The separator of two inner nodes comes down between their records.
    const std::uint32_t right_begin = left_count + (leaf() ? 0 : 1);
    if (part.from < right_begin && part.to >= right_begin && !leaf()) into.append_separator(separator_, left_.child(left_count));
    const std::uint32_t from = std::max(part.from, right_begin);
    if (part.to > from) into.append_from(right_, from - right_begin, part.to - right_begin);
  }
  if (!leaf()) into.set_child(into.count(), child(part.to));
  into.update_heads();
}

Content::Part left_part(const Content& content, const Division& division) {
  return {0, division.index, content.lower(), std::string_view(division.separator)};
}

Content::Part right_part(const Content& content, const Division& division) {
  return {content.leaf() ? division.index : division.index + 1, content.count(), division.separator, content.upper()};
}

}  // namespace quire::btree
