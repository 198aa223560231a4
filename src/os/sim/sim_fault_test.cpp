// Goal: every fault does what its name says, once, at the operation it was meant for, and nothing else.
// Method: one small script per fault, with the state of cache and medium looked at behind the interface.
#include <gtest/gtest.h>

#include <set>

#include "os/sim/sim_file_system.hpp"
#include "os/test_files.hpp"

namespace quire::os {
namespace {

constexpr std::size_t sector = 512;

SimOptions options_with(FailedSync failed_sync, std::uint64_t seed = 1) {
  DeviceProfile profile;
  profile.sector_bytes = sector;
  profile.failed_sync = failed_sync;
  return {.seed = seed, .profile = profile};
}

class sim_fault : public testing::Test {
 protected:
  void SetUp() override {
    files_.install("/a", repeated(4 * sector, 'o'));
    file_ = open_or_stop(files_, "/a");
  }

  std::string cached() { return files_.contents("/a").value(); }
  std::string durable() { return files_.durable_contents("/a").value(); }

  SimFileSystem files_{options_with(FailedSync::dropped)};
  std::unique_ptr<File> file_;
};

TEST_F(sim_fault, fails_any_operation_with_io) {
  const auto expect_io = [&](auto&& call) {
    files_.inject({.kind = FaultKind::io_error});
    const auto outcome = call();
    EXPECT_EQ(outcome, Code::io);
    EXPECT_NE(outcome.message().find("Input/output error"), std::string_view::npos);
  };
  std::byte byte{};
  expect_io([&] { return put(*file_, 0, "x"); });
  expect_io([&] { return file_->read_at(0, {&byte, 1}); });
  expect_io([&] { return file_->sync(); });
  expect_io([&] { return file_->size(); });
  expect_io([&] { return file_->truncate(1); });
  expect_io([&] { return file_->allocate(0, 99999); });
  expect_io([&] { return file_->lock(LockMode::shared); });
  expect_io([&] { return files_.open("/b", to_create); });
  expect_io([&] { return files_.remove("/a"); });
  expect_io([&] { return files_.rename("/a", "/b"); });
  expect_io([&] { return files_.exists("/a"); });
  expect_io([&] { return files_.list("/"); });
  expect_io([&] { return files_.sync_directory("/"); });
  EXPECT_EQ(files_.faults_fired(), 13u);
  EXPECT_EQ(cached(), repeated(4 * sector, 'o'));
  EXPECT_EQ(files_.files(), std::vector<std::string>{"/a"});
  EXPECT_TRUE(put(*file_, 0, "x").ok());
}

TEST_F(sim_fault, waits_for_its_operation_and_its_path) {
  const std::uint64_t now = files_.operation_count();
  files_.inject({.kind = FaultKind::io_error, .operation = now + 3, .path = "/a"});
  const auto other = open_or_stop(files_, "/b");  // now + 1
  EXPECT_TRUE(put(*file_, 0, "x").ok());          // now + 2
  EXPECT_TRUE(put(*other, 0, "x").ok());          // now + 3
  EXPECT_EQ(put(*file_, 0, "x"), Code::io);       // now + 4
  EXPECT_TRUE(put(*file_, 0, "x").ok());
}

TEST_F(sim_fault, stays_when_sticky) {
  files_.inject({.kind = FaultKind::no_space, .sticky = true});
  EXPECT_EQ(put(*file_, 0, "x"), Code::full);
  EXPECT_EQ(put(*file_, 0, "x"), Code::full);
  files_.clear_faults();
  EXPECT_TRUE(put(*file_, 0, "x").ok());
}

TEST_F(sim_fault, names_operation_place_and_reason) {
  files_.inject({.kind = FaultKind::no_space});
  EXPECT_EQ(put(*file_, 1024, repeated(600, 'n')).message(),
            "cannot write 600 bytes at offset 1024 of /a: No space left on device (simulated)");
  files_.inject({.kind = FaultKind::over_quota});
  EXPECT_EQ(file_->allocate(4096, 100).message(),
            "cannot reserve 100 bytes at offset 4096 of /a: Disk quota exceeded (simulated)");
  files_.inject({.kind = FaultKind::no_descriptors});
  EXPECT_EQ(files_.open("/b", to_create).status().to_string(), "io: cannot create /b: Too many open files (simulated)");
  EXPECT_FALSE(*files_.exists("/b"));
}

TEST_F(sim_fault, interrupts_without_being_noticed) {
  files_.inject({.kind = FaultKind::interrupted, .sticky = true});
  EXPECT_TRUE(put(*file_, 0, "new").ok());
  EXPECT_EQ(text_at(*file_, 0, 3), "new");
  EXPECT_EQ(files_.interruptions(), 2u);
}

TEST_F(sim_fault, writes_a_part) {
  std::set<std::size_t> lengths;
  for (int round = 0; round < 200; ++round) {
    ASSERT_TRUE(put(*file_, 0, repeated(10, 'o')).ok());
    files_.inject({.kind = round % 2 == 0 ? FaultKind::short_write : FaultKind::no_space});
    ASSERT_EQ(put(*file_, 0, repeated(10, 'n')), round % 2 == 0 ? Code::io : Code::full);
    const std::string content = cached().substr(0, 10);
    lengths.insert(content.find_first_not_of('n') == std::string::npos ? 10 : content.find_first_not_of('n'));
    ASSERT_EQ(content.find('n', std::min(content.find('o'), content.size())), std::string::npos);
  }
  EXPECT_EQ(lengths.size(), 11u);
}

TEST_F(sim_fault, reads_a_part_and_fails) {
  files_.inject({.kind = FaultKind::short_read});
  std::vector<std::byte> into(10);
  EXPECT_EQ(file_->read_at(0, into), Code::io);
  EXPECT_EQ(into[0], std::byte{'o'});
  EXPECT_EQ(into[9], std::byte{0});
}

TEST_F(sim_fault, rots_one_bit_for_good) {
  files_.inject({.kind = FaultKind::bit_rot});
  const std::string first = text_at(*file_, sector, sector);
  int bits = 0;
  for (const char letter : first) bits += __builtin_popcount(static_cast<unsigned char>(letter ^ 'o'));
  EXPECT_EQ(bits, 1);
  EXPECT_EQ(text_at(*file_, sector, sector), first);
  EXPECT_EQ(durable().substr(sector, sector), first);
  Random random(1);
  EXPECT_EQ(files_.crash(random)->contents("/a").value().substr(sector, sector), first);
}

TEST_F(sim_fault, rots_pending_bytes_too) {
  ASSERT_TRUE(put(*file_, 0, repeated(sector, 'n')).ok());
  ASSERT_TRUE(files_.damage("/a", 5, std::byte{1}).ok());
  ASSERT_TRUE(file_->sync().ok());
  EXPECT_EQ(durable()[5], 'n' ^ 1);
  EXPECT_EQ(durable()[6], 'n');
}

TEST_F(sim_fault, loses_a_write) {
  files_.inject({.kind = FaultKind::lost_write});
  EXPECT_TRUE(put(*file_, 0, "new").ok());
  EXPECT_TRUE(file_->sync().ok());
  EXPECT_EQ(cached(), repeated(4 * sector, 'o'));
}

TEST_F(sim_fault, keeps_a_stale_sector_behind_the_cache) {
  files_.inject({.kind = FaultKind::stale_write});
  EXPECT_TRUE(put(*file_, 0, "new").ok());
  EXPECT_TRUE(file_->sync().ok());
  EXPECT_EQ(text_at(*file_, 0, 3), "new");
  EXPECT_EQ(durable(), repeated(4 * sector, 'o'));
  files_.drop_caches();
  EXPECT_EQ(text_at(*file_, 0, 3), "ooo");
}

TEST_F(sim_fault, writes_to_another_sector) {
  std::set<std::size_t> places;
  for (int round = 0; round < 100; ++round) {
    files_.install("/a", repeated(4 * sector, 'o'));
    files_.inject({.kind = FaultKind::misdirected_write});
    ASSERT_TRUE(put(*file_, sector, repeated(sector, 'n')).ok());
    const std::size_t place = cached().find('n');
    ASSERT_EQ(place % sector, 0u);
    ASSERT_EQ(cached().substr(place, sector), repeated(sector, 'n'));
    places.insert(place / sector);
  }
  EXPECT_EQ(places, (std::set<std::size_t>{0, 2, 3}));
}

TEST_F(sim_fault, fills_the_disk_and_heals_when_the_quota_is_raised) {
  files_.set_quota(2 * 4096);
  EXPECT_EQ(files_.used_bytes(), 4096u);
  EXPECT_EQ(put(*file_, 0, repeated(3 * 4096, 'n')), Code::full);
  EXPECT_EQ(*file_->size(), 2 * 4096u) << "what fits is written";
  EXPECT_TRUE(put(*file_, 0, repeated(2 * 4096, 'm')).ok()) << "overwriting needs no room";
  EXPECT_EQ(file_->allocate(0, 3 * 4096), Code::full);
  EXPECT_TRUE(file_->truncate(9 * 4096).ok()) << "holes need no room";
  EXPECT_EQ(put(*file_, 8 * 4096, "x"), Code::full) << "but filling them does";
  files_.set_quota(4 * 4096);
  EXPECT_TRUE(file_->allocate(0, 3 * 4096).ok());
  EXPECT_TRUE(put(*file_, 8 * 4096, "x").ok());
  EXPECT_EQ(files_.used_bytes(), 4 * 4096u);
  EXPECT_TRUE(file_->truncate(0).ok());
  EXPECT_EQ(files_.used_bytes(), 0u);
}

TEST_F(sim_fault, gives_space_back_with_the_last_handle) {
  auto spill = open_or_stop(files_, "/spill");
  ASSERT_TRUE(put(*spill, 0, repeated(8192, 'x')).ok());
  ASSERT_TRUE(files_.remove("/spill").ok());
  files_.set_quota(1 << 20);
  EXPECT_EQ(files_.used_bytes(), 3 * 4096u);
  spill.reset();
  EXPECT_EQ(files_.used_bytes(), 4096u);
}

TEST(sim_failed_sync, drops_pending_data_and_then_succeeds) {
  std::set<std::string> mediums;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SimFileSystem files(options_with(FailedSync::dropped, seed));
    files.install("/a", repeated(2 * sector, 'o'));
    const auto file = open_or_stop(files, "/a");
    ASSERT_TRUE(put(*file, 0, repeated(2 * sector, 'n')).ok());
    files.inject({.kind = FaultKind::io_error});
    ASSERT_EQ(file->sync(), Code::io);
    ASSERT_EQ(whole_text(*file), repeated(2 * sector, 'n')) << "the cache shows what the medium lacks";
    ASSERT_TRUE(file->sync().ok());
    const std::string medium = files.durable_contents("/a").value();
    mediums.insert({medium[0], medium[sector]});
    Random random(seed);
    ASSERT_EQ(files.crash(random)->contents("/a").value(), medium);
    // Only writing the bytes again repairs it (RC-1).
    ASSERT_TRUE(put(*file, 0, repeated(2 * sector, 'n')).ok());
    ASSERT_TRUE(file->sync().ok());
    ASSERT_EQ(files.durable_contents("/a").value(), repeated(2 * sector, 'n'));
  }
  EXPECT_EQ(mediums, (std::set<std::string>{"oo", "on", "no", "nn"}));
}

TEST(sim_failed_sync, reverts_the_cache) {
  SimFileSystem files(options_with(FailedSync::reverted));
  files.install("/a", "old");
  const auto file = open_or_stop(files, "/a");
  std::set<std::string> seen;
  for (int round = 0; round < 50; ++round) {
    ASSERT_TRUE(put(*file, 0, "new").ok());
    files.inject({.kind = FaultKind::io_error});
    ASSERT_EQ(file->sync(), Code::io);
    seen.insert(whole_text(*file));
    ASSERT_EQ(whole_text(*file), files.durable_contents("/a").value());
    files.install("/a", "old");
  }
  EXPECT_EQ(seen, (std::set<std::string>{"old", "new"}));
}

TEST(sim_failed_sync, tells_late_and_once) {
  SimFileSystem files(options_with(FailedSync::late));
  files.install("/a", repeated(2 * sector, 'o'));
  const auto file = open_or_stop(files, "/a");
  files.inject({.kind = FaultKind::io_error});
  EXPECT_TRUE(put(*file, 0, repeated(sector, 'n')).ok()) << "the loss happens in the background";
  EXPECT_TRUE(put(*file, sector, repeated(sector, 'm')).ok());
  EXPECT_EQ(text_at(*file, 0, 1), "n");
  EXPECT_EQ(file->sync(), Code::io);
  EXPECT_EQ(files.durable_contents("/a").value().substr(sector), repeated(sector, 'm'));
  EXPECT_TRUE(file->sync().ok());
}

TEST(sim_failed_sync, loses_what_is_pending_at_any_operation) {
  SimFileSystem files(options_with(FailedSync::dropped));
  files.install("/a", "old");
  const auto file = open_or_stop(files, "/a");
  files.inject({.kind = FaultKind::writeback_error});
  EXPECT_EQ(text_at(*file, 0, 3), "old");
  EXPECT_EQ(files.faults_fired(), 0u) << "nothing was pending yet";
  EXPECT_TRUE(put(*file, 0, "new").ok());
  EXPECT_EQ(text_at(*file, 0, 3), "new");
  EXPECT_EQ(files.faults_fired(), 1u);
  EXPECT_EQ(file->sync(), Code::io);
  EXPECT_TRUE(file->sync().ok());
}

}  // namespace
}  // namespace quire::os
