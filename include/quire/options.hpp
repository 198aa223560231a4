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

  // Upper bound, in bytes, of the memory that holds pages. At least 1 MiB. Transactions may be larger: changed
  // pages are written to free places of the file when memory runs out.
  std::uint64_t memory_limit = std::uint64_t{256} << 20;

  // How long begin and update wait for another write transaction, in milliseconds, before they fail with `busy`.
  // 0 does not wait. Readers never wait, and nobody waits for them.
  std::uint32_t lock_timeout_ms = 5000;
};

}  // namespace quire
