// Writer: data pages and their places in the index, a few per action.
//
// An index page is changed once per action, in memory; a chain that only grows at its end is complete at any moment.
#include "overflow/writer.hpp"

#include <algorithm>
#include <array>

#include "base/contain.hpp"
#include "base/try.hpp"
#include "overflow/chain.hpp"
#include "overflow/free.hpp"

namespace quire::overflow {

using buffer::Action;
using buffer::WritePage;
using page::PageType;

Writer::~Writer() {
  // A destructor has nobody to tell; abandon() is there for those who want to know.
  // Pages that cannot be freed for want of memory would be lost in what is published next.
  const auto give_up = [&]() noexcept { resources_.pool.fail(Status(Code::no_memory)); };
  (void)contain_no_memory([&] { return abandon(); }, give_up).ok();
}

Status Writer::append(std::string_view piece) {
  if (state_ != State::open) return Status(Code::invalid, "a large value is appended to after its end or a failure");
  Status status = append_piece(piece);
  if (!status.ok()) state_ = State::failed;
  return status;
}

// A full index page takes no more; the next action makes another.
std::uint32_t Writer::pages_at_once() const noexcept {
  const std::uint32_t room = ids_per_index(resources_.pool.page_bytes()) - index_count_;
  return room == 0 ? pages_per_action : std::min(room, pages_per_action);
}

Status Writer::append_piece(std::string_view piece) {
  const std::size_t payload = payload_bytes(resources_.pool.page_bytes());
  hash_.add(as_bytes(piece));
  length_ += piece.size();
  while (!piece.empty()) {
    std::size_t taken = 0;
    if (part_.empty() && piece.size() >= payload) {
      taken = std::min<std::size_t>(piece.size() / payload, pages_at_once()) * payload;
      QUIRE_TRY(write_pages(piece.substr(0, taken)));
    } else {
      taken = std::min(piece.size(), payload - part_.size());
      part_.append(piece.substr(0, taken));
      if (part_.size() == payload) {
        QUIRE_TRY(write_pages(part_));
        part_.clear();
      }
    }
    piece.remove_prefix(taken);
  }
  return Status();
}

Status Writer::write_pages(std::string_view bytes) {
  buffer::Pool& pool = resources_.pool;
  const std::size_t payload = payload_bytes(pool.page_bytes());
  const std::uint32_t pages = static_cast<std::uint32_t>((bytes.size() + payload - 1) / payload);
  if (first_ == no_page) QUIRE_TRY(for_freeing_.prepare({.dirty = dirty_pages_to_free}));
  const bool new_index = index_ == no_page || index_count_ == ids_per_index(pool.page_bytes());
  for (;;) {
    std::uint64_t version = 0;
    if (index_ != no_page) {
      QUIRE_ASSIGN(version, version_of(pool, index_));
    }
    Action action(resources_);
    QUIRE_TRY(action.prepare({.dirty = index_ == no_page ? 0u : 1u, .create = pages + (new_index ? 1u : 0u)}));
    action.enter();
    WritePage index;
    if (index_ != no_page) {
      index = action.write(index_, version);
      if (!index) continue;
      action.mark_dirty(index);
    }
    // Pages come highest number first; read in order they had better ascend.
    std::array<WritePage, pages_per_action> data;
    for (std::uint32_t i = pages; i > 0; --i) data[i - 1] = action.create(PageType::overflow_data, tree_);
    if (new_index) {
      WritePage fresh = action.create(PageType::overflow_index, tree_);
      if (index_ == no_page) {
        first_ = fresh.id();
      } else {
        index_field::next.set(index.data(), fresh.id().raw);
      }
      index_ = fresh.id();
      index_count_ = 0;
      index = std::move(fresh);
    }
    for (std::uint32_t i = 0; i < pages; ++i) {
      copy_bytes(data[i].data() + page::header_bytes, bytes.substr(i * payload, payload));
      set_index_entry(index.data(), index_count_++, data[i].id());
    }
    index_field::count.set(index.data(), index_count_);
    return Status();
  }
}

Result<Stub> Writer::finish() {
  if (state_ != State::open) return Status(Code::invalid, "a large value is finished after its end or a failure");
  if (!part_.empty()) {
    Status status = write_pages(part_);
    if (!status.ok()) {
      state_ = State::failed;
      return status;
    }
  }
  for_freeing_.leave();
  state_ = State::done;
  return Stub{length_, first_, hash_.value()};
}

Status Writer::abandon() {
  if (state_ == State::done) return Status();
  state_ = State::failed;
  for_freeing_.leave();
  if (first_ == no_page) return Status();
  QUIRE_TRY(free(resources_, first_));
  first_ = no_page;
  return Status();
}

}  // namespace quire::overflow
