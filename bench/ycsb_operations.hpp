// What the threads of a YCSB workload do, made up before the clock starts.
//
// The workloads are the core ones A to F of Cooper, Silberstein, Tam, Ramakrishnan and Sears, "Benchmarking Cloud Serving
// Systems with YCSB", SoCC 2010. Ranks are zipfian with theta 0.99; a permutation scatters them over the keys, where
// YCSB hashes them, which lets some share a key.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "bench/zipfian.hpp"

namespace quire::bench {

inline constexpr double ycsb_theta = 0.99;
inline constexpr std::uint64_t ycsb_scan_max = 100;  // entries

enum class Action : std::uint8_t { read, update, insert, scan, modify };

struct Operation {
  Action action = Action::read;
  std::uint8_t entries = 0;  // of a scan
  std::uint32_t rank = 0;    // of what it reads or writes, 0 the most frequent; not of an insert
};

// How many of a hundred operations are what.
struct Mix {
  std::string_view letter;
  unsigned reads = 0;
  unsigned updates = 0;
  unsigned inserts = 0;
  unsigned scans = 0;
  unsigned modifies = 0;  // a read and an update of the same row, one transaction
  bool latest = false;    // ranks count from the newest row back
};

inline constexpr Mix ycsb_mixes[] = {
    {.letter = "a", .reads = 50, .updates = 50},
    {.letter = "b", .reads = 95, .updates = 5},
    {.letter = "c", .reads = 100},
    {.letter = "d", .reads = 95, .inserts = 5, .latest = true},
    {.letter = "e", .inserts = 5, .scans = 95},
    {.letter = "f", .reads = 50, .modifies = 50},
};

// The same for the same seed.
std::vector<Operation> make_operations(const Mix& mix, std::uint64_t count, const Zipfian& ranks, std::uint64_t seed);

}  // namespace quire::bench
