// Snapshots that come while purge looks for the oldest one.
//
// Goal     what purge clears away is below every limit that a reader holds, also one that registered meanwhile (TX-2)
// Method   a writer that raises the newest limit and says what it has purged, readers that hold a snapshot and look at
//          that: a reader that sees more purged than its limit has been overtaken
#include "txn/snapshots.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "base/seeded_bug.hpp"
#include "os/sync.hpp"

namespace quire::txn {
namespace {

// How often a reader found more purged than it may lose.
std::uint64_t overtaken(std::uint64_t commits) {
  Snapshots snapshots;
  Atomic<std::uint64_t> purged{0};
  Atomic<std::uint64_t> wrong{0};
  Atomic<std::uint64_t> reads{0};
  Atomic<bool> done{false};
  const std::function<void()> read = [&] {
    while (!done.load(acquire)) {
      Snapshots::Slot& slot = snapshots.acquire_slot();
      const std::uint64_t limit = slot.limit.load();
      for (int look = 0; look < 20; ++look) {
        if (purged.load(seq_cst) > limit) wrong.fetch_add(1, relaxed);
        if (look == 10) os::yield_thread();
      }
      Snapshots::release_slot(slot);
      reads.fetch_add(1, relaxed);
    }
  };
  std::vector<os::Thread> readers;
  for (int i = 0; i < 3; ++i) readers.emplace_back(read);
  std::uint64_t last = 0;
  for (std::uint64_t xid = 2; xid < commits || reads.load(relaxed) < 1000; ++xid) {
    snapshots.set_newest(Timestamp{xid});
    const std::uint64_t horizon = snapshots.horizon().raw;
    if (horizon < last) wrong.fetch_add(1, relaxed);
    last = horizon;
    purged.store(horizon, seq_cst);
    if (xid % 64 == 0) os::yield_thread();
  }
  done.store(true, release);
  for (os::Thread& reader : readers) reader.join();
  EXPECT_EQ(snapshots.registered(), 0u);
  return wrong.load();
}

TEST(snapshots_threads, are_never_overtaken_by_purge) { EXPECT_EQ(overtaken(20000), 0u); }

#if defined(QUIRE_CHECKS) && QUIRE_CHECKS
TEST(snapshots_threads, notice_a_purge_that_overtakes_them) {
  const SeededBugScope scope("purge_ahead_of_a_snapshot");
  EXPECT_GT(overtaken(20000), 0u);
}
#endif

}  // namespace
}  // namespace quire::txn
