// The reading rows, on a database that holds all rows of the workload.
//
// Every pass is checked: gets one by one, scans by count, sum and order. Scans of a range are checked after
// the clock has stopped.
#pragma once

#include <cstdint>

#include "bench/engine.hpp"
#include "bench/meter.hpp"
#include "bench/workload.hpp"

namespace quire::bench {

// Scans everything and throws unless it is the whole workload in order.
void check_scan(Session& session, const Workload& workload, Direction direction);

// How long a row is measured: passes over all rows are repeated until `min`, and one is broken off at `max`. Full
// scans are not broken off.
struct SecondsRange {
  double min = 0;
  double max = 3;
};

class Reads {
 public:
  // Begins with a full scan, so that every row finds warm caches.
  Reads(Engine& engine, const Workload& workload, SecondsRange seconds);

  // In random order, shared by the threads.
  Measurement get(unsigned threads);
  Measurement get_missing();
  // Of `keys` random rows at a time; counts keys.
  Measurement multi_get(std::uint64_t keys);
  Measurement scan(Direction direction);
  // From random rows on.
  Measurement scan_ranges(std::uint64_t entries);

 private:
  Engine& engine_;
  const Workload& workload_;
  SecondsRange seconds_;
  std::unique_ptr<Session> session_;
};

}  // namespace quire::bench
