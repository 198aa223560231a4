// The rows of the benchmark's table, what they count, and which of their ratios Quire aims at.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace quire::bench {

// Work that shares databases: one process runs one stage of one engine.
enum class Stage : std::uint8_t {
  import,       // each row makes a file of its own
  random,       // the file that the random fill leaves
  open,         // a file of its own size, bulk loaded
  larger_load,  // makes the file of `larger`; has no rows
  larger,       // a file larger than the memory that the process may use
};

// How the numbers of a row are shown and compared.
enum class Unit : std::uint8_t {
  per_second,    // more is better
  bytes,         // less is better
  milliseconds,  // less is better
};

// What Quire's number of a row is held against.
enum class Against : std::uint8_t { nothing, best_peer, lmdb, best_b_tree, own_row, bytes_per_row, milliseconds };

struct Target {
  Against against = Against::nothing;
  double factor = 0;     // at least so many times the other's number; for a limit: at most this
  std::string_view row;  // of own_row
};

struct Row {
  std::string_view name;  // for --rows and JSON
  std::string_view title;
  std::string_view counts;  // what one operation is
  Stage stage;
  Unit unit = Unit::per_second;
  bool writes = false;  // measured once for each promise
  bool reads = false;   // waits for nothing but the processor and memory
  bool quick = false;   // part of the quick set
  std::array<Target, 2> targets{};
};

// In the order of the table.
const std::vector<Row>& all_rows();

// Null when there is no such row.
const Row* find_row(std::string_view name);

}  // namespace quire::bench
