// Writers: the write transactions there are, and the places they work in.
//
// A place is what one transaction leaves to the next: an undo log, whose end it appends to, and memory. Others ask here what
// the transactions are doing, whom a flip finds active (CK-2), and who wrote in a tree.
//
// Who must be alone - verify, pictures of trees - closes the door: it waits for those inside, and nobody comes in meanwhile. A
// transaction comes in when it begins, before it holds any lock, so whoever waits at the door holds up nobody.
//
//   place = writers.enter(...) ; ... ; writers.leave(place)
//   writers.close(timeout) ; ... alone ... ; writers.open()
//
// Invariants   1. a place is in one transaction's hands, or purge's, or nobody's
//              2. a transaction is listed from enter to leave; a flip counts it in from its first record to its end (ended())
// Threads      any; one mutex, a leaf
// Errors       busy after the timeout
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "engine/row_counts.hpp"
#include "os/environment.hpp"
#include "os/sync.hpp"
#include "quire/options.hpp"
#include "txn/undo_log.hpp"
#include "txn/write_transaction.hpp"
#include "wal/ops.hpp"

namespace quire::engine {

class Writers {
 public:
  struct Place {
    explicit Place(buffer::Resources& resources) : undo(resources) {}
    txn::UndoLog undo;
    // Empty between transactions.
    wal::OpBuffer ops;
    RowCounts::Changes changed;

    // Of the transaction that is in it.
    bool entered = false;
    std::uint64_t number = 0;
    Atomic<std::uint64_t> thread{0};  // that has used it last: a transaction may be handed from thread to thread
    std::uint64_t begun_us = 0;
    Isolation isolation{};
    Atomic<txn::WriteTransaction*> transaction{nullptr};
    Atomic<const char*> doing{nullptr};  // null: nothing at the moment
  };

  Writers(buffer::Resources& resources, os::Clock& clock) : resources_(resources), clock_(clock) {}

  // busy when somebody is alone, for longer than the timeout. Throws bad_alloc; then nothing has changed.
  Result<Place*> enter(std::uint64_t timeout_us, Isolation isolation) QUIRE_EXCLUDES(mutex_);
  void leave(Place& place) noexcept QUIRE_EXCLUDES(mutex_);

  // Waits until nobody is inside. The calling thread does nothing else meanwhile: its own transactions may stay, or are `invalid`.
  enum class Own : std::uint8_t { stay, invalid };
  Status close(std::uint64_t timeout_us, Own own) QUIRE_EXCLUDES(mutex_);
  void open() noexcept QUIRE_EXCLUDES(mutex_);
  // Alone for a scope.
  class Alone {
   public:
    explicit Alone(Writers& writers) noexcept : writers_(writers) {}
    ~Alone() { writers_.open(); }
    Alone(const Alone&) = delete;
    Alone& operator=(const Alone&) = delete;

   private:
    Writers& writers_;
  };

  // Says what the transaction in a place is doing, for a scope.
  class Doing {
   public:
    Doing(Place& place, const char* what) noexcept : place_(place) { place_.doing.store(what, relaxed); }
    ~Doing() { place_.doing.store(nullptr, relaxed); }
    Doing(const Doing&) = delete;
    Doing& operator=(const Doing&) = delete;

   private:
    Place& place_;
  };

  // Calls `look` for each place that a transaction is in.
  template <class Fn>
  void for_each(Fn&& look) const QUIRE_EXCLUDES(mutex_) {
    os::Lock lock(mutex_);
    for (const std::unique_ptr<Place>& place : places_) {
      if (place->entered) look(*place);
    }
  }
  // Fills the last pages of undo logs that nobody uses, and nobody needs, again from their beginning. Ok also when one cannot be.
  void rewind_idle() QUIRE_EXCLUDES(mutex_);
  // Gives the undo logs up. Nobody is inside.
  Status clear() QUIRE_EXCLUDES(mutex_);

  // For messages: who it is, since when, and what it is doing.
  std::string describe(Xid xid) const QUIRE_EXCLUDES(mutex_);

 private:
  Place* take_free() QUIRE_REQUIRES(mutex_);
  // Transactions that the thread has begun, or those of all other threads.
  std::uint64_t begun_by(std::uint64_t thread, bool others) const QUIRE_REQUIRES(mutex_);

  buffer::Resources& resources_;
  os::Clock& clock_;
  mutable os::Mutex mutex_;
  os::Condition changed_;
  std::vector<std::unique_ptr<Place>> places_ QUIRE_GUARDED_BY(mutex_);
  std::vector<Place*> free_ QUIRE_GUARDED_BY(mutex_);  // the one used last is taken first
  std::uint64_t next_number_ QUIRE_GUARDED_BY(mutex_) = 1;
  std::uint64_t inside_ QUIRE_GUARDED_BY(mutex_) = 0;
  std::uint64_t waiting_ QUIRE_GUARDED_BY(mutex_) = 0;
  bool closed_ QUIRE_GUARDED_BY(mutex_) = false;
};

}  // namespace quire::engine
