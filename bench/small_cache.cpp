// The rows of written bytes: see commits.hpp.
//
// The file leaves the system's cache before, and nobody reads ahead: the process is charged for whole folios, and those of
// big writes and reads are big.
#include <fcntl.h>

#include <algorithm>

#include "bench/commits.hpp"
#include "bench/disk_meter.hpp"
#include "bench/fills.hpp"
#include "bench/puts.hpp"

namespace quire::bench {

namespace {

// No more, because WiredTiger keeps all pages of a transaction in its cache, and gives up when they do not fit.
constexpr std::uint64_t batch_puts = 100;

void overwrite_in_batches(Session& session, const Workload& workload, std::uint64_t puts) {
  std::string value;
  for (std::uint64_t first = 0; first < puts; first += batch_puts) {
    session.begin(KeyOrder::any);
    for (std::uint64_t i = first; i < std::min(first + batch_puts, puts); ++i) {
      workload.make_value(workload.order()[i], Version::second, value);
      session.put(Key::present(workload.order()[i]), value);
    }
    session.commit();
  }
}

// So many puts, a transaction each or in batches; until everything is on the disk.
Measurement overwrite(const StageContext& stage, std::uint64_t count, bool batch) {
  OpenOptions options = stage.open_options(Promise::durable);
  options.cache_bytes = stage.small_cache_bytes();
  options.read_ahead = false;
  stage.for_each_file([](int file) { ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED); });
  Puts puts(stage.workload(), Version::second);
  Meter meter;
  const DiskMeter disk(stage.options().folder);
  meter.start();
  stage.engine().open(options);
  if (batch) {
    overwrite_in_batches(*stage.engine().session(), stage.workload(), count);
    puts.note_done(count);
  } else {
    puts.run(stage.engine(), 1, {.puts = count});
  }
  stage.finish();
  meter.add(count);
  meter.stop();
  Measurement measured = meter.measurement();
  measured.written_bytes = disk.bytes();
  stage.with_open(options, [&] { puts.check(*stage.engine().session()); });
  return measured;
}

}  // namespace

void run_small_cache(const StageContext& stage) {
  if (stage.kind().family != Family::b_tree) return;
  for (const bool batch : {false, true}) {
    const std::string_view row = batch ? "write-bytes-batch" : "write-bytes";
    if (!stage.take_turn(row)) continue;
    bulk_load(stage);
    const std::uint64_t count = std::max<std::uint64_t>(stage.workload().rows() / (batch ? 4 : 20), 1);
    stage.report(row, Promise::durable, overwrite(stage, count, batch));
  }
}

}  // namespace quire::bench
