// Reader: finding data pages by way of the index, and the checksum of the whole.
//
// How many index pages there are and how many pages each lists follows from the length; a chain that says otherwise is
// damage, and so none can lead in circles.
#include "overflow/reader.hpp"

#include <algorithm>

#include "base/try.hpp"
#include "overflow/chain.hpp"

namespace quire::overflow {

using buffer::ReadPage;
using page::PageType;

Status Reader::load_index(PageId id, std::uint64_t number) {
  const std::uint64_t per_index = ids_per_index(pool_.page_bytes());
  const std::uint64_t left = data_pages_of(stub_.length, pool_.page_bytes()) - number * per_index;
  index_.clear();
  QUIRE_ASSIGN(const ReadPage page, read_page(pool_, id, PageType::overflow_index));
  const bool last = PageId{index_field::next.get(page.data())} == no_page;
  if (index_field::count.get(page.data()) != std::min(left, per_index)) return wrong_page(id, "index page");
  if (last != (left <= per_index)) return wrong_page(id, "last index page");
  index_.assign(page.bytes().begin(), page.bytes().end());
  index_number_ = number;
  return Status();
}

Status Reader::find_index(std::uint64_t number) {
  if (index_.empty() || number < index_number_) QUIRE_TRY(load_index(stub_.first, 0));
  while (index_number_ < number) QUIRE_TRY(load_index(PageId{index_field::next.get(index_.data())}, index_number_ + 1));
  return Status();
}

Status Reader::check_whole() const {
  if (hash_.value() == stub_.checksum) return Status();
  return Status(Code::corrupt, "a large value (" + std::to_string(stub_.length) + " bytes, first page " +
                                   std::to_string(stub_.first.raw) + ") fails its checksum");
}

Result<std::size_t> Reader::read(std::uint64_t offset, MutableBytes into) {
  const std::uint64_t payload = payload_bytes(pool_.page_bytes());
  const std::uint64_t per_index = ids_per_index(pool_.page_bytes());
  const std::uint64_t begin = std::min(offset, stub_.length);
  const std::uint64_t end = begin + std::min<std::uint64_t>(into.size(), stub_.length - begin);
  for (std::uint64_t at = begin; at < end;) {
    const std::uint64_t number = at / payload;
    QUIRE_TRY(find_index(number / per_index));
    const PageId id = index_entry(index_.data(), static_cast<std::uint32_t>(number % per_index));
    const std::uint64_t within = at % payload;
    const std::size_t bytes = static_cast<std::size_t>(std::min(payload - within, end - at));
    QUIRE_ASSIGN(const ReadPage page, read_page(pool_, id, PageType::overflow_data));
    std::memcpy(into.data() + (at - begin), page.data() + page::header_bytes + within, bytes);
    at += bytes;
  }
  const Bytes read = into.first(static_cast<std::size_t>(end - begin));
  position_ = end;
  if (begin == hashed_ && hashed_ <= stub_.length) {
    hash_.add(read);
    hashed_ = end;
    if (end == stub_.length) QUIRE_TRY(check_whole());
  }
  return read.size();
}

}  // namespace quire::overflow
