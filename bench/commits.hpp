// The stages that measure commits: how many a second, how long the slow ones take, what they write.
#pragma once

#include "bench/stage_context.hpp"

namespace quire::bench {

// Single puts into fresh files, then durable single puts, in slices between which the other engines have their turn.
void run_commits(const StageContext& stage);

// Single puts at full rate for a given time, with a log so short that there are checkpoints meanwhile.
void run_latency(const StageContext& stage);

// Overwrites with a cache of a tenth of the data; counts the bytes that the process has written when all is on the disk.
// B-trees only.
void run_small_cache(const StageContext& stage);

}  // namespace quire::bench
