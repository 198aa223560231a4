// Goal: with many threads no acknowledged commit is lost, the order of the log is the order of the atomic steps, commits share
//       syncs, and nobody waits for ever.
// Method: eight threads commit over simulated files while others step and checkpoint; afterwards the power is cut and the log
//         read. Once with a sync that fails in the middle.
#include <gtest/gtest.h>

#include "base/atomic.hpp"
#include "os/mem/mem_file_system.hpp"
#include "os/sim/sim_file_system.hpp"
#include "wal/test_log.hpp"

namespace quire::wal {
namespace {

constexpr std::uint64_t thread_count = 8;
constexpr std::uint64_t commits_each = 150;

// Commits of one thread are numbered so that its order can be told; the timestamp is taken in the atomic step.
struct Shared {
  LogWriter& log;
  std::uint64_t clock = 0;  // guarded by the log mutex
  Atomic<std::uint64_t> acknowledged{0};
  Atomic<std::uint64_t> refused{0};
};

enum class Class { sync, process, lazy };

// False when the log has failed. Busy is waited for: somebody checkpoints.
bool commit(Shared& shared, std::uint64_t xid, Class durability) {
  OpBuffer ops;
  ops.put(TreeId{5}, 1, as_bytes(std::to_string(xid)), as_bytes("some value"));
  CommitRecord record{0, 0, no_lsn, 0, 1, ops.bytes()};
  Result<LogRoom> room = shared.log.reserve(record_bytes(record));
  while (room == Code::busy) {
    os::yield_thread();
    room = shared.log.reserve(record_bytes(record));
  }
  if (!room.ok()) return false;
  Result<Appended> at = Code::busy;
  {
    LogLock lock(shared.log);
    record.timestamp = shared.clock + 1;
    at = shared.log.append(lock, *room, Xid{xid}, record);
    if (at.ok()) ++shared.clock;
  }
  if (!at.ok()) return false;
  if (durability == Class::sync) return shared.log.sync_to(at->end).ok();
  if (durability == Class::process) return shared.log.write_to(at->end).ok();
  return true;
}

std::uint64_t xid_of(std::uint64_t thread, std::uint64_t n) { return thread * 1000 + n; }

// Timestamps 1, 2, 3...; each thread's commits in its order.
void expect_order(const ReadLog& read) {
  ASSERT_TRUE(read.status.ok()) << read.status.to_string();
  std::vector<std::uint64_t> last(thread_count);
  std::uint64_t previous = 0;
  for (const SeenRecord& r : read.records) {
    if (r.type != RecordType::commit) continue;
    if (previous != 0) {
      ASSERT_EQ(r.number, previous + 1);
    }
    previous = r.number;
    std::uint64_t& thread_last = last[r.xid.raw / 1000];
    ASSERT_LT(thread_last, r.xid.raw % 1000);
    thread_last = r.xid.raw % 1000;
  }
}

TEST(group_commit, loses_no_acknowledged_commit_of_eight_threads_and_shares_syncs) {
  os::SimFileSystem files({.seed = 11});
  const auto log = start_or_stop(files, small_log(64 << 10));
  Shared shared{*log};
  {
    std::vector<os::Thread> threads;
    for (std::uint64_t t = 0; t < thread_count; ++t) {
      threads.emplace_back([&shared, t] {
        for (std::uint64_t n = 1; n <= commits_each; ++n) {
          if (commit(shared, xid_of(t, n), Class::sync)) shared.acknowledged.fetch_add(1, relaxed);
        }
      });
    }
  }
  EXPECT_EQ(shared.acknowledged.load(relaxed), thread_count * commits_each);
  EXPECT_LE(log->statistics().syncs, thread_count * commits_each);
  Random random(1);
  const ReadLog read = read_log(*files.crash(random));
  expect_order(read);
  EXPECT_EQ(read.commits().size(), thread_count * commits_each);
}

TEST(group_commit, goes_on_beside_checkpoints_steps_and_a_full_log) {
  os::MemFileSystem files;
  const auto log = start_or_stop(files, small_log(8 << 10, 4));
  Shared shared{*log};
  Atomic<bool> done{false};
  {
    os::Thread checkpointer([&] {
      for (std::uint64_t generation = 1; !done.load(acquire); ++generation) {
        const Lsn flip = log->tail();
        if (!log->sync_to(flip).ok() || !log->append_checkpoint({Epoch{generation}, flip}).ok() || !log->release_before(flip).ok()) {
          shared.refused.fetch_add(1, relaxed);
          return;
        }
        if (!log->step().ok()) shared.refused.fetch_add(1, relaxed);
        os::sleep_us(200);
      }
    });
    std::vector<os::Thread> threads;
    for (std::uint64_t t = 0; t < thread_count; ++t) {
      threads.emplace_back([&shared, t] {
        for (std::uint64_t n = 1; n <= commits_each; ++n) {
          if (commit(shared, xid_of(t, n), static_cast<Class>((n + t) % 3))) shared.acknowledged.fetch_add(1, relaxed);
        }
      });
    }
    for (os::Thread& thread : threads) thread.join();
    done.store(true, release);
  }
  EXPECT_EQ(shared.refused.load(relaxed), 0u);
  EXPECT_EQ(shared.acknowledged.load(relaxed), thread_count * commits_each);
  ASSERT_TRUE(log->sync_to(log->tail()).ok());
  expect_order(read_log(files));
  EXPECT_TRUE(log->close().ok());
}

TEST(group_commit, a_failed_sync_reaches_everybody_and_takes_back_nothing) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    os::SimFileSystem files({.seed = seed});
    const auto log = start_or_stop(files, small_log(64 << 10));
    Shared shared{*log};
    files.inject({.kind = os::FaultKind::io_error, .operation = files.operation_count() + 40});
    std::vector<std::vector<std::uint64_t>> acknowledged(thread_count);
    {
      std::vector<os::Thread> threads;
      for (std::uint64_t t = 0; t < thread_count; ++t) {
        threads.emplace_back([&, t] {
          for (std::uint64_t n = 1; n <= commits_each; ++n) {
            if (!commit(shared, xid_of(t, n), Class::sync)) return;
            acknowledged[t].push_back(xid_of(t, n));
          }
        });
      }
    }
    EXPECT_EQ(log->health().code(), Code::poisoned);
    Random random(seed);
    const ReadLog read = read_log(*files.crash(random));
    expect_order(read);
    std::vector<std::uint64_t> found;
    for (const SeenRecord& r : read.records) {
      if (r.type == RecordType::commit) found.push_back(r.xid.raw);
    }
    std::sort(found.begin(), found.end());
    for (const auto& of_thread : acknowledged) {
      for (const std::uint64_t xid : of_thread) EXPECT_TRUE(std::binary_search(found.begin(), found.end(), xid)) << "seed " << seed << " xid " << xid;
    }
  }
}

}  // namespace
}  // namespace quire::wal
