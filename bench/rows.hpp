// The rows of the benchmark's table, and the work that measures them.
//
// A stage is work that shares a database: one process runs one stage of one engine. Each import makes a file of
// its own; all other rows share the file that the random fill leaves.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/engine.hpp"
#include "bench/meter.hpp"
#include "bench/workload.hpp"

namespace quire::bench {

enum class Stage : std::uint8_t { import, random };

// How the numbers of a row are shown and compared.
enum class Unit : std::uint8_t {
  per_second,  // more is better
  bytes,       // less is better
};

struct Row {
  std::string_view name;  // for --rows and JSON
  std::string_view title;
  std::string_view counts;  // what one operation is
  Stage stage;
  Unit unit = Unit::per_second;
  bool writes = false;  // measured once for each promise
  bool reads = false;   // waits for nothing but the processor and memory
};

// In the order of the table.
const std::vector<Row>& all_rows();

// Null when there is no such row.
const Row* find_row(std::string_view name);

struct StageOptions {
  Stage stage = Stage::import;
  std::vector<std::string> rows;  // names; those of other stages do not matter
  std::string folder;             // empty, for this stage alone
  double seconds_min = 0;         // of each reading row: passes are repeated until then
  double seconds_max_puts = 3;    // of the row of single durable puts
};

// A number of a row. For a row of bytes `measurement.operations` holds the bytes.
using Report = std::function<void(const Row& row, Promise promise, const Measurement& measurement)>;

// Runs the stage's rows that are asked for. Throws BenchError on a failure or a wrong answer.
void run_stage(const StageOptions& options, const EngineKind& kind, const Workload& workload, const Report& report);

}  // namespace quire::bench
