// Rates of commits: see commits.hpp.
#include "bench/commits.hpp"

#include "bench/fills.hpp"
#include "bench/puts.hpp"
#include "bench/raw_log.hpp"
#include "bench/reads.hpp"

namespace quire::bench {

namespace {

constexpr unsigned put_slices = 3;

// One row a transaction into a fresh database, until all rows are there or the time is up.
Measurement fill_singly(const StageContext& stage, Promise promise) {
  stage.start_over(stage.open_options(promise));
  Puts puts(stage.workload(), Version::first);
  const Measurement filled =
      puts.run(stage.engine(), 1, {.seconds = stage.options().seconds.fill_max, .puts = stage.workload().rows()});
  {
    const std::unique_ptr<Session> session = stage.engine().session();
    if (filled.operations == stage.workload().rows()) {
      check_scan(*session, stage.workload(), Direction::forward);
    } else {
      puts.check(*session);
    }
  }
  stage.finish();
  return filled;
}

Measurement put_durably(const StageContext& stage, Puts& puts, unsigned threads, bool without_log) {
  OpenOptions options = stage.open_options(Promise::durable);
  options.without_log = without_log;
  Measurement measured;
  stage.with_open(options, [&] {
    measured = puts.run(stage.engine(), threads, {.seconds = stage.options().seconds.put});
    puts.check(*stage.engine().session());
  });
  return measured;
}

// As many puts by each thread, of rows that are its own.
void put_side_by_side(const StageContext& stage, std::string_view row, Puts& puts, unsigned threads) {
  if (!stage.take_turn(row)) return;
  const PutLimit limit{.seconds = stage.options().seconds.mixed_max, .puts = stage.options().operations};
  for (const Promise promise : stage.promises_of(row)) {
    stage.with_open(stage.open_options(promise), [&] {
      stage.report(row, promise, puts.run(stage.engine(), threads, limit));
      puts.check(*stage.engine().session());
    });
  }
}

}  // namespace

void run_commits(const StageContext& stage) {
  if (stage.take_turn("fill-random-one")) {
    for (const Promise promise : stage.promises_of("fill-random-one")) {
      stage.report("fill-random-one", promise, fill_singly(stage, promise));
    }
  }
  if (!stage.any_wanted({"raw-sync", "put-one", "put-one-cow", "put-8", "one-writer", "two-writers"})) return;
  stage.wait_for_turn("single puts: bulk load");
  bulk_load(stage);
  Puts puts(stage.workload(), Version::second);
  RawLog raw(stage.options().folder + "/raw-sync");
  for (unsigned slice = 0; slice < put_slices; ++slice) {
    const auto measure = [&](std::string_view row, auto&& work) {
      if (stage.take_turn(row)) stage.report(row, Promise::durable, work());
    };
    measure("raw-sync", [&] { return raw.append(stage.options().seconds.put / 2); });
    measure("put-one", [&] { return put_durably(stage, puts, 1, false); });
    if (stage.kind().log != Log::always) measure("put-one-cow", [&] { return put_durably(stage, puts, 1, true); });
    measure("put-8", [&] { return put_durably(stage, puts, 8, false); });
  }
  put_side_by_side(stage, "one-writer", puts, 1);
  put_side_by_side(stage, "two-writers", puts, 2);
}

}  // namespace quire::bench
