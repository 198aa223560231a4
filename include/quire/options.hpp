// Options of opening a database.
#pragma once

#include <cstdint>

namespace quire {

enum class Mode : std::uint8_t {
  create,     // open for reading and writing; create the file when it is missing (default)
  open,       // open for reading and writing; a missing file is not_found
  read_only,  // open for reading; changes no byte
};

struct Options {
  Mode mode = Mode::create;

  // Bytes in a page: 4096, 8192, 16384, 32768 or 65536. Counts only when the file is created; 0 takes the
  // default, 8192. Anything else is `invalid`.
  std::uint32_t page_size = 0;

  // Upper bound, in bytes, of the memory that holds pages. At least 1 MiB. A transaction that changes more
  // pages than fit fails with `no_memory` and changes nothing.
  std::uint64_t memory_limit = std::uint64_t{256} << 20;

  // How long begin, update and commit wait for other transactions, in milliseconds, before they fail with
  // `busy`. 0 does not wait.
  std::uint32_t lock_timeout_ms = 5000;
};

}  // namespace quire
