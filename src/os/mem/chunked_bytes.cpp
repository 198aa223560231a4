// ChunkedBytes: reading, writing, and copying what is shared.
//
// use_count() == 1 means that nobody else can reach the chunk: only this object's list points to it, and the
// list itself was made our own first. So own_list() always comes before own_chunk() looks at a count.
#include "os/mem/chunked_bytes.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace quire::os {

std::size_t ChunkedBytes::read(std::uint64_t offset, MutableBytes into) const noexcept {
  if (offset >= size_) return 0;
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), size_ - offset));
  for (std::size_t done = 0; done < count;) {
    const std::uint64_t index = (offset + done) / chunk_bytes;
    const auto begin = static_cast<std::size_t>((offset + done) % chunk_bytes);
    const std::size_t part = std::min(count - done, std::size_t{chunk_bytes} - begin);
    const Chunk* source = list_ && index < list_->size() ? (*list_)[index].get() : nullptr;
    if (source == nullptr) {
      std::memset(into.data() + done, 0, part);
    } else {
      std::memcpy(into.data() + done, source->bytes.data() + begin, part);
    }
    done += part;
  }
  return count;
}

void ChunkedBytes::write(std::uint64_t offset, Bytes from) {
  for (std::size_t done = 0; done < from.size();) {
    const std::uint64_t index = (offset + done) / chunk_bytes;
    const auto begin = static_cast<std::size_t>((offset + done) % chunk_bytes);
    const std::size_t part = std::min(from.size() - done, std::size_t{chunk_bytes} - begin);
    std::memcpy(own_chunk(index).bytes.data() + begin, from.data() + done, part);
    done += part;
  }
  if (!from.empty()) size_ = std::max(size_, offset + from.size());
}

void ChunkedBytes::resize(std::uint64_t bytes) {
  const bool shrinks = bytes < size_;
  size_ = bytes;
  if (shrinks) clear_behind_size();
}

void ChunkedBytes::clear_behind_size() {
  const std::uint64_t chunks = (size_ + chunk_bytes - 1) / chunk_bytes;
  if (list_ && list_->size() > chunks) own_list().resize(static_cast<std::size_t>(chunks));
  const auto used = static_cast<std::size_t>(size_ % chunk_bytes);
  if (used == 0 || !has_chunk(chunks - 1)) return;
  Chunk& last = own_chunk(chunks - 1);
  std::memset(last.bytes.data() + used, 0, chunk_bytes - used);
}

ChunkPointer ChunkedBytes::chunk(std::uint64_t index) const noexcept {
  return list_ && index < list_->size() ? (*list_)[index] : nullptr;
}

bool ChunkedBytes::has_chunk(std::uint64_t index) const noexcept {
  return list_ && index < list_->size() && (*list_)[index] != nullptr;
}

void ChunkedBytes::set_chunk(std::uint64_t index, ChunkPointer content) {
  const std::uint64_t chunks = (size_ + chunk_bytes - 1) / chunk_bytes;
  if (index >= chunks) return;
  List& list = own_list();
  if (index >= list.size()) list.resize(static_cast<std::size_t>(index + 1));
  list[index] = std::move(content);
  if (index + 1 == chunks) clear_behind_size();
}

std::string ChunkedBytes::to_string() const {
  std::vector<std::byte> bytes(static_cast<std::size_t>(size_));
  read(0, bytes);
  return std::string(as_text(bytes));
}

ChunkedBytes::List& ChunkedBytes::own_list() {
  if (list_ == nullptr) {
    list_ = std::make_shared<List>();
  } else if (list_.use_count() > 1) {
    list_ = std::make_shared<List>(*list_);
  }
  return *list_;
}

Chunk& ChunkedBytes::own_chunk(std::uint64_t index) {
  List& list = own_list();
  if (index >= list.size()) list.resize(static_cast<std::size_t>(index + 1));
  ChunkPointer& pointer = list[index];
  if (pointer == nullptr) {
    pointer = std::make_shared<Chunk>();
  } else if (pointer.use_count() > 1) {
    pointer = std::make_shared<Chunk>(*pointer);
  }
  return *pointer;
}

}  // namespace quire::os
