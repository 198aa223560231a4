// The work that measures the rows of one stage with one engine.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/engine.hpp"
#include "bench/memory_group.hpp"
#include "bench/meter.hpp"
#include "bench/reads.hpp"
#include "bench/rows.hpp"
#include "bench/workload.hpp"

namespace quire::bench {

// How long rows are measured, in seconds.
struct StageSeconds {
  SecondsRange reads;    // each reading row
  double fill_max = 10;  // a fill with one row a transaction is broken off here
  double put = 0.5;      // each slice of durable single puts
  double latency = 5;    // each promise of `latency`
  double mixed_max = 3;  // each row of `mixed` is broken off here, and each one of writers side by side
  double larger = 10;    // each row of `larger` in all, and before it to warm up
};

struct StageOptions {
  Stage stage = Stage::import;
  std::vector<std::string> rows;  // names; those of other stages do not matter
  bool full = false;              // promises of Row::promises_full too
  std::string folder;             // for this engine alone; empty before every stage but `larger`
  StageSeconds seconds;
  std::uint64_t cache_bytes = 0;  // of rows that do not choose their own
  std::uint64_t operations = 0;   // of each thread, in rows that have a fixed number; fewer where one does more
  // Joined before the first read of `larger`.
  const MemoryGroup* group = nullptr;
  // Called before each piece of work, with its name; returns when it is this engine's turn. All engines have about the
  // same pieces.
  std::function<void(std::string_view work)> turn;
};

// A number of a row. For a row of bytes `measurement.operations` holds the bytes.
using Report = std::function<void(const Row& row, Promise promise, const Measurement& measurement)>;

// The tables that a stage needs its workload to have.
Tables tables_of(Stage stage) noexcept;

// Runs the stage's rows that are asked for. Throws BenchError on a failure or a wrong answer.
void run_stage(const StageOptions& options, const EngineKind& kind, const Workload& workload, const Report& report);

}  // namespace quire::bench
