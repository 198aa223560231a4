// The work of the stages: see stages.hpp.
//
// What a file holds after each fill is checked by a scan that is not measured; it also warms the caches before the
// reading rows. Reads run on a database that was filled, closed and opened again.
#include "bench/stages.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "bench/commits.hpp"
#include "bench/fills.hpp"
#include "bench/mixed.hpp"
#include "bench/recovery.hpp"
#include "bench/sliced_gets.hpp"
#include "bench/stage_context.hpp"

namespace quire::bench {

namespace {

constexpr std::uint64_t multi_get_keys = 64;
constexpr std::uint64_t range_entries = 100;
constexpr std::uint64_t larger_cache_bytes = std::uint64_t{256} << 20;
constexpr unsigned opens = 5;
constexpr unsigned larger_slices = 5;

void run_imports(const StageContext& stage) {
  for (const std::string_view name : {"import-batch", "import-one"}) {
    if (!stage.take_turn(name)) continue;
    Fill how{.order = KeyOrder::ascending};
    if (name == "import-one") how.rows_per_transaction = stage.workload().rows();
    for (const Promise promise : stage.promises_of(name)) {
      how.promise = promise;
      stage.report(name, promise, fill(stage, how));
      check_file(stage, promise);
    }
  }
  if (!stage.take_turn("bulk-load")) return;
  stage.report("bulk-load", Promise::durable, bulk_load(stage));
  check_file(stage, Promise::durable);
}

std::uint64_t allocated_bytes(const StageContext& stage) {
  std::uint64_t bytes = 0;
  stage.for_each_file([&](int file) {
    struct stat state {};
    if (::fstat(file, &state) == 0) bytes += static_cast<std::uint64_t>(state.st_blocks) * 512;
  });
  return bytes;
}

void run_reads(const StageContext& stage) {
  stage.wait_for_turn("open and scan once");
  Reads reads(stage.engine(), stage.workload(), stage.options().seconds.reads);
  const auto measure = [&](std::string_view name, auto&& work) {
    if (stage.take_turn(name)) stage.report(name, Promise::durable, work());
  };
  measure("get", [&] { return reads.get(1); });
  measure("get-2", [&] { return reads.get(2); });
  measure("get-missing", [&] { return reads.get_missing(); });
  measure("multi-get", [&] { return reads.multi_get(multi_get_keys); });
  measure("scan", [&] { return reads.scan(Direction::forward); });
  measure("scan-reverse", [&] { return reads.scan(Direction::reverse); });
  measure("range-100", [&] { return reads.scan_ranges(range_entries); });
}

// The last fill has the cheapest promise; its file is the one that is read.
void run_random(const StageContext& stage) {
  const bool fill_only = !stage.options().full && stage.kind().part != Part::always;
  if (fill_only && !stage.wanted("fill-random")) return;
  stage.wait_for_turn("fill-random");
  const Promise promise = stage.cheap_promise();
  const std::vector<Promise> asked = stage.promises_of("fill-random");
  for (const Promise one : asked) {
    if (!stage.wanted("fill-random") && one != promise) continue;
    const Measurement filled = fill(stage, {.promise = one});
    if (stage.wanted("fill-random")) stage.report("fill-random", one, filled);
  }
  if (asked.empty()) fill(stage, {.promise = promise});
  if (fill_only) return check_file(stage, promise);
  if (stage.wanted("file-bytes")) {
    stage.report("file-bytes", Promise::durable, {.operations = allocated_bytes(stage)});
  }
  stage.with_open(stage.open_options(promise), [&] { run_reads(stage); });
}

double open_once(const StageContext& stage) {
  const std::uint64_t row = stage.workload().rows() / 2;
  std::string value;
  const Clock::time_point start = Clock::now();
  stage.engine().open(stage.open_options(Promise::durable));
  std::unique_ptr<Session> session = stage.engine().session();
  const bool found = session->get(Key::present(row), value);
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  if (!found) throw BenchError("a key is missing after open");
  stage.workload().check_value(row, Version::first, value);
  session.reset();
  stage.engine().close();
  return seconds;
}

void run_open(const StageContext& stage) {
  stage.wait_for_turn("open: bulk load");
  bulk_load(stage);
  stage.wait_for_turn("open");
  std::vector<double> seconds;
  for (unsigned i = 0; i < opens; ++i) seconds.push_back(open_once(stage));
  std::sort(seconds.begin(), seconds.end());
  stage.report("open", Promise::durable, {.operations = 1, .seconds = seconds[opens / 2]});
}

void load_larger(const StageContext& stage) {
  stage.wait_for_turn("larger than memory: bulk load");
  bulk_load(stage);
  stage.for_each_file([](int file) { ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED); });
}

void read_through(int file) {
  std::vector<char> buffer(std::size_t{1} << 20);
  while (::read(file, buffer.data(), buffer.size()) > 0) {
  }
}

void run_larger(const StageContext& stage) {
  if (stage.options().group != nullptr) stage.options().group->join();
  const double seconds = stage.options().seconds.larger;
  for (const unsigned threads : {1u, 2u}) {
    const std::string_view name = threads == 1 ? "larger-get" : "larger-get-2";
    if (!stage.wanted(name)) continue;
    stage.wait_for_turn("larger than memory: open and warm up");
    // The page cache of the group is full from the start; the engine's own follows with the first gets.
    stage.for_each_file(read_through);
    OpenOptions small = stage.open_options(Promise::durable);
    small.cache_bytes = larger_cache_bytes;
    small.sessions = threads;
    small.read_ahead = false;
    const SlicedGets how{
        .threads = threads, .slices = larger_slices, .warm_seconds = seconds, .slice_seconds = seconds / larger_slices};
    stage.with_open(small, [&] {
      get_in_slices(
          stage.engine(), stage.workload(), how, [&] { stage.wait_for_turn(name); },
          [&](const Measurement& measurement) { stage.report(name, Promise::durable, measurement); });
    });
  }
}

}  // namespace

Tables tables_of(Stage stage) noexcept {
  switch (stage) {
    case Stage::open:
    case Stage::larger_load:
    case Stage::larger: return Tables::none;
    default: return Tables::all;
  }
}

void run_stage(const StageOptions& options, const EngineKind& kind, const Workload& workload, const Report& report) {
  const StageContext stage(options, kind, workload, report);
  switch (options.stage) {
    case Stage::import: return run_imports(stage);
    case Stage::random: return run_random(stage);
    case Stage::open: return run_open(stage);
    case Stage::commits: return run_commits(stage);
    case Stage::latency: return run_latency(stage);
    case Stage::recovery: return run_recovery(stage);
    case Stage::small_cache: return run_small_cache(stage);
    case Stage::mixed: return run_mixed(stage);
    case Stage::larger_load: return load_larger(stage);
    case Stage::larger: return run_larger(stage);
  }
}

}  // namespace quire::bench
