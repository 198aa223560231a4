// Bench: how fast this machine is with Quire, measured in about a minute, beside what others claim.
//
// Works in a directory of its own, with the same kind of rows each time (16-byte keys, 100-byte values), and removes
// it at the end, also after an error or Ctrl-C. The file named is never opened.
//
// Threads   one thread at a time
// Errors    those of the database; exists when the directory is there already; interrupted by Ctrl-C; corrupt when a
//           measurement reads something else than was written
#pragma once

#include <cstdint>
#include <string>

#include "quire/options.hpp"
#include "tools/printer.hpp"

namespace quire::tools {

struct BenchOptions {
  std::string beside = {};    // the directory is this path with ".bench" added; empty: one in $TMPDIR or here
  std::uint64_t rows = 0;     // 0: 100 000
  Options options = {};       // page size and memory limit
};

Status run_bench(const BenchOptions& options, Printer& printer);

}  // namespace quire::tools
