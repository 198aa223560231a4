// Runs every engine in a process of its own and collects what they measured.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/engine.hpp"
#include "bench/results.hpp"
#include "bench/stages.hpp"

namespace quire::bench {

struct RunOptions {
  std::vector<std::string> rows;
  std::uint64_t count = 0;         // rows in a database
  std::uint64_t open_count = 0;    // of the row `open`
  std::uint64_t larger_count = 0;  // of the rows `larger-...`
  std::uint64_t cache_mib = 0;     // of every engine that has a cache
  std::uint64_t operations = 0;    // of each thread, see StageOptions
  unsigned repeats = 1;
  std::string folder;  // where databases are made and removed
  StageSeconds seconds;
  bool full = false;      // every promise of every row, with every setting of every engine
  bool cpu_time = false;  // reading rows count processor time, so that a busy machine disturbs them less
};

// Says on stderr what it is doing. An engine that fails loses the rest of its rows of that run; the
// failure is in the results. Rows that this machine cannot measure are left out; the results say why.
Results run_engines(const RunOptions& options, const std::vector<EngineKind>& kinds);

}  // namespace quire::bench
