// Operations: encoding, cutting back to a savepoint, walking.
//
// An operation is its header, its key and its value, one behind the other without padding.
#include "wal/ops.hpp"

#include "base/assert.hpp"

namespace quire::wal {

namespace f = record_field;

namespace {

bool may_have_value(OpKind kind) noexcept {
  return kind == OpKind::put || kind == OpKind::heap_put || kind == OpKind::part || kind == OpKind::rows;
}
bool may_have_key(OpKind kind) noexcept {
  return kind == OpKind::put || kind == OpKind::erase || kind == OpKind::heap_put || kind == OpKind::heap_erase;
}

}  // namespace

std::string_view op_kind_name(OpKind kind) noexcept {
  constexpr std::string_view names[op_kind_count] = {"?",          "put",         "erase",     "heap_put",
                                                     "heap_erase", "create_tree", "drop_tree", "part", "rows"};
  const auto index = static_cast<std::size_t>(kind);
  return names[index < op_kind_count ? index : 0];
}

void OpBuffer::add(const Op& op) {
  QUIRE_ASSERT(op.key.size() <= op_key_bytes_max);
  QUIRE_ASSERT(op.value.size() <= chunk_ops_bytes);
  QUIRE_ASSERT(count_ == 0 || op.number >= last_number_);
  QUIRE_ASSERT(may_have_key(op.kind) || op.key.empty());
  QUIRE_ASSERT(may_have_value(op.kind) || (op.value.empty() && !op.more));
  const std::size_t at = bytes_.size();
  bytes_.resize(at + op_header_bytes + op.key.size() + op.value.size());
  std::byte* p = bytes_.data() + at;
  f::op_kind.set(p, static_cast<std::uint8_t>(op.kind));
  f::op_flags.set(p, op.more ? op_flag::more : std::uint8_t{0});
  f::op_key_bytes.set(p, static_cast<std::uint16_t>(op.key.size()));
  f::op_value_bytes.set(p, static_cast<std::uint32_t>(op.value.size()));
  f::op_tree.set(p, op.tree.raw);
  f::op_number.set(p, op.number);
  copy_bytes(p + op_header_bytes, as_text(op.key));
  copy_bytes(p + op_header_bytes + op.key.size(), as_text(op.value));
  if (count_++ == 0) first_number_ = op.number;
  last_number_ = op.number;
}

void OpBuffer::rows(TreeId tree, std::uint32_t number, std::int64_t change) {
  std::byte value[rows_value_bytes];
  store_le(value, static_cast<std::uint64_t>(change));
  add({OpKind::rows, false, tree, number, {}, value});
}

void OpBuffer::drop_above(std::uint32_t number) {
  OpReader reader(bytes_);
  Op op;
  std::uint32_t kept = 0;
  std::size_t kept_bytes = 0;
  while (reader.next(op) && op.number <= number) {
    ++kept;
    kept_bytes = reader.position();
    last_number_ = op.number;
  }
  bytes_.resize(kept_bytes);
  count_ = kept;
}

void OpBuffer::clear(std::size_t keep_bytes_max) {
  bytes_.clear();
  count_ = 0;
  if (bytes_.capacity() > keep_bytes_max) bytes_.shrink_to_fit();
}

bool OpReader::next(Op& op) noexcept {
  const Bytes rest = ops_.subspan(position_);
  if (rest.size() < op_header_bytes) return false;
  const std::byte* p = rest.data();
  const std::uint8_t kind = f::op_kind.get(p);
  const std::uint8_t flags = f::op_flags.get(p);
  const std::size_t key_bytes = f::op_key_bytes.get(p);
  const std::size_t value_bytes = f::op_value_bytes.get(p);
  if (kind == 0 || kind >= op_kind_count || (flags & ~op_flag::more) != 0) return false;
  if (rest.size() - op_header_bytes < key_bytes + value_bytes) return false;
  op.kind = static_cast<OpKind>(kind);
  op.more = flags != 0;
  if (!may_have_key(op.kind) && key_bytes != 0) return false;
  if (!may_have_value(op.kind) && (value_bytes != 0 || op.more)) return false;
  if (op.kind == OpKind::rows && (value_bytes != rows_value_bytes || op.more)) return false;
  op.tree = TreeId{f::op_tree.get(p)};
  op.number = f::op_number.get(p);
  op.key = rest.subspan(op_header_bytes, key_bytes);
  op.value = rest.subspan(op_header_bytes + key_bytes, value_bytes);
  position_ += op_header_bytes + key_bytes + value_bytes;
  return true;
}

std::int64_t rows_of(const Op& op) noexcept {
  QUIRE_ASSERT(op.kind == OpKind::rows);
  return static_cast<std::int64_t>(load_le<std::uint64_t>(op.value.data()));
}

}  // namespace quire::wal
