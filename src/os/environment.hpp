// Environment: everything outside the process that Quire may ask, bundled.
//
// An engine is given one environment and uses nothing else for files, time and randomness, so that a
// simulated environment makes a run repeatable from its seed.
//
// Threads   all members may be used from any thread
#pragma once

#include <cstdint>

#include "os/file.hpp"

namespace quire::os {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual std::uint64_t monotonic_us() = 0;  // never goes back; the start is arbitrary
  virtual std::uint64_t wall_us() = 0;       // since 1970-01-01 UTC
};

// Random numbers that no one must be able to predict or that must merely differ (file uuid).
class Entropy {
 public:
  virtual ~Entropy() = default;
  virtual std::uint64_t next() = 0;
};

struct Environment {
  FileSystem& files;
  Clock& clock;
  Entropy& entropy;
  bool background = false;  // engines may start threads of their own; without, runs are repeatable
  bool lasting = true;      // files outlive the process, so durability means something
};

// The operating system's own. Lives as long as the process.
Environment& system_environment();

}  // namespace quire::os
