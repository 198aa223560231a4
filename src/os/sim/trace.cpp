// Trace: one line per operation, folded into one number.
#include "os/sim/trace.hpp"

#include "base/hash.hpp"

namespace quire::os {

const char* operation_name(OperationKind kind) noexcept {
  switch (kind) {
    case OperationKind::open: return "open";
    case OperationKind::read: return "read";
    case OperationKind::write: return "write";
    case OperationKind::sync: return "sync";
    case OperationKind::size: return "size";
    case OperationKind::allocate: return "allocate";
    case OperationKind::truncate: return "truncate";
    case OperationKind::lock: return "lock";
    case OperationKind::remove: return "remove";
    case OperationKind::rename: return "rename";
    case OperationKind::exists: return "exists";
    case OperationKind::list: return "list";
    case OperationKind::sync_directory: return "sync_directory";
  }
  return "unknown";
}

void Trace::add(const Operation& operation, Bytes detail) {
  std::byte numbers[32];
  store_le(numbers, operation.number);
  store_le(numbers + 8, static_cast<std::uint64_t>(operation.kind));
  store_le(numbers + 16, operation.offset);
  store_le(numbers + 24, operation.bytes);
  hash_ = hash64(Bytes(numbers), hash_);
  hash_ = hash64(as_bytes(operation.path), hash_);
  if (!detail.empty()) hash_ = hash64(detail, hash_);
  if (!keeps_text_) return;
  text_ += std::to_string(operation.number) + ' ' + operation_name(operation.kind) + ' ' + operation.path + ' ' +
           std::to_string(operation.offset) + ' ' + std::to_string(operation.bytes) + '\n';
}

}  // namespace quire::os
