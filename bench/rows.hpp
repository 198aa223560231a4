// The rows of the benchmark's table, what they count, and which of their ratios Quire aims at.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "bench/promise.hpp"

namespace quire::bench {

// Work that shares databases: one process runs one stage of one engine.
enum class Stage : std::uint8_t {
  import,       // each row makes a file of its own
  random,       // the file that a random fill leaves
  open,         // a file of its own size, bulk loaded
  commits,      // rates of single puts, into a fresh file and into a bulk-loaded one
  latency,      // how long single commits take, in a bulk-loaded file
  recovery,     // a bulk-loaded file whose process was killed after many puts
  small_cache,  // a bulk-loaded file ten times the size of the engine's cache
  mixed,        // a bulk-loaded file that several kinds of reads and writes work on at once
  larger_load,  // makes the file of `larger`; has no rows
  larger,       // a file larger than the memory that the process may use
};

// How the numbers of a row are shown and compared.
enum class Unit : std::uint8_t {
  per_second,      // more is better
  bytes,           // less is better, as below
  milliseconds,    // of one operation
  tail,            // milliseconds that one of a thousand commits exceeds
  bytes_per_byte,  // written to the disk for each byte of keys and values that were put
};

// What Quire's number of a row is held against.
enum class Against : std::uint8_t {
  nothing,
  best_peer,
  lmdb,
  best_b_tree,
  best_of,  // some columns
  own_row,
  bytes_per_row,  // a limit
  milliseconds,   // a limit
  per_second,     // at least
  own_median,     // of a tail: a limit in medians
  empty_seconds,  // a limit of seconds without a commit
};

struct Target {
  Against against = Against::nothing;
  double factor = 0;       // at least so many times the other's number; for a limit: at most this
  std::string_view row{};  // of own_row
  Promise promise = Promise::durable;
  std::vector<std::string_view> columns{};  // of best_of
};

struct Row {
  std::string_view name;  // for --rows and JSON
  std::string_view title;
  std::string_view counts;  // what one operation is
  Stage stage;
  Unit unit = Unit::per_second;
  bool reads = false;  // waits for nothing but the processor and memory
  bool quick = false;  // part of the quick set
  // A row that writes is measured once for each of these, and with --full for those of the second list too. Rows that
  // promise nothing have none; their numbers go by `durable`.
  std::vector<Promise> promises{};
  std::vector<Promise> promises_full{};
  std::vector<Target> targets{};
};

// In the order of the table.
const std::vector<Row>& all_rows();

// Null when there is no such row.
const Row* find_row(std::string_view name);

}  // namespace quire::bench
