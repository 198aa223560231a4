// Overflow values: the chain of index pages and their data pages.
//
// Data pages are written first, then the index pages from the last to the first, so that each page is complete when it
// is written and never touched again.
#include "overflow/overflow.hpp"

#include <algorithm>

#include "base/try.hpp"

namespace quire::overflow {

namespace {

using buffer::Action;
using buffer::ReadPage;
using buffer::Resources;
using buffer::WritePage;
using page::PageType;

// Room made in advance for a value that is read; a longer one grows as its pages come.
constexpr std::uint64_t reserve_bytes_max = std::uint64_t{16} << 20;

std::uint64_t data_pages_of(std::uint64_t length, std::uint32_t page_bytes) {
  // Without length + payload - 1, which a damaged length lets overflow.
  const std::uint64_t payload = payload_bytes(page_bytes);
  return length / payload + (length % payload != 0 ? 1 : 0);
}

Status wrong_page(PageId id, const char* expected) {
  return Status(Code::corrupt, "page " + std::to_string(id.raw) + " is named by an overflow value, but is not its " + expected);
}

Result<ReadPage> read_page(buffer::Pool& pool, PageId id, PageType type) {
  QUIRE_ASSIGN(ReadPage page, pool.read(id));
  if (page::type_of(page.data()) != type) {
    return wrong_page(id, type == PageType::overflow_index ? "index page" : "data page");
  }
  return page;
}

class IndexKind final : public buffer::PageKind {
 public:
  Status check(Bytes page) const override {
    const std::uint32_t count = index_field::count.get(page.data());
    const std::uint32_t most = ids_per_index(static_cast<std::uint32_t>(page.size()));
    if (count == 0 || count > most) {
      return Status(Code::corrupt, "an overflow index of " + std::to_string(count) + " pages, 1 to " + std::to_string(most) + " expected");
    }
    return Status();
  }
};

class DataKind final : public buffer::PageKind {
 public:
  Status check(Bytes) const override { return Status(); }
};

Result<PageId> write_data_page(Resources& resources, TreeId tree, std::string_view part) {
  Action action(resources);
  QUIRE_TRY(action.prepare({.dirty = 0, .create = 1}));
  action.enter();
  WritePage page = action.create(PageType::overflow_data, tree);
  copy_bytes(page.data() + page::header_bytes, part);
  return page.id();
}

Result<PageId> write_index_page(Resources& resources, TreeId tree, std::span<const PageId> ids, PageId next) {
  Action action(resources);
  QUIRE_TRY(action.prepare({.dirty = 0, .create = 1}));
  action.enter();
  WritePage page = action.create(PageType::overflow_index, tree);
  index_field::next.set(page.data(), next.raw);
  index_field::count.set(page.data(), static_cast<std::uint32_t>(ids.size()));
  for (std::size_t i = 0; i < ids.size(); ++i) set_index_entry(page.data(), static_cast<std::uint32_t>(i), ids[i]);
  return page.id();
}

}  // namespace

const buffer::PageKind& index_kind() {
  static const IndexKind kind;
  return kind;
}

const buffer::PageKind& data_kind() {
  static const DataKind kind;
  return kind;
}

Result<Stub> write(Resources& resources, TreeId tree, std::string_view value) {
  const std::uint32_t page_bytes = resources.pool.page_bytes();
  std::vector<PageId> data;
  for (std::size_t at = 0; at < value.size(); at += payload_bytes(page_bytes)) {
    QUIRE_ASSIGN(const PageId id, write_data_page(resources, tree, value.substr(at, payload_bytes(page_bytes))));
    data.push_back(id);
  }
  // From the end, so that each index page can name the next.
  const std::size_t per_index = ids_per_index(page_bytes);
  PageId next = no_page;
  for (std::size_t end = data.size(); end > 0;) {
    const std::size_t begin = (end - 1) / per_index * per_index;
    QUIRE_ASSIGN(next, write_index_page(resources, tree, std::span(data).subspan(begin, end - begin), next));
    end = begin;
  }
  return Stub{value.size(), next, hash64(as_bytes(value))};
}

Status visit(buffer::Pool& pool, const Stub& stub, const std::function<Status(PageId)>& page) {
  std::uint64_t left = data_pages_of(stub.length, pool.page_bytes());
  for (PageId index = stub.first; left > 0;) {
    std::vector<PageId> ids;
    PageId next;
    {
      QUIRE_ASSIGN(ReadPage bytes, read_page(pool, index, PageType::overflow_index));
      const std::uint32_t count = index_field::count.get(bytes.data());
      if (count != std::min<std::uint64_t>(left, ids_per_index(pool.page_bytes()))) return wrong_page(index, "index page");
      for (std::uint32_t i = 0; i < count; ++i) ids.push_back(index_entry(bytes.data(), i));
      next = PageId{index_field::next.get(bytes.data())};
    }
    QUIRE_TRY(page(index));
    for (const PageId id : ids) QUIRE_TRY(page(id));
    left -= ids.size();
    if ((left == 0) != (next == no_page)) return wrong_page(index, "last index page");
    index = next;
  }
  return Status();
}

Status read(buffer::Pool& pool, const Stub& stub, std::string& into) {
  into.clear();
  // A damaged stub may name any length; only what its pages hold takes memory.
  into.reserve(std::min<std::uint64_t>(stub.length, reserve_bytes_max));
  std::uint64_t index_pages_left = 0;
  std::uint64_t data_seen = 0;
  QUIRE_TRY(visit(pool, stub, [&](PageId id) -> Status {
    if (index_pages_left == 0) {
      // visit names an index page and then its data pages.
      const std::uint64_t pages = data_pages_of(stub.length, pool.page_bytes());
      index_pages_left = std::min<std::uint64_t>(pages - data_seen, ids_per_index(pool.page_bytes()));
      return Status();
    }
    QUIRE_ASSIGN(ReadPage page, read_page(pool, id, PageType::overflow_data));
    const std::uint64_t part = std::min<std::uint64_t>(stub.length - into.size(), payload_bytes(pool.page_bytes()));
    into.append(as_text(page.data() + page::header_bytes, part));
    --index_pages_left;
    ++data_seen;
    return Status();
  }));
  if (hash64(as_bytes(into)) != stub.checksum) {
    return Status(Code::corrupt, "a large value (" + std::to_string(stub.length) + " bytes, first page " +
                                     std::to_string(stub.first.raw) + ") fails its checksum");
  }
  return Status();
}

Status free(Resources& resources, const Stub& stub) {
  std::vector<PageId> pages;
  QUIRE_TRY(visit(resources.pool, stub, [&](PageId id) {
    pages.push_back(id);
    return Status();
  }));
  for (const PageId id : pages) QUIRE_TRY(buffer::free_page(resources, id));
  return Status();
}

}  // namespace quire::overflow
