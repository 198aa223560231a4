// Snapshots: which limits readers hold, so that purge keeps what they may still need.
//
//   reader   slot = acquire_slot()  ... reads below slot.limit ...  release_slot(slot)
//   purge    horizon() <= every registered limit, and <= every limit registered later
//
// A limit is the first timestamp that is invisible. Readers begin with what is visible, and durable if it promised to be;
// writers with everything that is committed, since their own commit comes later in the same log (TX-1).
//
// A reader stores the newest limit in a slot of its own and then looks whether it is still the newest; purge reads
// the newest visible limit first and the slots after (TX-2). Both sides are sequentially consistent, so that a reader that
// purge did not see takes a limit at or above the one purge began with.
//
// A slot also says whose it is and since when, for people. That may be a moment older than the limit.
//
// Threads   any
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/atomic.hpp"
#include "base/ids.hpp"
#include "os/sync.hpp"

namespace quire::txn {

struct SnapshotHolder {
  std::uint64_t now_us = 0;
  std::uint64_t transaction = 0;  // number of a writer; 0: a reader
};

class Snapshots {
 public:
  ~Snapshots();

  // Everything below it is visible to new readers. Set when a commit is as durable as it promised.
  void set_newest(Timestamp limit) noexcept { newest_.store(limit.raw, seq_cst); }
  Timestamp newest() const noexcept { return Timestamp{newest_.load(acquire)}; }
  // Everything below it is committed. Set with each commit, at or above newest().
  void set_committed(Timestamp limit) noexcept { committed_.store(limit.raw, seq_cst); }
  Timestamp committed() const noexcept { return Timestamp{committed_.load(acquire)}; }

  struct alignas(64) Slot {
    Atomic<std::uint64_t> limit{0};  // 0: free
    Atomic<std::uint64_t> since_us{0};
    Atomic<std::uint64_t> thread{0};
    Atomic<std::uint64_t> transaction{0};
  };
  // The slot's limit is the snapshot's. Never fails; slots are made as needed.
  Slot& acquire_slot(const SnapshotHolder& holder = {}) { return acquire_slot(newest_, holder); }
  // With everything that is committed.
  Slot& acquire_writer_slot(const SnapshotHolder& holder = {}) { return acquire_slot(committed_, holder); }
  // The slot's owner goes on with everything that is committed now.
  void renew_writer_slot(Slot& slot) const noexcept { publish(slot, committed_, committed_.load(seq_cst)); }
  static void release_slot(Slot& slot) noexcept { slot.limit.store(0, release); }

  // Every snapshot there is and will be sees the commits below it.
  Timestamp horizon() const noexcept;
  std::uint64_t registered() const noexcept;
  struct Registered {
    Timestamp limit;
    std::uint64_t since_us = 0;
    std::uint64_t thread = 0;
    std::uint64_t transaction = 0;
  };
  // From the oldest to the newest.
  std::vector<Registered> list() const;

 private:
  static constexpr std::size_t slots_per_group = 64;
  struct Group {
    std::array<Slot, slots_per_group> slots;
    Atomic<Group*> next{nullptr};
  };

  Slot& acquire_slot(const Atomic<std::uint64_t>& newest, const SnapshotHolder& holder);
  static void publish(Slot& slot, const Atomic<std::uint64_t>& newest, std::uint64_t limit) noexcept;

  alignas(64) Atomic<std::uint64_t> newest_{1};
  alignas(64) Atomic<std::uint64_t> committed_{1};
  mutable Group first_;
};

}  // namespace quire::txn
