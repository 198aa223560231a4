// Chain: what writer, reader and freeing share of an overflow value's pages.
//
// Threads   any
// Errors    corrupt: a page that is named as part of a value, but is not
#pragma once

#include <string>

#include "base/try.hpp"
#include "buffer/pool.hpp"
#include "overflow/layout.hpp"

namespace quire::overflow {

// Data pages that one action writes or frees; with index pages, what an operation may pin (BP-6).
inline constexpr std::uint32_t pages_per_action = 4;

inline std::uint64_t data_pages_of(std::uint64_t length, std::uint32_t page_bytes) noexcept {
  // Without length + payload - 1, which a damaged length lets overflow.
  const std::uint64_t payload = payload_bytes(page_bytes);
  return length / payload + (length % payload != 0 ? 1 : 0);
}

inline Status wrong_page(PageId id, const char* expected) {
  return Status(Code::corrupt,
                "page " + std::to_string(id.raw) + " is named by an overflow value, but is not its " + expected);
}

inline Result<buffer::ReadPage> read_page(buffer::Pool& pool, PageId id, page::PageType type) {
  QUIRE_ASSIGN(buffer::ReadPage page, pool.read(id));
  if (page::type_of(page.data()) != type) {
    return wrong_page(id, type == page::PageType::overflow_index ? "index page" : "data page");
  }
  return page;
}

}  // namespace quire::overflow
