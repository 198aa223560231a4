// What one transaction puts into the log.
//
// Goal     operations come out as they went in, in as few records as can be; nothing that was taken back counts; a full log is
//          met before a record, and makes room if it may
// Method   a log of small segments in memory, read back record by record
#include "engine/transaction_log.hpp"

#include <gtest/gtest.h>

#include "os/mem/mem_file_system.hpp"
#include "wal/test_log.hpp"

namespace quire::engine {
namespace {

constexpr Xid xid{7};
constexpr TreeId tree{5};

class transaction_log : public testing::Test {
 protected:
  void start(std::uint64_t segment_bytes = 64 << 10, std::uint64_t limit_segments = 64, std::function<Status()> make_room = {}) {
    writer_ = wal::start_or_stop(files_, wal::small_log(segment_bytes, limit_segments));
    log_.open(*writer_, xid, std::move(make_room));
  }

  Status put(std::uint32_t number, std::size_t bytes) { return log_.put(tree, number, "key" + std::to_string(number), std::string(bytes, value_of(number))); }
  static char value_of(std::uint32_t number) { return static_cast<char>('a' + number % 26); }

  Status commit() {
    Result<wal::LogRoom> room = log_.reserve_commit();
    if (!room.ok()) return room.status();
    return writer_->append(*room, xid, log_.commit_record(1, 2)).status();
  }

  // The records of the log, each with its operations as text.
  struct Seen {
    wal::RecordType type;
    Lsn lsn;
    std::vector<std::string> ops;
    wal::CommitRecord commit{};
    Lsn previous_chunk{};
    std::uint32_t operation = 0;  // of ROLLBACK_TO
  };
  static std::vector<std::string> texts(Bytes ops) {
    std::vector<std::string> all;
    wal::OpReader reader(ops);
    for (wal::Op op; reader.next(op);) {
      all.push_back(std::string(wal::op_kind_name(op.kind)) + " " + std::to_string(op.number) + " " + std::string(as_text(op.key)) + " " + std::to_string(op.value.size()) +
                    (op.more ? "+" : ""));
    }
    EXPECT_EQ(reader.position(), ops.size());
    return all;
  }
  std::vector<Seen> records() {
    EXPECT_TRUE(writer_->sync_to(writer_->tail()).ok());
    wal::LogSegments segments = wal::choose_segments(files_, wal::list_segments(files_, wal::test_database).value(), {.identity = wal::test_identity()}).value();
    const Lsn first{segments.usable.front().start().raw + wal::segment_header_bytes};
    wal::LogReader reader(files_, std::move(segments), wal::test_identity(), first);
    std::vector<Seen> all;
    wal::Record record;
    while (reader.next(record).value()) {
      if (record.type() == wal::RecordType::mark) continue;
      EXPECT_EQ(record.xid, xid);
      Seen seen{record.type(), record.lsn, {}};
      if (const auto* chunk = std::get_if<wal::ChunkRecord>(&record.body)) {
        seen.ops = texts(chunk->ops);
        seen.previous_chunk = chunk->previous_chunk;
        EXPECT_EQ(chunk->op_count, seen.ops.size());
      }
      if (const auto* commit = std::get_if<wal::CommitRecord>(&record.body)) {
        seen.ops = texts(commit->ops);
        seen.commit = *commit;
        seen.commit.ops = {};
        EXPECT_EQ(commit->op_count, seen.ops.size());
      }
      if (const auto* rollback = std::get_if<wal::RollbackToRecord>(&record.body)) seen.operation = rollback->operation;
      all.push_back(std::move(seen));
    }
    return all;
  }

  os::MemFileSystem files_;
  std::unique_ptr<wal::LogWriter> writer_;
  TransactionLog log_;
};

using wal::RecordType;

TEST_F(transaction_log, of_a_short_transaction_is_one_commit) {
  start();
  ASSERT_TRUE(put(1, 10).ok());
  ASSERT_TRUE(log_.add({wal::OpKind::erase, false, tree, 2, as_bytes("b"), {}}).ok());
  EXPECT_GT(log_.bytes(), 2 * wal::op_header_bytes);
  ASSERT_EQ(commit().to_string(), "ok");
  const std::vector<Seen> all = records();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].type, RecordType::commit);
  EXPECT_EQ(all[0].ops, (std::vector<std::string>{"put 1 key1 10", "erase 2 b 0"}));
  EXPECT_EQ(all[0].commit.last_chunk, wal::no_lsn);
  EXPECT_EQ(all[0].commit.chunk_count, 0u);
  EXPECT_EQ(all[0].commit.timestamp, 1u);
  EXPECT_EQ(all[0].commit.wall_us, 2u);
}

TEST_F(transaction_log, of_a_long_transaction_goes_out_in_chunks_that_lead_back) {
  start();
  const std::uint32_t operations = 40;
  for (std::uint32_t n = 1; n <= operations; ++n) ASSERT_TRUE(put(n, 5000).ok());
  ASSERT_EQ(commit().to_string(), "ok");
  const std::vector<Seen> all = records();
  ASSERT_GT(all.size(), 3u);
  std::uint32_t next = 1;
  Lsn before = wal::no_lsn;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const bool last = i + 1 == all.size();
    EXPECT_EQ(all[i].type, last ? RecordType::commit : RecordType::chunk);
    EXPECT_EQ(last ? all[i].commit.last_chunk : all[i].previous_chunk, before);
    before = all[i].lsn;
    for (const std::string& op : all[i].ops) {
      EXPECT_EQ(op, "put " + std::to_string(next) + " key" + std::to_string(next) + " 5000");
      ++next;
    }
    if (!last) {
      EXPECT_GT((all[i].ops.size() + 1) * 5000, writer_->longest_ops()) << "a record is filled before the next one begins";
    }
  }
  EXPECT_EQ(next, operations + 1);
  EXPECT_EQ(all.back().commit.chunk_count, all.size() - 1);
}

TEST_F(transaction_log, cuts_a_long_value_into_parts_of_the_length_of_a_record) {
  start();
  const std::size_t bytes = std::size_t{3} * writer_->longest_ops();
  ASSERT_TRUE(put(1, bytes).ok());
  ASSERT_EQ(commit().to_string(), "ok");
  std::size_t found = 0;
  std::size_t pieces = 0;
  for (const Seen& record : records()) {
    for (const std::string& op : record.ops) {
      EXPECT_TRUE(op.starts_with(pieces == 0 ? "put 1 key1 " : "part 1  ")) << op;
      EXPECT_EQ(op.ends_with("+"), found + std::stoul(op.substr(op.rfind(' ') + 1)) < bytes) << op;
      found += std::stoul(op.substr(op.rfind(' ') + 1));
      ++pieces;
    }
  }
  EXPECT_EQ(found, bytes);
  EXPECT_EQ(pieces, 4u);
}

TEST_F(transaction_log, keeps_together_what_must_come_in_one_record) {
  start();
  ASSERT_TRUE(put(1, writer_->longest_ops() - 200).ok());
  EXPECT_FALSE(log_.keep_together(writer_->longest_ops() + 1).value()) << "no record is so long";
  ASSERT_TRUE(log_.keep_together(50).value());
  EXPECT_TRUE(records().empty()) << "there is room for it";
  ASSERT_TRUE(log_.keep_together(1000).value());
  for (std::uint32_t n = 2; n < 12; ++n) ASSERT_TRUE(put(n, 50).ok());
  ASSERT_EQ(commit().to_string(), "ok");
  const std::vector<Seen> all = records();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].type, RecordType::chunk);
  EXPECT_EQ(all[0].ops.size(), 1u);
  EXPECT_EQ(all[1].ops.size(), 10u);
}

TEST_F(transaction_log, forgets_what_a_savepoint_takes_back_and_tells_of_what_is_out_already) {
  start();
  for (std::uint32_t n = 1; n <= 3; ++n) ASSERT_TRUE(put(n, 10).ok());
  ASSERT_TRUE(log_.rolled_back(1, true, 0).ok());
  EXPECT_TRUE(records().empty()) << "nobody has seen what was taken back";
  for (std::uint32_t n = 2; n <= 30; ++n) ASSERT_TRUE(put(n, 5000).ok());
  ASSERT_TRUE(log_.rolled_back(4, true, 0).ok());
  ASSERT_TRUE(put(5, 20).ok());
  ASSERT_EQ(commit().to_string(), "ok");
  const std::vector<Seen> all = records();
  ASSERT_GT(all.size(), 3u);
  const Seen& rollback = all[all.size() - 2];
  EXPECT_EQ(rollback.type, RecordType::rollback_to);
  EXPECT_EQ(rollback.operation, 4u);
  EXPECT_EQ(all.back().ops, (std::vector<std::string>{"put 5 key5 20"}));
  EXPECT_EQ(all.back().commit.chunk_count, all.size() - 2);
}

TEST_F(transaction_log, tells_of_a_savepoint_that_a_checkpoint_has_seen_beyond) {
  start();
  for (std::uint32_t n = 1; n <= 3; ++n) ASSERT_TRUE(put(n, 10).ok());
  ASSERT_TRUE(log_.rolled_back(2, true, 2).ok());
  EXPECT_TRUE(records().empty()) << "the checkpoint holds what stays";
  ASSERT_TRUE(log_.rolled_back(1, true, 2).ok());
  ASSERT_EQ(records().size(), 1u);
  EXPECT_EQ(records()[0].type, RecordType::rollback_to);
  EXPECT_EQ(records()[0].operation, 1u);
}

TEST_F(transaction_log, leads_to_no_chunk_when_everything_was_taken_back) {
  start();
  for (std::uint32_t n = 1; n <= 30; ++n) ASSERT_TRUE(put(n, 5000).ok());
  ASSERT_TRUE(log_.rolled_back(0, false, 0).ok());
  ASSERT_TRUE(put(1, 10).ok());
  ASSERT_EQ(commit().to_string(), "ok");
  EXPECT_EQ(records().back().commit.last_chunk, wal::no_lsn);
  EXPECT_EQ(records().back().commit.chunk_count, 0u);
}

TEST_F(transaction_log, tells_of_an_abort_only_when_a_chunk_is_out) {
  start();
  TransactionLog unopened;
  unopened.aborted();
  ASSERT_TRUE(put(1, 10).ok());
  log_.aborted();
  EXPECT_TRUE(records().empty());
  for (std::uint32_t n = 2; n <= 30; ++n) ASSERT_TRUE(put(n, 5000).ok());
  log_.aborted();
  EXPECT_EQ(records().back().type, RecordType::abort);
}

TEST_F(transaction_log, is_busy_at_the_limit_without_somebody_who_makes_room) {
  start(16 << 10, 4);
  Status status;
  std::uint32_t n = 0;
  while (status.ok() && n < 1000) status = put(++n, 3000);
  EXPECT_EQ(status, Code::busy);
  EXPECT_GT(n, 10u);
  EXPECT_EQ(commit(), Code::busy) << "what is gathered stays where it is";
}

TEST_F(transaction_log, asks_for_room_at_the_limit_and_goes_on) {
  int asked = 0;
  start(16 << 10, 4, [&]() -> Status {
    ++asked;
    Status synced = writer_->sync_to(writer_->tail());
    return synced.ok() ? writer_->release_before(writer_->tail()) : synced;
  });
  for (std::uint32_t n = 1; n <= 200; ++n) ASSERT_EQ(put(n, 3000).to_string(), "ok");
  ASSERT_EQ(commit().to_string(), "ok");
  EXPECT_GT(asked, 3);
}

TEST_F(transaction_log, fails_with_what_kept_room_from_being_made) {
  start(16 << 10, 4, [] { return Status(Code::full, "no room for a checkpoint"); });
  Status status;
  for (std::uint32_t n = 1; status.ok() && n < 1000; ++n) status = put(n, 3000);
  EXPECT_EQ(status.to_string(), "full: no room for a checkpoint");
}

}  // namespace
}  // namespace quire::engine
