// Guards: the only way to a page's bytes. The type is the permission.
//
//   OptimisticPage  no latch: read, then ask valid(), and only then believe what was read; every offset taken
//                   from the page must be clamped first, since the bytes may change while they are read
//   ReadPage        shared latch
//   WritePage       exclusive latch; releasing it changes the page's version
//
// With QUIRE_TSAN an OptimisticPage holds a shared latch instead, so that ThreadSanitizer runs mean something.
// So no thread may ask for a WritePage on a page while it has an OptimisticPage on it.
//
// Guards are made by Pool and Action only, move-only, and must not outlive the pool.
#pragma once

#include <utility>

#include "base/assert.hpp"
#include "base/atomic.hpp"
#include "buffer/state_word.hpp"
#include "space/page_table.hpp"

namespace quire::buffer {

// Latches that this thread holds; checked where waiting is forbidden (BP-2).
extern thread_local int latches_held;

// Latch operations on a slot. try_ functions fail when the page is not in memory or otherwise held.
bool try_lock_shared(space::PageSlot& slot) noexcept;
bool try_lock_exclusive(space::PageSlot& slot) noexcept;
void unlock_shared(space::PageSlot& slot) noexcept;
void unlock_exclusive(space::PageSlot& slot) noexcept;
// As unlock_shared, but the last one out leaves the page cooling, as the clock had made it.
void unlock_shared_cooling(space::PageSlot& slot) noexcept;

class OptimisticPage {
 public:
  OptimisticPage() = default;
  OptimisticPage(OptimisticPage&& other) noexcept
      : slot_(std::exchange(other.slot_, nullptr)), data_(other.data_), word_(other.word_) {}
  OptimisticPage& operator=(OptimisticPage&& other) noexcept {
    if (this != &other) {
      release();
      slot_ = std::exchange(other.slot_, nullptr);
      data_ = other.data_;
      word_ = other.word_;
    }
    return *this;
  }
  ~OptimisticPage() { release(); }

  // False when the page was not in memory or was being changed: fault it in, or try again.
  explicit operator bool() const noexcept { return slot_ != nullptr; }
  const std::byte* data() const noexcept { return data_; }
  std::uint64_t version() const noexcept { return version_of(word_); }

  // True when nothing read so far has been changed since the guard was made.
  bool valid() const noexcept {
    acquire_fence();
    const std::uint64_t now = slot_->state.load(relaxed);
    return now == word_ || (version_of(now) == version_of(word_) && state_of(now) != state::exclusive);
  }

  void release() noexcept {
#if defined(QUIRE_TSAN)
    if (slot_ != nullptr) unlock_shared(*slot_);
#endif
    slot_ = nullptr;
  }

 private:
  friend class Pool;
  OptimisticPage(space::PageSlot* slot, const std::byte* data, std::uint64_t word) noexcept
      : slot_(slot), data_(data), word_(word) {}

  space::PageSlot* slot_ = nullptr;
  const std::byte* data_ = nullptr;
  std::uint64_t word_ = 0;
};

class [[nodiscard]] ReadPage {
 public:
  ReadPage() = default;
  ReadPage(ReadPage&& other) noexcept : slot_(std::exchange(other.slot_, nullptr)), bytes_(other.bytes_) {}
  ReadPage& operator=(ReadPage&& other) noexcept {
    if (this != &other) {
      release();
      slot_ = std::exchange(other.slot_, nullptr);
      bytes_ = other.bytes_;
    }
    return *this;
  }
  ~ReadPage() { release(); }

  explicit operator bool() const noexcept { return slot_ != nullptr; }
  Bytes bytes() const noexcept { return bytes_; }
  const std::byte* data() const noexcept { return bytes_.data(); }
  PageId id() const noexcept { return page::id_of(bytes_.data()); }
  void release() noexcept {
    if (slot_ != nullptr) unlock_shared(*std::exchange(slot_, nullptr));
  }

 private:
  friend class Pool;
  ReadPage(space::PageSlot& slot, Bytes bytes) noexcept : slot_(&slot), bytes_(bytes) {}

  space::PageSlot* slot_ = nullptr;
  Bytes bytes_;
};

class [[nodiscard]] WritePage {
 public:
  WritePage() = default;
  WritePage(WritePage&& other) noexcept : slot_(std::exchange(other.slot_, nullptr)), bytes_(other.bytes_) {}
  WritePage& operator=(WritePage&& other) noexcept {
    if (this != &other) {
      release();
      slot_ = std::exchange(other.slot_, nullptr);
      bytes_ = other.bytes_;
    }
    return *this;
  }
  ~WritePage() { release(); }

  // False when the page was not in memory or its version was not the one asked for: prepare again.
  explicit operator bool() const noexcept { return slot_ != nullptr; }
  MutableBytes bytes() const noexcept { return bytes_; }
  std::byte* data() const noexcept { return bytes_.data(); }
  PageId id() const noexcept { return page::id_of(bytes_.data()); }
  void release() noexcept {
    if (slot_ != nullptr) unlock_exclusive(*std::exchange(slot_, nullptr));
  }

 private:
  friend class Pool;
  friend class Action;
  WritePage(space::PageSlot& slot, MutableBytes bytes) noexcept : slot_(&slot), bytes_(bytes) {}

  space::PageSlot* slot_ = nullptr;
  MutableBytes bytes_;
};

}  // namespace quire::buffer
