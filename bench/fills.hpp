// Fills of a fresh database with all rows, measured.
#pragma once

#include "bench/stage_context.hpp"

namespace quire::bench {

struct Fill {
  Promise promise = Promise::durable;
  KeyOrder order = KeyOrder::any;
  std::uint64_t rows_per_transaction = 1000;
};

// Fills a fresh database and closes it; the time ends with the last commit.
Measurement fill(const StageContext& stage, const Fill& how);

enum class Values : std::uint8_t { versioned, counted };  // the first version; counters of 0

// The same in the fastest way that the engine has, durable at the end.
Measurement bulk_load(const StageContext& stage, Values values = Values::versioned);

// Throws unless the database holds all rows as they were filled.
void check_file(const StageContext& stage, Promise promise);

}  // namespace quire::bench
