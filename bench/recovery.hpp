// The rows of the time that it takes to open a database whose process was killed.
#pragma once

#include "bench/stage_context.hpp"

namespace quire::bench {

// Bulk load, single puts over half of the rows in random order, kill, open, first get; then everything that was put
// must be there. Only for engines that promise to survive the end of the process.
void run_recovery(const StageContext& stage);

}  // namespace quire::bench
