// Rows written in random order, each in a transaction of its own, over and over.
//
// A row has one of two values at any time, and every put gives it the other one: an engine that sees that nothing changes
// might do nothing (SQLite does).
//
// Threads   the calls come from one thread; the puts run in threads of their own
#pragma once

#include <functional>
#include <vector>

#include "bench/engine.hpp"
#include "bench/meter.hpp"
#include "bench/workload.hpp"

namespace quire::bench {

// The first of the two that is reached ends the puts.
struct PutLimit {
  double seconds = 1e9;
  std::uint64_t puts = ~std::uint64_t{0};  // of each thread
};

class Puts {
 public:
  // `first` is the version that rows get when they are put for the first time.
  Puts(const Workload& workload, Version first);

  // Each thread goes through a part of the workload's order, again and again, at least one put. `after_put` runs after
  // each, in the thread that did it.
  Measurement run(Engine& engine, unsigned threads, PutLimit limit, const std::function<void()>& after_put = {});
  // Takes the first `puts` rows of the order for put once: somebody else did it.
  void note_done(std::uint64_t puts);
  // Throws unless every row that the last run, or what was noted, has put holds the value that it got last.
  void check(Session& session) const;

 private:
  struct Part {
    std::uint64_t from = 0;  // of the order
    std::uint64_t size = 0;
    std::uint64_t done = 0;  // more than `size` when it began anew
  };
  Version flip(std::uint64_t row);
  void put_some(Session& session, Part& part, PutLimit limit, const std::function<void()>& after_put, Meter& meter);

  const Workload& workload_;
  std::vector<Version> versions_;  // of each row; two threads never use the same
  std::vector<Part> parts_;
};

}  // namespace quire::bench
