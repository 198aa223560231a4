// Goal: quire log shows what is in the log of a database or in its archive, says in one line why there is none, and changes
//       nothing.
// Method: a superblock and a log that belongs to it, on simulated files; text is golden. Damage, foreign and stale logs, a
//         writer beside it.
#include "tools/log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "os/sim/sim_file_system.hpp"
#include "space/superblock.hpp"
#include "support/golden.hpp"
#include "wal/test_archive.hpp"

namespace quire::tools {
namespace {

using testing::HasSubstr;
using testing::Not;

struct Shown {
  Status status;
  std::string text;
  std::string notes;

  std::size_t lines() const { return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')); }
};

class Machine {
 public:
  Machine() { publish(64, 0); }

  void publish(std::uint64_t checkpoint_lsn, std::uint8_t flags, std::uint32_t incarnation = 1) {
    space::Superblock superblock;
    superblock.uuid = wal::test_identity().uuid;
    superblock.generation = Epoch{++generation_};
    superblock.incarnation = incarnation;
    superblock.checkpoint_lsn = Lsn{checkpoint_lsn};
    superblock.flags = flags;
    superblock.file_blocks = space::superblock_blocks;
    const auto file = os::open_or_stop(files, wal::test_database);
    ASSERT_TRUE(space::write_superblock(*file, superblock).ok());
  }

  // Ten commits in two segments.
  void write_log() {
    log = wal::start_or_stop(files);
    ASSERT_TRUE(wal::append(*log, Xid{}, wal::RestartRecord{Lsn{0}}).ok());
    for (std::uint64_t n = 1; n <= 10; ++n) ASSERT_TRUE(wal::append_commit(*log, n, 400).ok());
    // With a MARK at the end, so that damage can be told from a torn tail.
    while (log->step().value()) {
    }
    ASSERT_EQ(log->durable_lsn(), log->tail());
  }

  Shown show(LogRequest request = {}, Form form = Form::pretty) {
    if (request.file.empty()) request.file = wal::test_database;
    std::ostringstream out;
    std::ostringstream error;
    Shown shown;
    Printer printer(form, out, error);
    shown.status = show_log(files, request, printer);
    EXPECT_TRUE(printer.flush().ok());
    shown.text = out.str();
    shown.notes = error.str();
    return shown;
  }

  os::SimFileSystem files{{.seed = 4}};
  std::unique_ptr<wal::LogWriter> log;

 private:
  std::uint64_t generation_ = 0;
};

TEST(log, shows_golden_text_and_json) {
  Machine machine;
  machine.write_log();
  const Shown text = machine.show();
  EXPECT_TRUE(text.status.ok()) << text.status.to_string();
  EXPECT_EQ(test::golden_difference("src/tools/testdata/log.txt", text.text), "");
  const Shown json = machine.show({.file = {}, .ops = true}, Form::json);
  EXPECT_TRUE(json.status.ok());
  EXPECT_EQ(test::golden_difference("src/tools/testdata/log.jsonl", json.text), "");
  std::istringstream lines(json.text);
  for (std::string line; std::getline(lines, line);) EXPECT_TRUE(Document::accept(line)) << line;
  EXPECT_THAT(text.text, Not(HasSubstr("put tree")));
  EXPECT_THAT(machine.show({.file = {}, .ops = true}).text, HasSubstr("put tree 5 #1 key 'key10' value '10..."));
}

TEST(log, shows_a_part) {
  Machine machine;
  machine.write_log();
  const Shown whole = machine.show();
  const std::size_t third = whole.text.find("timestamp 3 ");
  ASSERT_NE(third, std::string::npos) << whole.text;
  const std::size_t line = whole.text.rfind('\n', third) + 1;
  const std::uint64_t lsn = std::stoull(whole.text.substr(line));
  const Shown part = machine.show({.file = {}, .from = lsn, .to = lsn + 600});
  EXPECT_THAT(part.text, HasSubstr("timestamp 3 "));
  EXPECT_THAT(part.text, HasSubstr("timestamp 4 "));
  EXPECT_THAT(part.text, Not(HasSubstr("timestamp 2 ")));
  EXPECT_THAT(part.text, Not(HasSubstr("timestamp 5 ")));
}

TEST(log, changes_nothing) {
  Machine machine;
  machine.write_log();
  const std::uint64_t before = machine.files.content_hash();
  std::uint64_t changes = 0;
  machine.files.observe([&](const os::Operation& operation) {
    changes += operation.changes && operation.kind != os::OperationKind::open ? 1 : 0;
  });
  ASSERT_TRUE(machine.show().status.ok());
  EXPECT_EQ(changes, 0u);
  EXPECT_EQ(machine.files.content_hash(), before);
}

TEST(log, says_in_one_line_that_there_is_none) {
  Machine machine;
  machine.publish(64, space::superblock_flag::clean);
  Shown shown = machine.show();
  EXPECT_TRUE(shown.status.ok());
  EXPECT_EQ(shown.text, "/db/x.qdb has no log: it is clean, everything is in the file\n");
  EXPECT_EQ(machine.show({}, Form::json).text, "{\"log\":null,\"database\":\"/db/x.qdb\",\"reason\":\"it is clean, everything is in the file\"}\n");
  machine.publish(0, 0);
  EXPECT_EQ(machine.show().text, "/db/x.qdb has no log: it commits through checkpoints only\n");
  machine.write_log();
  machine.publish(64, space::superblock_flag::clean, 2);
  shown = machine.show();
  EXPECT_TRUE(shown.status.ok());
  EXPECT_EQ(shown.lines(), 1u);
  EXPECT_THAT(shown.notes, HasSubstr("segment files of an earlier log lie beside it"));
}

TEST(log, names_what_is_wrong) {
  Machine machine;
  EXPECT_EQ(machine.show({.file = "/db/none.qdb"}).status, Code::not_found);
  EXPECT_THAT(machine.show().status.to_string(), HasSubstr("the log is missing"));
  machine.write_log();
  machine.publish(64, 0, 2);
  EXPECT_THAT(machine.show().status.to_string(), HasSubstr("is a stale log of incarnation 1"));
  machine.publish(64, 0, 0);
  EXPECT_THAT(machine.show().status.to_string(), HasSubstr("an older database file beside a newer log"));
  machine.publish(64, space::superblock_flag::clean, 0);
  EXPECT_EQ(machine.show().status, Code::corrupt) << "clean, but the log is of a later life";
  machine.publish(64, 0, 1);
  ASSERT_TRUE(machine.files.damage(wal::segment_path(wal::test_database, 1), 700, std::byte{4}).ok());
  const Shown damaged = machine.show();
  EXPECT_EQ(damaged.status, Code::corrupt);
  EXPECT_THAT(damaged.text, HasSubstr("timestamp 1 "));
  EXPECT_THAT(damaged.text, Not(HasSubstr("timestamp 2 ")));
  EXPECT_THAT(damaged.text, HasSubstr("damage: log segment /db/x.qdb-wal.0000000000000001 is damaged at offset"));
  machine.files.install("/db/x.qdb", "a letter");
  EXPECT_THAT(machine.show().status.to_string(), HasSubstr("not a Quire database"));
}

TEST(log, shows_what_a_running_writer_has_written) {
  Machine machine;
  machine.write_log();
  const auto writer = os::open_or_stop(machine.files, wal::test_database);
  ASSERT_TRUE(writer->lock(os::LockMode::exclusive).ok());
  const Shown shown = machine.show();
  EXPECT_TRUE(shown.status.ok()) << shown.status.to_string();
  EXPECT_THAT(shown.notes, HasSubstr("is in use"));
  EXPECT_THAT(shown.text, HasSubstr("timestamp 10 "));
  EXPECT_THAT(shown.text, HasSubstr("end so far at LSN"));
}

// A checkpoint at every moment of it: everything that is shown is right, and it never calls the log damaged.
TEST(log, is_not_misled_by_a_writer_that_goes_on) {
  for (std::uint64_t moment = 1; moment < 40; ++moment) {
    Machine machine;
    machine.write_log();
    std::uint64_t n = 10;
    const auto writer = os::open_or_stop(machine.files, wal::test_database);
    ASSERT_TRUE(writer->lock(os::LockMode::exclusive).ok());
    const std::uint64_t begin = machine.files.operation_count();
    bool done = false;
    machine.files.observe([&](const os::Operation& operation) {
      if (done || operation.number < begin + moment) return;
      done = true;
      for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 12; ++i) ASSERT_TRUE(wal::append_commit(*machine.log, ++n, 400).ok());
        const Lsn tail = machine.log->tail();
        ASSERT_TRUE(machine.log->sync_to(tail).ok());
        machine.publish(tail.raw, 0);
        ASSERT_TRUE(machine.log->release_before(tail).ok());
      }
    });
    const Shown shown = machine.show();
    machine.files.observe(nullptr);
    EXPECT_TRUE(shown.status.ok()) << moment << ": " << shown.status.to_string();
    EXPECT_THAT(shown.text, Not(HasSubstr("damage"))) << moment;
    std::uint64_t last = 0;
    for (std::size_t at = 0; (at = shown.text.find("timestamp ", at)) != std::string::npos; ++at) {
      const std::uint64_t number = std::stoull(shown.text.substr(at + 10));
      if (last != 0) {
        ASSERT_EQ(number, last + 1) << moment;
      }
      last = number;
    }
  }
}

TEST(log, shows_an_archive_over_its_incarnations) {
  Machine machine;
  Lsn end{};
  {
    wal::Life first(machine.files, 1, Lsn{0});
    first.commit(1, 12);
    end = first.close();
  }
  wal::Life second(machine.files, 2, end);
  second.commit(13, 12);
  ASSERT_TRUE(second.archiver->finish().ok());
  const LogRequest request{.file = {}, .archive = wal::test_archive};
  const Shown shown = machine.show(request);
  EXPECT_TRUE(shown.status.ok()) << shown.status.to_string();
  for (std::uint64_t n = 1; n <= 24; ++n) EXPECT_THAT(shown.text, HasSubstr("timestamp " + std::to_string(n) + " "));
  EXPECT_THAT(shown.text, HasSubstr("incarnation 2\n"));
  EXPECT_THAT(shown.text, HasSubstr("end of the archive at LSN"));
  const Shown part = machine.show({.file = {}, .archive = wal::test_archive, .from = second.begin().raw, .to = second.last().raw});
  EXPECT_THAT(part.text, Not(HasSubstr("timestamp 12 ")));
  EXPECT_THAT(part.text, HasSubstr("timestamp 23 "));
  EXPECT_THAT(part.text, Not(HasSubstr("timestamp 24 ")));
  ASSERT_TRUE(machine.files.remove(wal::segment_path("/archive/x.qdb", 2)).ok());
  const Shown gap = machine.show(request);
  EXPECT_TRUE(gap.status.ok());
  EXPECT_THAT(gap.text, HasSubstr("begin at LSN "));
  EXPECT_THAT(gap.text, HasSubstr("the archive lacks the log from LSN"));
  EXPECT_EQ(machine.show({.file = {}, .archive = wal::test_archive, .from = 64}).status, Code::corrupt);
  EXPECT_EQ(machine.show({.file = "/db/other.qdb", .archive = wal::test_archive}).status, Code::not_found);
}

}  // namespace
}  // namespace quire::tools
