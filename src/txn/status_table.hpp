// StatusTable: what became of each transaction: active, committed at a timestamp, or aborted.
//
// Numbers are given in the order of first changes, timestamps in the order of commits. Everything below the floor is finished
// and visible to every snapshot there is and will be; nothing is kept of it.
//
//   xid -> directory (64 Mi numbers each) -> chunk (4096 numbers) -> word
//
// A chunk that the floor has passed serves other numbers later, and is never given back: so reading needs no latch. A reader
// takes the word, and then looks whether the floor has come so far meanwhile.
//
// An aborted transaction keeps the time of its end as well: whoever read a row of it before that may still be about to ask, and must not
// take it for finished. So the floor passes it when every snapshot is younger.
//
// Invariants   1. the floor never falls; every transaction below it has ended below every limit that views have
//              2. a word leaves `active` once, and does not change after that
// Threads      reading and committing: any; set_floor: one at a time; extend: one at a time
// Sources      The table of commit times by transaction is that of Hekaton and of Oracle's transaction tables, in memory only
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "base/atomic.hpp"
#include "base/ids.hpp"
#include "os/sync.hpp"

namespace quire::txn {

class StatusTable {
 public:
  StatusTable() = default;
  ~StatusTable();
  StatusTable(const StatusTable&) = delete;
  StatusTable& operator=(const StatusTable&) = delete;

  // Every transaction below it is finished. Once, before anything else.
  void open(Xid floor);
  // Makes room for a number that has been given, before anything else is said of it. Throws bad_alloc: then it stays active for
  // ever, and no row must name it.
  void extend(Xid xid) {
    if (xid.raw >= extended_.load(acquire)) extend_to(xid);
  }

  Xid floor() const noexcept { return Xid{floor_.load(acquire)}; }
  bool active(Xid xid) const noexcept;
  // Committed with a timestamp below the limit. False while it is active, and for ever when it is aborted.
  bool committed_before(Xid xid, Timestamp limit) const noexcept;

  // Greatest of all while it is active; zero below the floor.
  Timestamp committed_at(Xid xid) const noexcept;

  void committed(Xid xid, Timestamp at) noexcept { word_of(xid).store(at.raw, seq_cst); }
  // Nothing of it is left in any row. `at`: not below any limit that anybody has by now.
  void aborted(Xid xid, Timestamp at) noexcept { word_of(xid).store(aborted_bit | at.raw, seq_cst); }

  // Raises the floor as far as transactions below `next` are finished for all views whose limit is at or above `horizon`.
  Xid raise_floor(Timestamp horizon, Xid next) noexcept;

 private:
  static constexpr std::uint64_t active_word = 0;
  static constexpr std::uint64_t aborted_bit = std::uint64_t{1} << 63;
  static constexpr std::uint64_t everybodys_word = UINT64_MAX;  // never stored: below the floor
  static constexpr std::uint64_t time_of(std::uint64_t word) { return word & ~aborted_bit; }
  static constexpr std::uint32_t chunk_bits = 12;
  static constexpr std::uint32_t directory_bits = 14;
  static constexpr std::uint32_t root_bits = 10;  // the numbers that are needed at a time are fewer than all that this holds

  struct Chunk {
    std::array<Atomic<std::uint64_t>, std::size_t{1} << chunk_bits> words{};
  };
  struct Directory {
    std::array<Atomic<Chunk*>, std::size_t{1} << directory_bits> chunks{};
  };
  static constexpr std::size_t in_chunk(Xid xid) { return xid.raw & ((std::uint64_t{1} << chunk_bits) - 1); }
  static constexpr std::size_t in_directory(Xid xid) { return xid.raw >> chunk_bits & ((std::uint64_t{1} << directory_bits) - 1); }
  static constexpr std::size_t in_root(Xid xid) { return xid.raw >> (chunk_bits + directory_bits) & ((std::uint64_t{1} << root_bits) - 1); }

  Atomic<std::uint64_t>* find(Xid xid) const noexcept;
  Atomic<std::uint64_t>& word_of(Xid xid) noexcept;
  // The word, or everybodys_word when the floor has passed it.
  std::uint64_t read(Xid xid) const noexcept;
  void extend_to(Xid xid) QUIRE_EXCLUDES(mutex_);
  void recycle(Xid from, Xid to) noexcept;

  alignas(64) Atomic<std::uint64_t> floor_{1};
  Atomic<std::uint64_t> extended_{0};  // chunks are there for numbers below it; changed under the mutex
  std::array<Atomic<Directory*>, std::size_t{1} << root_bits> root_{};
  os::Mutex mutex_;
  std::vector<std::unique_ptr<Chunk>> chunks_ QUIRE_GUARDED_BY(mutex_);  // all there are
  std::vector<Chunk*> free_ QUIRE_GUARDED_BY(mutex_);
};

}  // namespace quire::txn
