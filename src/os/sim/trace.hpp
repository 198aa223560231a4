// Trace: what a simulated file system was asked to do, in order.
//
// The hash is always kept: two runs of one seed must have the same (I14), and it covers the bytes written.
// The text is kept on request, one line per operation:
//
//   17 write /db/app.qdb 4096 8192        number, name, path, offset, bytes
//
// Threads   guarded by its file system
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.hpp"

namespace quire::os {

enum class OperationKind {
  open,
  read,
  write,
  sync,
  size,
  allocate,
  truncate,
  lock,
  remove,
  rename,
  exists,
  list,
  sync_directory,
};

const char* operation_name(OperationKind kind) noexcept;

// One call of the interface, before it takes effect.
struct Operation {
  std::uint64_t number = 0;  // from 1
  OperationKind kind = OperationKind::open;
  const std::string& path;
  std::uint64_t offset = 0;  // truncate: the new size
  std::uint64_t bytes = 0;
  // Whether the operation can change what a crash shows. Crash points before others are equal to the next.
  bool changes = false;
};

class Trace {
 public:
  // `detail` is the data written, or the second name of a rename.
  void add(const Operation& operation, Bytes detail);
  void keep_text(bool keep) noexcept { keeps_text_ = keep; }
  const std::string& text() const noexcept { return text_; }
  std::uint64_t hash() const noexcept { return hash_; }

 private:
  bool keeps_text_ = false;
  std::string text_;
  std::uint64_t hash_ = 0;
};

}  // namespace quire::os
