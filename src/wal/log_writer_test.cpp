// Goal: what is appended is read back; durability does what it says; room runs out in the right way and comes back; failures
//       poison or heal as designed.
// Method: small segments over simulated files, one thread; every claim of log_writer.hpp has a scene.
#include "wal/log_writer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/sim/sim_file_system.hpp"
#include "wal/test_log.hpp"

namespace quire::wal {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::uint64_t> numbers(std::uint64_t from, std::uint64_t to) {
  std::vector<std::uint64_t> all;
  for (std::uint64_t n = from; n <= to; ++n) all.push_back(n);
  return all;
}

TEST(log_writer, starts_with_a_durable_segment_without_records) {
  os::SimFileSystem files;
  const auto log = start_or_stop(files);
  EXPECT_EQ(files.durable_contents(segment_path(test_database, 1)).value(), files.contents(segment_path(test_database, 1)).value());
  EXPECT_EQ(log->tail(), Lsn{64});
  EXPECT_EQ(log->durable_lsn(), Lsn{64});
  const ReadLog read = read_log(files, test_identity(), Lsn{64});
  EXPECT_TRUE(read.status.ok()) << read.status.to_string();
  EXPECT_TRUE(read.records.empty());
  EXPECT_EQ(read.end.lsn, Lsn{64});
}

TEST(log_writer, appends_every_type_and_reads_it_back) {
  os::SimFileSystem files;
  const auto log = start_or_stop(files);
  OpBuffer ops;
  ops.put(TreeId{3}, 1, as_bytes("key"), as_bytes("value"));
  std::vector<SeenRecord> expected;
  for (const auto& [xid, body] : one_of_each(ops, 42)) {
    const Appended at = append(*log, xid, body).value();
    expected.push_back(seen(Record{at.lsn, at.end, xid, body}));
  }
  ASSERT_TRUE(log->sync_to(log->tail()).ok());
  const ReadLog read = read_log(files);
  EXPECT_TRUE(read.status.ok()) << read.status.to_string();
  EXPECT_EQ(read.records, expected);
  EXPECT_EQ(read.end.lsn, log->tail());
}

TEST(log_writer, goes_on_in_the_next_segment_and_reads_across) {
  os::SimFileSystem files;
  const auto log = start_or_stop(files);
  for (std::uint64_t n = 1; n <= 200; ++n) {
    const Appended at = append_commit(*log, n, n % 300).value();
    if (n % 3 == 0) {
      ASSERT_TRUE(log->sync_to(at.end).ok());
    }
  }
  ASSERT_TRUE(log->sync_to(log->tail()).ok());
  EXPECT_GT(list_segments(files, test_database).value().size(), 5u);
  const ReadLog read = read_log(files);
  EXPECT_TRUE(read.status.ok()) << read.status.to_string();
  EXPECT_EQ(read.commits(), numbers(1, 200));
}

TEST(log_writer, takes_a_record_of_every_length_at_every_place_of_a_segment) {
  for (std::size_t shift = 0; shift < 200; shift += 8) {
    os::SimFileSystem files;
    const auto log = start_or_stop(files);
    ASSERT_TRUE(append_commit(*log, 1, shift + 1).ok());
    std::vector<std::uint64_t> expected{1};
    for (std::uint64_t n = 2; n < 24; ++n) {
      const std::size_t longest = log->longest_ops() - 2 * op_header_bytes - rows_value_bytes - 8;
      ASSERT_TRUE(append_commit(*log, n, n % 2 == 0 ? longest : n * 40).ok());
      expected.push_back(n);
    }
    ASSERT_TRUE(log->sync_to(log->tail()).ok());
    EXPECT_EQ(read_log(files).commits(), expected);
  }
}

TEST(log_writer, durability_classes_write_and_sync_what_they_say) {
  os::SimFileSystem files({.seed = 1});
  const auto log = start_or_stop(files);
  const Appended lazy = append_commit(*log, 1).value();
  EXPECT_EQ(log->written_lsn(), Lsn{64});
  EXPECT_TRUE(read_log(*files.kill()).commits().empty());
  ASSERT_TRUE(log->write_to(lazy.end).ok());
  EXPECT_EQ(log->written_lsn(), lazy.end);
  EXPECT_EQ(log->durable_lsn(), Lsn{64});
  EXPECT_THAT(read_log(*files.kill()).commits(), ElementsAre(1));
  ASSERT_TRUE(log->sync_to(lazy.end).ok());
  EXPECT_EQ(log->durable_lsn(), lazy.end);
  Random random(3);
  EXPECT_THAT(read_log(*files.crash(random)).commits(), ElementsAre(1));
}

TEST(log_writer, puts_a_mark_before_the_next_record_at_no_write_of_its_own) {
  os::SimFileSystem files;
  const auto log = start_or_stop(files);
  const Appended first = append_commit(*log, 1).value();
  ASSERT_TRUE(log->sync_to(first.end).ok());
  const std::uint64_t operations = files.operation_count();
  const Appended second = append_commit(*log, 2).value();
  ASSERT_TRUE(log->sync_to(second.end).ok());
  EXPECT_EQ(files.operation_count() - operations, 2u) << "one write, one sync";
  const ReadLog read = read_log(files);
  ASSERT_EQ(read.records.size(), 3u);
  EXPECT_EQ(read.records[1].type, RecordType::mark);
  EXPECT_EQ(read.records[1].number, first.end.raw);
}

TEST(log_writer, step_makes_lazy_commits_durable_and_marks_an_idle_log_once) {
  os::SimFileSystem files;
  const auto log = start_or_stop(files);
  const Appended at = append_commit(*log, 1).value();
  EXPECT_TRUE(log->step().value());
  EXPECT_EQ(log->durable_lsn(), at.end);
  int steps = 0;
  while (log->step().value()) ASSERT_LT(++steps, 10);
  EXPECT_EQ(log->durable_lsn(), log->tail());
  const ReadLog read = read_log(files);
  ASSERT_EQ(read.records.size(), 2u);
  EXPECT_EQ(read.records[1].number, at.end.raw) << "the mark names the commit";
  const std::uint64_t operations = files.operation_count();
  EXPECT_FALSE(log->step().value());
  EXPECT_EQ(files.operation_count(), operations);
}

TEST(log_writer, keeps_room_for_a_checkpoint_when_it_is_full_and_goes_on_after_it) {
  os::SimFileSystem files;
  const auto log = start_or_stop(files, small_log(4096, 4));
  std::uint64_t n = 0;
  for (std::uint64_t round = 1; round <= 12; ++round) {
    Result<Appended> at = append_commit(*log, ++n);
    while (at.ok()) at = append_commit(*log, ++n);
    ASSERT_EQ(at.code(), Code::busy);
    EXPECT_THAT(std::string(at.status().message()), HasSubstr("limit of 16384 bytes"));
    --n;
    const Lsn flip = log->tail();
    ASSERT_TRUE(log->sync_to(flip).ok());
    const Result<Appended> checkpoint = log->append_checkpoint({Epoch{round}, flip});
    ASSERT_TRUE(checkpoint.ok()) << "round " << round << ": " << checkpoint.status().to_string();
    ASSERT_TRUE(log->sync_to(checkpoint->end).ok());
    ASSERT_TRUE(log->release_before(flip).ok());
    EXPECT_LE(log->statistics().live_bytes, 4 * 4096u);
    EXPECT_LE(files.files().size(), 4u + 2u) << "limit and spares";
  }
  EXPECT_GT(n, 100u);
  const ReadLog read = read_log(files);
  EXPECT_TRUE(read.status.ok()) << read.status.to_string();
  EXPECT_EQ(read.commits().back(), n);
}

TEST(log_writer, promised_room_is_there_in_any_order) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Random random(seed);
    os::SimFileSystem files({.seed = seed});
    const auto log = start_or_stop(files, small_log(4096, 4));
    std::vector<std::pair<std::uint32_t, LogRoom>> rooms;
    const std::string value(3000, 'v');
    std::uint64_t appended = 0;
    bool is_full = false;
    while (appended < 60) {
      if (!is_full && random.chance(1, 2)) {
        const auto bytes = static_cast<std::uint32_t>(104 + random.below(200) * 8);
        Result<LogRoom> room = log->reserve(bytes);
        if (room.ok()) {
          rooms.emplace_back(bytes, std::move(*room));
        } else {
          ASSERT_EQ(room.code(), Code::busy);
          is_full = true;
        }
      } else if (!rooms.empty()) {
        std::swap(rooms[random.below(rooms.size())], rooms.back());
        OpBuffer ops;
        ops.put(TreeId{1}, 1, as_bytes("k"), as_bytes(value).first(rooms.back().first - commit_bytes - op_header_bytes - 1));
        ASSERT_TRUE(log->append(rooms.back().second, Xid{1}, CommitRecord{1, 0, no_lsn, 0, 1, ops.bytes()}).ok());
        rooms.pop_back();
        ++appended;
        if (random.chance(1, 3)) {
          ASSERT_TRUE(log->sync_to(log->tail()).ok());
        }
      } else if (is_full) {
        ASSERT_TRUE(log->sync_to(log->tail()).ok());
        const Lsn flip = log->tail();
        ASSERT_TRUE(log->append_checkpoint({Epoch{1}, flip}).ok());
        ASSERT_TRUE(log->release_before(flip).ok());
        is_full = false;
      }
    }
    rooms.clear();
    ASSERT_TRUE(log->sync_to(log->tail()).ok());
    ASSERT_TRUE(read_log(files).status.ok()) << "seed " << seed;
  }
}

TEST(log_writer, gives_back_room_that_was_not_used) {
  os::SimFileSystem files;
  const auto log = start_or_stop(files, small_log(4096, 4));
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(log->reserve(log->longest_record()).ok()) << i;
}

TEST(log_writer, recycles_segments_by_rename_and_reads_no_old_record) {
  os::SimFileSystem files({.seed = 0, .keep_trace = true});
  const auto log = start_or_stop(files);
  for (std::uint64_t n = 1; n <= 400; ++n) {
    const Appended at = append_commit(*log, n).value();
    if (n % 10 == 0) {
      ASSERT_TRUE(log->sync_to(at.end).ok());
      ASSERT_TRUE(log->release_before(at.end).ok());
    }
  }
  EXPECT_THAT(files.trace(), HasSubstr("rename"));
  EXPECT_LE(files.files().size(), 4u);
  const ReadLog read = read_log(files);
  EXPECT_TRUE(read.status.ok()) << read.status.to_string();
  const std::vector<std::uint64_t> commits = read.commits();
  ASSERT_FALSE(commits.empty());
  EXPECT_EQ(commits, numbers(commits.front(), 400));
}

TEST(log_writer, pins_hold_segments_and_step_recycles_what_they_held) {
  os::SimFileSystem files;
  const auto log = start_or_stop(files);
  const Appended first = append_commit(*log, 1).value();
  Result<LogPin> pin = log->pin(first.lsn);
  ASSERT_TRUE(pin.ok());
  for (std::uint64_t n = 2; n <= 100; ++n) ASSERT_TRUE(append_commit(*log, n).ok());
  ASSERT_TRUE(log->sync_to(log->tail()).ok());
  ASSERT_TRUE(log->release_before(log->tail()).ok());
  EXPECT_EQ(read_log(files).commits(), numbers(1, 100));
  EXPECT_GT(log->statistics().pinned_bytes, 8192u);
  const std::vector<DurableSegment> held = log->durable_segments(first.lsn);
  ASSERT_GT(held.size(), 2u);
  EXPECT_TRUE(held.front().sealed);
  EXPECT_FALSE(held.back().sealed);
  EXPECT_EQ(held.back().durable_bytes, log->durable_lsn().raw - held.back().start.raw);
  pin->advance(held[1].start);
  *pin = LogPin();
  while (log->step().value()) {
  }
  EXPECT_EQ(log->statistics().pinned_bytes, 0u);
  EXPECT_EQ(log->pin(first.lsn).code(), Code::not_found);
}

TEST(log_writer, close_leaves_no_file) {
  os::SimFileSystem files;
  const auto log = start_or_stop(files);
  for (std::uint64_t n = 1; n <= 100; ++n) ASSERT_TRUE(append_commit(*log, n).ok());
  ASSERT_TRUE(log->sync_to(log->tail()).ok());
  ASSERT_TRUE(log->release_before(log->tail()).ok());
  ASSERT_TRUE(log->close().ok());
  EXPECT_TRUE(files.files().empty());
  EXPECT_EQ(log->reserve(64).code(), Code::invalid);
}

TEST(log_writer, a_full_disk_is_told_before_anything_is_appended_and_heals) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    os::SimFileSystem files({.seed = seed});
    const auto log = start_or_stop(files);
    files.set_quota(files.used_bytes());
    std::uint64_t n = 0;
    Result<Appended> at = append_commit(*log, ++n);
    while (at.ok()) at = append_commit(*log, ++n);
    EXPECT_EQ(at.code(), Code::full) << at.status().to_string();
    --n;
    ASSERT_TRUE(log->sync_to(log->tail()).ok()) << "what was promised fits";
    EXPECT_EQ(files.files().size(), 1u) << "no half-made segment";
    EXPECT_TRUE(log->append_checkpoint({Epoch{1}, Lsn{64}}).ok()) << "WAL-6";
    files.set_quota(os::unlimited_bytes);
    for (int more = 0; more < 50; ++more) ASSERT_TRUE(append_commit(*log, ++n).ok());
    ASSERT_TRUE(log->sync_to(log->tail()).ok());
    EXPECT_EQ(read_log(files).commits(), numbers(1, n));
  }
}

TEST(log_writer, a_failed_sync_or_write_poisons_for_good) {
  for (const os::FaultKind kind : {os::FaultKind::io_error, os::FaultKind::short_write, os::FaultKind::no_space}) {
    os::DeviceProfile profile;
    os::SimFileSystem files({.seed = 3, .profile = profile});
    const auto log = start_or_stop(files);
    const Appended kept = append_commit(*log, 1).value();
    ASSERT_TRUE(log->sync_to(kept.end).ok());
    Result<LogRoom> room = log->reserve(abort_bytes);
    const Appended lost = append_commit(*log, 2).value();
    files.inject({.kind = kind, .operation = files.operation_count() + 1});
    EXPECT_EQ(log->sync_to(lost.end).code(), Code::unknown_outcome);
    EXPECT_EQ(log->sync_to(lost.end).code(), Code::unknown_outcome) << "no second try";
    EXPECT_EQ(log->write_to(lost.end).code(), Code::unknown_outcome);
    EXPECT_TRUE(log->sync_to(kept.end).ok()) << "durable stays durable";
    EXPECT_EQ(append_commit(*log, 3).code(), Code::poisoned);
    EXPECT_EQ(log->append(*room, Xid{1}, AbortRecord{}).code(), Code::poisoned);
    EXPECT_EQ(log->append_checkpoint({}).code(), Code::poisoned);
    EXPECT_EQ(log->step().code(), Code::poisoned);
    EXPECT_EQ(log->release_before(kept.lsn).code(), Code::poisoned);
    EXPECT_THAT(std::string(log->health().message()), HasSubstr("simulated")) << "the first failure";
    EXPECT_EQ(files.faults_fired(), 1u);
  }
}

TEST(log_writer, a_failed_sync_of_a_new_segment_poisons_too) {
  os::SimFileSystem files({.seed = 3});
  const auto log = start_or_stop(files);
  std::uint64_t fired = 0;
  std::uint64_t n = 0;
  files.observe([&](const os::Operation& operation) {
    if (operation.kind == os::OperationKind::allocate && fired++ == 0) {
      files.inject({.kind = os::FaultKind::io_error, .operation = operation.number + 2});
    }
  });
  Result<Appended> at = append_commit(*log, ++n);
  while (at.ok() && n < 1000) at = append_commit(*log, ++n);
  files.observe(nullptr);
  EXPECT_EQ(at.code(), Code::poisoned) << at.status().to_string();
}

TEST(log_writer, a_writer_that_outruns_the_disk_writes_itself) {
  os::SimFileSystem files;
  LogOptions options = small_log(64 << 10);
  options.buffer_bytes = 8192;
  const auto log = start_or_stop(files, options);
  for (std::uint64_t n = 1; n <= 500; ++n) ASSERT_TRUE(append_commit(*log, n).ok());
  EXPECT_GT(log->statistics().writes, 5u);
  EXPECT_EQ(log->statistics().syncs, 0u);
  EXPECT_LE(log->tail().raw - log->written_lsn().raw, 8192u + 4096u);
}

TEST(log_writer, seals_the_segment_that_is_in_use) {
  os::SimFileSystem files;
  const auto log = start_or_stop(files);
  EXPECT_EQ(log->seal().value(), Lsn{0}) << "nothing to seal";
  ASSERT_TRUE(append_commit(*log, 1).ok());
  EXPECT_EQ(log->seal().value(), Lsn{4096});
  EXPECT_EQ(log->tail(), Lsn{4096 + 64});
  EXPECT_EQ(log->durable_lsn(), log->tail());
  const std::vector<DurableSegment> segments = log->durable_segments(Lsn{64});
  ASSERT_GE(segments.size(), 1u);
  EXPECT_TRUE(segments[0].sealed);
  EXPECT_LT(segments[0].used_bytes, 400u);
  EXPECT_EQ(log->seal().value(), Lsn{4096}) << "once is enough";
  ASSERT_TRUE(append_commit(*log, 2).ok());
  ASSERT_TRUE(log->sync_to(log->tail()).ok());
  const ReadLog read = read_log(files, test_identity(), Lsn{64});
  EXPECT_TRUE(read.status.ok()) << read.status.to_string();
  EXPECT_EQ(read.commits(), (std::vector<std::uint64_t>{1, 2}));
}

TEST(log_writer, does_not_seal_again_and_again_while_idle) {
  os::SimFileSystem files;
  const auto log = start_or_stop(files);
  ASSERT_TRUE(append_commit(*log, 1).ok());
  for (int round = 0; round < 10; ++round) {
    while (log->step().value()) {
    }
    ASSERT_TRUE(log->seal().ok());
  }
  EXPECT_LE(log->tail(), Lsn{2 * 4096});
}

TEST(log_writer, seals_without_breaking_a_promise) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Random random(seed);
    os::SimFileSystem files({.seed = seed});
    const auto log = start_or_stop(files, small_log(4096, 8));
    std::uint64_t number = 0;
    for (int round = 0; round < 12; ++round) {
      std::vector<std::pair<std::unique_ptr<TestCommit>, LogRoom>> promised;
      const std::uint64_t wanted = random.below(5);
      for (std::uint64_t i = 0; i < wanted; ++i) {
        auto commit = std::make_unique<TestCommit>(++number, random.below(1500));
        Result<LogRoom> room = log->reserve(record_bytes(commit->record));
        if (!room.ok()) {
          ASSERT_EQ(room, Code::busy);
          --number;
          break;
        }
        promised.emplace_back(std::move(commit), std::move(*room));
      }
      const Result<Lsn> sealed = log->seal();
      ASSERT_TRUE(sealed.ok() || sealed == Code::busy) << sealed.status().to_string();
      for (auto& [commit, room] : promised) {
        ASSERT_TRUE(log->append(room, Xid{commit->record.timestamp}, commit->record).ok());
      }
      ASSERT_TRUE(log->sync_to(log->tail()).ok());
      if (random.chance(1, 2)) {
        ASSERT_TRUE(log->release_before(log->durable_lsn()).ok());
      }
    }
    ASSERT_TRUE(log->health().ok());
  }
}

TEST(log_writer, says_that_the_limit_keeps_it_from_sealing) {
  os::SimFileSystem files;
  const auto log = start_or_stop(files, small_log(4096, 4));
  Result<Lsn> sealed = Lsn{};
  for (std::uint64_t n = 1; n <= 8 && sealed.ok(); ++n) {
    ASSERT_TRUE(append_commit(*log, n).ok());
    sealed = log->seal();
  }
  EXPECT_EQ(sealed, Code::busy);
  ASSERT_TRUE(log->sync_to(log->tail()).ok());
  ASSERT_TRUE(log->release_before(log->durable_lsn()).ok());
  EXPECT_TRUE(log->seal().ok());
}

}  // namespace
}  // namespace quire::wal
