// Bench: how fast this machine is with Quire, measured in some seconds.
//
// Works in a file of its own beside the one named, with the same kind of rows each time (16-byte keys,
// 100-byte values), and removes it at the end. The file named is never opened.
//
// Threads   one thread at a time
// Errors    those of the database; exists when the scratch file is there already
#pragma once

#include <cstdint>
#include <string>

#include "quire/options.hpp"
#include "tools/printer.hpp"

namespace quire::tools {

struct BenchOptions {
  std::string beside;         // the scratch file is this path with ".bench" added
  std::uint64_t rows = 0;     // of each measurement; 0: 200 000
  Options options;            // page size and memory limit
};

Status run_bench(const BenchOptions& options, Printer& printer);

}  // namespace quire::tools
