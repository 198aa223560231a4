// Helpers of this folder's tests: values, and what their pages leave in a file.
//
// Threads   one
#pragma once

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "base/random.hpp"
#include "buffer/test_pages.hpp"
#include "os/mem/mem_file_system.hpp"
#include "overflow/overflow.hpp"

namespace quire::overflow {

inline constexpr TreeId test_tree{9};
using buffer::Pages;

inline std::string random_text(std::size_t bytes, std::uint64_t seed) {
  Random random(seed);
  std::string text(bytes, '\0');
  for (char& c : text) c = static_cast<char>(random.next());
  return text;
}

inline void register_kinds(Pages& pages) {
  pages.pool.register_kind(page::PageType::overflow_index, index_kind());
  pages.pool.register_kind(page::PageType::overflow_data, data_kind());
}

inline std::string read_back(Pages& pages, const Stub& stub) {
  std::string value = "left from before";
  const Status status = read(pages.pool, stub, value);
  return status.ok() ? value : "failed: " + status.to_string();
}

inline std::vector<PageId> pages_of(Pages& pages, const Stub& stub) {
  std::vector<PageId> ids;
  EXPECT_TRUE(visit(pages.pool, stub, [&](PageId id) {
                ids.push_back(id);
                return Status();
              }).ok());
  return ids;
}

inline std::uint64_t pages_for(std::uint64_t length, std::uint32_t page_bytes) {
  const std::uint64_t data = (length + payload_bytes(page_bytes) - 1) / payload_bytes(page_bytes);
  return data + (data + ids_per_index(page_bytes) - 1) / ids_per_index(page_bytes);
}

// Lengths around the ends of data pages and of index pages.
inline std::vector<std::uint64_t> border_lengths(std::uint32_t page_bytes) {
  const std::uint64_t payload = payload_bytes(page_bytes);
  const std::uint64_t index = payload * ids_per_index(page_bytes);
  std::vector<std::uint64_t> lengths{0, 1, 2};
  for (const std::uint64_t border : {payload, 2 * payload, 4 * payload, index, 2 * index}) {
    if (border > (std::uint64_t{5} << 20)) continue;
    for (const std::uint64_t length : {border - 1, border, border + 1}) lengths.push_back(length);
  }
  return lengths;
}

// Page numbers in use in the published state.
inline std::set<PageId> published_pages(Pages& pages) {
  std::set<PageId> live;
  EXPECT_TRUE(pages.space.table
                  .for_each([&](PageId id, const space::Entry& entry) {
                    if (!entry.free()) live.insert(id);
                    return Status();
                  })
                  .ok());
  return live;
}

// What hangs on an index page, by the counts of the pages alone: also of a value half written or half freed.
inline std::set<PageId> chain_of(Pages& pages, PageId first) {
  std::set<PageId> met;
  while (first != no_page) {
    const buffer::ReadPage page = pages.pool.read(first).value();
    EXPECT_EQ(page::type_of(page.data()), page::PageType::overflow_index);
    EXPECT_TRUE(met.insert(first).second);
    for (std::uint32_t i = 0; i < index_field::count.get(page.data()); ++i) {
      EXPECT_TRUE(met.insert(index_entry(page.data(), i)).second);
    }
    first = PageId{index_field::next.get(page.data())};
  }
  return met;
}

}  // namespace quire::overflow
