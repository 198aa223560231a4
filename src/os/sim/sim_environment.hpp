// SimEnvironment: a whole simulated machine: files, clock and random numbers from one seed.
//
//   SimEnvironment machine({.seed = 7});
//   engine.open(machine.environment(), "/app.qdb");
//   SimEnvironment rebooted(machine.files().crash(random));
//
// Owner     owns its parts; it stays in place, because an Environment refers to them
// Threads   as its parts
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "os/environment.hpp"
#include "os/mem/manual_clock.hpp"
#include "os/sim/sim_file_system.hpp"

namespace quire::os {

using SimClock = ManualClock;

class SimEnvironment {
 public:
  explicit SimEnvironment(const SimOptions& options = {}) : SimEnvironment(std::make_unique<SimFileSystem>(options)) {}

  // The machine after a reboot with these files: a crash image.
  explicit SimEnvironment(std::unique_ptr<SimFileSystem> files)
      : files_(std::move(files)), clock_({.step_us = 1}), entropy_(files_->seed() ^ 0x656e7472u) {}

  SimEnvironment(const SimEnvironment&) = delete;
  SimEnvironment& operator=(const SimEnvironment&) = delete;

  Environment& environment() noexcept { return environment_; }
  SimFileSystem& files() noexcept { return *files_; }
  SimClock& clock() noexcept { return clock_; }
  Entropy& entropy() noexcept { return entropy_; }

 private:
  std::unique_ptr<SimFileSystem> files_;
  SimClock clock_;
  SeededEntropy entropy_;
  Environment environment_{*files_, clock_, entropy_};
};

}  // namespace quire::os
