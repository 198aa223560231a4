// Replay against a model: random transactions, streamed, taken back in part, with a checkpoint anywhere and the log's end anywhere.
//
// Goal     whatever moment the checkpoint and the crash have, undo of what Replay::kept says and then apply() lead to the committed state
// Method   a table in memory that transactions change at once, with a list of before images; a flip copies it with the open
//          transaction's list, as a checkpoint does; the crash keeps the log up to the end of a random record
#include "engine/replay.hpp"

#include <gtest/gtest.h>

#include "engine/transaction_log.hpp"
#include "os/sim/sim_file_system.hpp"
#include "wal/test_log.hpp"

namespace quire::engine {
namespace {

using Rows = std::map<std::string, std::string>;

constexpr TreeId tree{7};

struct Undo {
  std::uint32_t number;
  std::string key;
  std::optional<std::string> before;
};

void take_back(Rows& rows, std::vector<Undo>& undo, std::uint32_t above) {
  for (; !undo.empty() && undo.back().number > above; undo.pop_back()) {
    if (undo.back().before) {
      rows[undo.back().key] = *undo.back().before;
    } else {
      rows.erase(undo.back().key);
    }
  }
}

struct Flip {
  Rows rows;
  std::uint64_t count = 0;  // committed rows
  std::optional<Xid> active;
  std::vector<Undo> undo;
  Lsn lsn{};
};

class Table : public ReplayTarget {
 public:
  explicit Table(const Flip& flip) : rows(flip.rows), count(flip.count) {}
  Status replay_put(TreeId, std::string_view key, std::string_view value) override {
    rows[std::string(key)] = value;
    return Status();
  }
  Status replay_erase(TreeId, std::string_view key) override {
    rows.erase(std::string(key));
    return Status();
  }
  Status replay_create(TreeId) override { return Status(); }
  Status replay_drop(TreeId) override { return Status(); }
  Status replay_rows(TreeId, std::int64_t change) override {
    count += static_cast<std::uint64_t>(change);
    return Status();
  }
  Status replayed(Lsn) override { return Status(); }

  Rows rows;
  std::uint64_t count;
};

class History {
 public:
  explicit History(std::uint64_t seed) : random_(seed), files_({.seed = seed}), log_(wal::start_or_stop(files_, wal::small_log(8192, 4096))) {
    commits_.push_back({wal::no_lsn, {}});
  }

  void run() {
    flip({});
    for (std::uint64_t xid = 1; xid <= 12; ++xid) transact(Xid{xid});
    ASSERT_TRUE(log_->sync_to(log_->tail()).ok());
    for (const Flip& flip : flips_) {
      for (int crash = 0; crash < 4; ++crash) {
        const Lsn end = crash == 0 ? log_->tail() : ends_[random_.below(ends_.size())];
        if (end < flip.lsn) continue;
        ASSERT_NO_FATAL_FAILURE(recover(flip, end));
      }
    }
  }

  std::uint64_t recoveries() const { return recoveries_; }
  std::uint64_t undone() const { return undone_; }

 private:
  struct Commit {
    Lsn end;
    Rows rows;
  };

  // As Engine's: one with nothing left to undo is not listed.
  void flip(std::optional<Xid> active) {
    Flip flip{rows_, commits_.back().rows.size(), {}, undo_, log_->tail()};
    if (active && !undo_.empty()) flip.active = active;
    flipped_ = number_;
    flips_.push_back(std::move(flip));
  }

  void transact(Xid xid) {
    TransactionLog out;
    out.open(*log_, xid, nullptr);
    undo_.clear();
    number_ = flipped_ = 0;
    std::vector<std::uint32_t> points{0};
    for (std::uint64_t i = random_.below(40); i > 0; --i) {
      if (random_.chance(1, 8)) flip(xid);
      if (random_.chance(1, 6)) points.push_back(number_);
      if (random_.chance(1, 9)) {
        points.resize(1 + random_.below(points.size()));
        const std::uint32_t to = points.back();
        // A flip may come in the middle of it.
        const std::uint32_t half = to + (number_ - to) / 2;
        take_back(rows_, undo_, half);
        if (random_.chance(1, 3)) flip(xid);
        take_back(rows_, undo_, to);
        if (random_.chance(1, 5)) flip(xid);
        ASSERT_TRUE(out.rolled_back(to, !undo_.empty(), flipped_).ok());
        ends_.push_back(log_->tail());
        continue;
      }
      change(out);
      if (random_.chance(1, 12)) flip(xid);
    }
    if (random_.chance(1, 4) || undo_.empty()) {
      take_back(rows_, undo_, 0);
      ASSERT_TRUE(out.rolled_back(0, false, flipped_).ok());
      out.aborted();
      ends_.push_back(log_->tail());
      return;
    }
    commit(out, xid);
  }

  void change(TransactionLog& out) {
    const std::string key = "key" + std::to_string(random_.below(15));
    const auto found = rows_.find(key);
    undo_.push_back({++number_, key, found == rows_.end() ? std::nullopt : std::optional(found->second)});
    if (random_.chance(1, 3)) {
      rows_.erase(key);
      ASSERT_TRUE(out.add({wal::OpKind::erase, false, tree, number_, as_bytes(key), {}}).ok());
    } else {
      const std::string value(random_.below(random_.chance(1, 6) ? 9000 : 300), static_cast<char>('a' + random_.below(26)));
      rows_[key] = value;
      ASSERT_TRUE(out.put(tree, number_, key, value).ok());
    }
    ends_.push_back(log_->tail());
  }

  void commit(TransactionLog& out, Xid xid) {
    const std::int64_t change = static_cast<std::int64_t>(rows_.size()) - static_cast<std::int64_t>(commits_.back().rows.size());
    std::byte value[wal::rows_value_bytes];
    store_le(value, static_cast<std::uint64_t>(change));
    ASSERT_TRUE(*out.keep_together(wal::op_header_bytes + wal::rows_value_bytes));
    ASSERT_TRUE(out.add({wal::OpKind::rows, false, tree, number_, {}, value}).ok());
    if (random_.chance(1, 3)) flip(xid);
    {
      Result<wal::LogRoom> room = out.reserve_commit();
      ASSERT_TRUE(room.ok());
      const Result<wal::Appended> appended = log_->append(*room, xid, out.commit_record(commits_.size(), 0));
      ASSERT_TRUE(appended.ok());
      commits_.push_back({appended->end, rows_});
    }
    ends_.push_back(log_->tail());
    undo_.clear();
    if (random_.chance(1, 3)) flip({});
  }

  // The log ends at `end`, which is where a record ends: zeros follow.
  void recover(const Flip& flip, Lsn end) {
    ++recoveries_;
    const std::unique_ptr<os::SimFileSystem> files = files_.kill();
    const std::vector<wal::SegmentFile> found = wal::list_segments(*files, wal::test_database).value();
    for (const wal::SegmentFile& segment : found) {
      std::string bytes = files->contents(segment.path).value();
      const std::uint64_t kept = end > segment.start() ? end.raw - segment.start().raw : 0;
      for (std::size_t at = std::max<std::uint64_t>(kept, wal::segment_header_bytes); at < bytes.size(); ++at) bytes[at] = '\0';
      files->install(segment.path, bytes);
    }
    const wal::LogSegments segments = wal::choose_segments(*files, found, {.identity = wal::test_identity(), .from = flip.lsn}).value();
    Replay replay(flip.lsn, flip.active ? std::vector<Xid>{*flip.active} : std::vector<Xid>{});
    wal::LogReader scan(*files, segments, wal::test_identity(), flip.lsn);
    ASSERT_TRUE(replay.scan(scan).ok());
    Table table(flip);
    std::vector<Undo> undo = flip.undo;
    if (flip.active) {
      take_back(table.rows, undo, replay.kept(*flip.active));
      undone_ += undo.size() < flip.undo.size() ? 1 : 0;
    }
    wal::LogReader again(*files, segments, wal::test_identity(), flip.lsn);
    const Status applied = replay.apply(again, table);
    ASSERT_TRUE(applied.ok()) << applied.to_string();
    const Commit* expected = &commits_.front();
    for (const Commit& commit : commits_) {
      if (commit.end <= end) expected = &commit;
    }
    // What the checkpoint holds of commits stays, whatever became of the log before it.
    ASSERT_EQ(table.rows == expected->rows, true) << "flip at LSN " << flip.lsn.raw << ", end at LSN " << end.raw;
    ASSERT_EQ(table.count, expected->rows.size());
  }

  Random random_;
  os::SimFileSystem files_;
  std::unique_ptr<wal::LogWriter> log_;
  Rows rows_;
  std::vector<Undo> undo_;
  std::uint32_t number_ = 0;
  std::uint32_t flipped_ = 0;
  std::vector<Flip> flips_;
  std::vector<Commit> commits_;
  std::vector<Lsn> ends_;
  std::uint64_t recoveries_ = 0;
  std::uint64_t undone_ = 0;
};

TEST(replay, leads_to_the_committed_state_from_any_checkpoint_and_any_end_of_the_log) {
  std::uint64_t recoveries = 0;
  std::uint64_t undone = 0;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    History history(seed);
    ASSERT_NO_FATAL_FAILURE(history.run());
    recoveries += history.recoveries();
    undone += history.undone();
  }
  EXPECT_GT(recoveries, 400u);
  EXPECT_GT(undone, 40u);
}

// One whose CHUNK is missing cannot be applied, unless a checkpoint holds it.
TEST(replay, refuses_a_commit_whose_chunks_are_missing) {
  os::SimFileSystem files({.seed = 1});
  const std::unique_ptr<wal::LogWriter> log = wal::start_or_stop(files);
  wal::OpBuffer ops;
  ops.put(tree, 1, as_bytes("key"), as_bytes("value"));
  const wal::Appended chunk = wal::append(*log, Xid{5}, wal::ChunkRecord{wal::no_lsn, ops.count(), ops.first_number(), ops.bytes()}).value();
  ASSERT_TRUE(wal::append(*log, Xid{5}, wal::CommitRecord{1, 0, chunk.lsn, 1, 0, {}}).ok());
  ASSERT_TRUE(log->sync_to(log->tail()).ok());
  const std::vector<wal::SegmentFile> found = wal::list_segments(files, wal::test_database).value();
  const wal::LogSegments segments = wal::choose_segments(files, found, {.identity = wal::test_identity(), .from = chunk.end}).value();
  for (const bool active : {false, true}) {
    Replay replay(chunk.end, active ? std::vector<Xid>{Xid{5}} : std::vector<Xid>{});
    wal::LogReader scan(files, segments, wal::test_identity(), chunk.end);
    ASSERT_TRUE(replay.scan(scan).ok());
    wal::LogReader again(files, segments, wal::test_identity(), chunk.end);
    Table table(Flip{});
    EXPECT_EQ(replay.apply(again, table), active ? Code::ok : Code::corrupt);
  }
}

}  // namespace
}  // namespace quire::engine
