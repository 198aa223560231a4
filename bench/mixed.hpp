// The stage of mixed reads and writes: the workloads of YCSB and transactions that read and write.
#pragma once

#include "bench/stage_context.hpp"

namespace quire::bench {

// Each operation is a transaction of its own; a fixed number of them by each thread. All rows work on one file one after the
// other, which is opened anew for each workload and scanned before each row.
void run_mixed(const StageContext& stage);

}  // namespace quire::bench
