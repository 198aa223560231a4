// CrashPoints: every operation in a scope is a moment at which the power may fail.
//
//   {
//     CrashPoints points(machine.files(), {.seed = 7}, [&](std::unique_ptr<os::SimFileSystem> image, const std::string& which) {
//       SCOPED_TRACE(which);
//       ...                                    // what a reboot finds
//     });
//     database.compact();
//   }
//
// For scenes of their own; random workloads are the matter of crash_harness.hpp.
//
// Threads   one
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "buffer/guards.hpp"
#include "os/sim/crash_images.hpp"

namespace quire::test {

// An observer runs inside an operation of the engine under test, which may have latched new pages; the databases that the
// observer opens have nothing to do with them.
class OtherMachine {
 public:
  OtherMachine() : held_(std::exchange(buffer::latches_held, 0)) {}
  ~OtherMachine() { buffer::latches_held = held_; }
  OtherMachine(const OtherMachine&) = delete;
  OtherMachine& operator=(const OtherMachine&) = delete;

 private:
  const int held_;
};

class CrashPoints {
 public:
  struct Options {
    std::uint64_t seed = 1;
    std::size_t images = 6;    // of power cuts, for each operation; beside them a killed process
    std::uint64_t one_in = 1;  // operations
  };
  using Check = std::function<void(std::unique_ptr<os::SimFileSystem> image, const std::string& which)>;

  CrashPoints(os::SimFileSystem& files, const Options& options, Check check)
      : files_(files), options_(options), check_(std::move(check)) {
    files_.observe([this](const os::Operation& operation) { before(operation); });
  }
  ~CrashPoints() { files_.observe(nullptr); }
  CrashPoints(const CrashPoints&) = delete;
  CrashPoints& operator=(const CrashPoints&) = delete;

  std::uint64_t images() const noexcept { return images_; }

 private:
  void before(const os::Operation& operation) {
    if (!operation.changes || operation.number % options_.one_in != 0) return;
    const OtherMachine other;
    const std::string at = "before operation " + std::to_string(operation.number) + ", ";
    show(files_.kill(), at + "killed");
    os::CrashImages images(files_, {.seed = options_.seed * 1000003 + operation.number, .budget = options_.images});
    while (std::unique_ptr<os::SimFileSystem> image = images.next()) show(std::move(image), at + images.description());
  }
  void show(std::unique_ptr<os::SimFileSystem> image, const std::string& which) {
    ++images_;
    check_(std::move(image), which);
  }

  os::SimFileSystem& files_;
  const Options options_;
  const Check check_;
  std::uint64_t images_ = 0;
};

}  // namespace quire::test
