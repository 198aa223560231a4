// Overflow values: whole values through writer and reader, and the checks of their pages.
//
// visit() takes the number of pages from the stub's length and checks that the chain agrees with it.
#include "overflow/overflow.hpp"

#include <algorithm>

#include "base/try.hpp"
#include "overflow/chain.hpp"
#include "overflow/reader.hpp"
#include "overflow/writer.hpp"

namespace quire::overflow {

using buffer::ReadPage;
using page::PageType;

namespace {

// Room made in advance for a value that is read; a longer one grows as its pages come.
constexpr std::uint64_t reserve_bytes_max = std::uint64_t{16} << 20;
constexpr std::size_t read_bytes = std::size_t{64} << 10;

class IndexKind final : public buffer::PageKind {
 public:
  Status check(Bytes page) const override {
    const std::uint32_t count = index_field::count.get(page.data());
    const std::uint32_t most = ids_per_index(static_cast<std::uint32_t>(page.size()));
    if (count == 0 || count > most) {
      return Status(Code::corrupt, "an overflow index of " + std::to_string(count) + " pages, 1 to " +
                                       std::to_string(most) + " expected");
    }
    return Status();
  }
};

class DataKind final : public buffer::PageKind {
 public:
  Status check(Bytes) const override { return Status(); }
};

}  // namespace

const buffer::PageKind& index_kind() {
  static const IndexKind kind;
  return kind;
}

const buffer::PageKind& data_kind() {
  static const DataKind kind;
  return kind;
}

Result<Stub> write(buffer::Resources& resources, TreeId tree, std::string_view value) {
  Writer writer(resources, tree);
  QUIRE_TRY(writer.append(value));
  return writer.finish();
}

Status visit(buffer::Pool& pool, const Stub& stub, const std::function<Status(PageId)>& page) {
  std::uint64_t left = data_pages_of(stub.length, pool.page_bytes());
  for (PageId index = stub.first; left > 0;) {
    std::vector<PageId> ids;
    PageId next;
    {
      QUIRE_ASSIGN(ReadPage bytes, read_page(pool, index, PageType::overflow_index));
      const std::uint32_t count = index_field::count.get(bytes.data());
      if (count != std::min<std::uint64_t>(left, ids_per_index(pool.page_bytes())))
        return wrong_page(index, "index page");
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

Status visit_chain(buffer::Pool& pool, PageId first, const std::function<Status(PageId)>& page) {
  while (first != no_page) {
    std::vector<PageId> ids{first};
    PageId next;
    {
      QUIRE_ASSIGN(ReadPage bytes, read_page(pool, first, PageType::overflow_index));
      const std::uint32_t count = std::min(index_field::count.get(bytes.data()), ids_per_index(pool.page_bytes()));
      for (std::uint32_t i = 0; i < count; ++i) ids.push_back(index_entry(bytes.data(), i));
      next = PageId{index_field::next.get(bytes.data())};
    }
    for (const PageId id : ids) QUIRE_TRY(page(id));
    first = next;
  }
  return Status();
}

Status read(buffer::Pool& pool, const Stub& stub, std::string& into) {
  into.clear();
  // A damaged stub may name any length; only what its pages hold takes memory.
  into.reserve(std::min(stub.length, reserve_bytes_max));
  Reader reader(pool, stub);
  do {
    const std::size_t before = into.size();
    into.resize(before + std::min<std::uint64_t>(stub.length - before, read_bytes));
    QUIRE_TRY(reader.read(std::as_writable_bytes(std::span(into)).subspan(before)).status());
  } while (into.size() < stub.length);
  return Status();
}

// A chain that contradicts the stub is left alone, rather than freed in part.
Status free(buffer::Resources& resources, const Stub& stub) {
  QUIRE_TRY(visit(resources.pool, stub, [](PageId) { return Status(); }));
  return stub.length == 0 ? Status() : free(resources, stub.first);
}

}  // namespace quire::overflow
