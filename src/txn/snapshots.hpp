// Snapshots: which limits readers hold, so that purge keeps what they may still need.
//
//   reader   limit = slot.acquire()  ... reads ...  slot.release()
//   purge    horizon() <= every registered limit, and <= every limit registered later
//
// A reader stores the newest limit in a slot of its own and then looks whether it is still the newest; purge reads
// the newest limit first and the slots after (TX-2). Both sides are sequentially consistent, so that a reader that
// purge did not see takes a limit at or above the one purge began with.
//
// Threads   any
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "base/atomic.hpp"
#include "base/ids.hpp"
#include "os/sync.hpp"

namespace quire::txn {

class Snapshots {
 public:
  ~Snapshots();

  // Newest first invisible transaction. Set by the writer when a commit is durable.
  void set_newest(Xid limit) noexcept { newest_.store(limit.raw, seq_cst); }
  Xid newest() const noexcept { return Xid{newest_.load(acquire)}; }

  struct alignas(64) Slot {
    Atomic<std::uint64_t> limit{0};  // 0: free
  };
  // The slot's limit is the snapshot's. Never fails; slots are made as needed.
  Slot& acquire_slot();
  static void release_slot(Slot& slot) noexcept { slot.limit.store(0, release); }

  // Every transaction below it is finished for every snapshot there is and will be.
  Xid horizon() const noexcept;
  std::uint64_t registered() const noexcept;

 private:
  static constexpr std::size_t slots_per_group = 64;
  struct Group {
    std::array<Slot, slots_per_group> slots;
    Atomic<Group*> next{nullptr};
  };

  alignas(64) Atomic<std::uint64_t> newest_{1};
  mutable Group first_;
};

}  // namespace quire::txn
