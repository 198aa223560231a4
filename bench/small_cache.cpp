// The rows of written bytes: see commits.hpp.
//
// Counted are the pages that the process made dirty or wrote past the system's cache, without those of files that were
// removed before they were written. A page that is made dirty twice before the system writes it counts once.
#include <algorithm>
#include <fstream>

#include "bench/commits.hpp"
#include "bench/fills.hpp"
#include "bench/puts.hpp"

namespace quire::bench {

namespace {

constexpr std::uint64_t batch_puts = 1000;

std::uint64_t bytes_written_so_far() {
  std::ifstream file("/proc/self/io");
  std::uint64_t written = 0;
  std::string name;
  for (std::uint64_t number = 0; file >> name >> number;) {
    if (name == "write_bytes:") written += number;
    if (name == "cancelled_write_bytes:") written -= std::min(written, number);
  }
  return written;
}

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
  Puts puts(stage.workload(), Version::second);
  Meter meter;
  const std::uint64_t before = bytes_written_so_far();
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
  measured.written_bytes = bytes_written_so_far() - before;
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
    const std::uint64_t count = std::max<std::uint64_t>(stage.workload().rows() / (batch ? 2 : 20), 1);
    stage.report(row, Promise::durable, overwrite(stage, count, batch));
  }
}

}  // namespace quire::bench
