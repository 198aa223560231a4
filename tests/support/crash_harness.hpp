// CrashHarness: runs a workload on a simulated machine and cuts its power at every operation.
//
// Before each operation that changes the disk, the harness builds images that a power cut at this moment may leave,
// and the image of a killed process, opens each and checks the invariants of docs/testing.md: it opens
// unaided and verifies (I1, I5), its state is one of the committed ones, not older than the last acknowledged (I2,
// I3, I4), opening twice changes nothing more (I7), it takes further commits and survives a second crash (I8), a
// read-only open changes no byte (I9), the generation does not fall (I10), the file does not grow (I11), no file, lock or
// undo page is left over (I1, I13). Snapshots that the run holds read the same to their end (I12). Recovery itself is
// cut off at every operation, for some images.
//
// Same options, same run: a failure names the seed that replays it.
//
// Threads   one
#pragma once

#include <list>
#include <string>
#include <vector>

#include "os/sim/sim_environment.hpp"
#include "support/workload.hpp"

namespace quire::test {

struct CrashOptions {
  std::uint64_t seed = 1;
  std::uint64_t transactions = 10;
  std::size_t images_per_operation = 8;
  std::uint32_t page_bytes = 4096;
  std::uint64_t second_crash_one_in = 50;  // images that are lived on in and crashed again
  std::uint64_t recovery_crash_one_in = 50;  // images whose recovery is crashed
  std::uint64_t operations_one_in = 1;     // operations that are crash points
  std::uint64_t snapshots = 0;             // read transactions held at most
  Journal journal = Journal::copy_on_write;
  bool mixed_durability = false;           // commits of all classes, not sync only
  WorkloadOptions workload = {};
};

struct CrashReport {
  std::string failure;  // empty: every image was right
  std::uint64_t operations = 0;
  std::uint64_t images = 0;
  std::uint64_t second_lives = 0;
  std::uint64_t recoveries = 0;  // operations at which a recovery was cut off
  std::uint64_t evictions = 0;   // of the run itself
};

class CrashHarness {
 public:
  explicit CrashHarness(const CrashOptions& options);
  CrashReport run();

 private:
  void before_operation(const os::Operation& operation);
  void check_image(std::unique_ptr<os::SimFileSystem> image, const std::string& which, std::size_t at_least);
  std::string check_state(Database& database, std::size_t at_least);
  Options options(Mode mode) const;
  std::string live_on(os::SimFileSystem& image, std::uint64_t seed);
  std::string crash_recovery(std::unique_ptr<os::SimFileSystem> image, std::uint64_t seed, std::size_t at_least);
  std::string check_closed(os::SimEnvironment& machine, std::uint64_t bytes_before);
  void fail(const std::string& which, const std::string& what);
  void drive();
  bool transact(Database& database, std::uint64_t number);

  const CrashOptions options_;
  os::SimEnvironment machine_;
  Workload workload_;
  Random random_;
  CrashReport report_;

  // Commits by number; 0 is the fresh database.
  std::vector<State> states_;
  struct Snapshot {
    Transaction transaction;
    std::size_t state;
  };
  std::list<Snapshot> snapshots_;
  std::size_t acknowledged_ = 0;           // no power cut takes it back
  std::size_t acknowledged_to_process_ = 0;  // the end of the process does not
  std::size_t attempted_ = 0;
  std::uint64_t acknowledged_generation_ = 0;
  bool created_ = false;
};

Options crash_test_options(std::uint32_t page_bytes, Journal journal = Journal::copy_on_write);
inline constexpr const char* crash_test_path = "/data/app.qdb";

}  // namespace quire::test
