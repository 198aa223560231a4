// Random gets in short slices, between which other engines have their turn: for a database that reads from the disk,
// whose speed changes from one minute to the next.
//
// Threads   the calls come from the caller's thread; the gets run in threads of their own, whose sessions and caches
//           stay as they are between slices
#pragma once

#include <functional>

#include "bench/engine.hpp"
#include "bench/meter.hpp"
#include "bench/workload.hpp"

namespace quire::bench {

struct SlicedGets {
  unsigned threads = 1;
  unsigned slices = 1;
  double warm_seconds = 0;  // of gets before the first slice
  double slice_seconds = 0;
};

// Calls before() before each slice and after() with what it measured. Needs no tables of the workload.
void get_in_slices(Engine& engine, const Workload& workload, const SlicedGets& how, const std::function<void()>& before,
                   const std::function<void(const Measurement&)>& after);

}  // namespace quire::bench
