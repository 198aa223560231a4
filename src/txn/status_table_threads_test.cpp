// The status table while chunks are given up and serve again.
//
// Goal     nobody reads a wrong status, however late: what was committed below a limit that is held stays so, what is above stays invisible
// Method   one thread commits and raises the floor behind the readers' limits, as purge does; readers hold snapshots and look at transactions
//          around them
#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "os/sync.hpp"
#include "txn/snapshots.hpp"
#include "txn/status_table.hpp"

namespace quire::txn {
namespace {

TEST(status_table_threads, gives_the_right_answer_while_chunks_serve_again) {
  StatusTable table;
  Snapshots snapshots;
  table.open(Xid{1});
  Atomic<std::uint64_t> wrong{0};
  Atomic<std::uint64_t> looks{0};
  Atomic<bool> done{false};
  // Transaction n commits at n.
  const std::function<void()> read = [&] {
    while (!done.load(acquire)) {
      Snapshots::Slot& slot = snapshots.acquire_slot();
      const std::uint64_t limit = slot.limit.load();
      for (std::uint64_t back = 1; back < 12000; back += 97) {
        if (limit > back && !table.committed_before(Xid{limit - back}, Timestamp{limit})) wrong.fetch_add(1, relaxed);
        if (table.committed_before(Xid{limit + back - 1}, Timestamp{limit})) wrong.fetch_add(1, relaxed);
        looks.fetch_add(1, relaxed);
      }
      Snapshots::release_slot(slot);
    }
  };
  std::vector<os::Thread> readers;
  for (int i = 0; i < 3; ++i) readers.emplace_back(read);
  for (std::uint64_t xid = 1; xid < 200000 || looks.load(relaxed) < 20000; ++xid) {
    table.extend(Xid{xid});
    table.committed(Xid{xid}, Timestamp{xid});
    snapshots.set_committed(Timestamp{xid + 1});
    snapshots.set_newest(Timestamp{xid + 1});
    if (xid % 16 == 0) table.raise_floor(snapshots.horizon(), Xid{xid + 1});
    if (xid % 4096 == 0) os::yield_thread();
  }
  done.store(true, release);
  for (os::Thread& reader : readers) reader.join();
  EXPECT_EQ(wrong.load(), 0u);
}

}  // namespace
}  // namespace quire::txn
