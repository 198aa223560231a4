// The work of the stages: see stages.hpp.
//
// What a file holds after each fill is checked by a scan that is not measured; it also warms the caches before the
// reading rows. Reads run on a database that was filled, closed and opened again.
#include "bench/stages.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "bench/sliced_gets.hpp"

namespace quire::bench {

namespace {

constexpr std::uint64_t batch_rows = 1000;
constexpr std::uint64_t multi_get_keys = 64;
constexpr std::uint64_t range_entries = 100;
constexpr std::uint64_t small_cache_bytes = std::uint64_t{256} << 20;
constexpr unsigned opens = 5;
constexpr unsigned larger_slices = 5;

void read_through(int file) {
  std::vector<char> buffer(std::size_t{1} << 20);
  while (::read(file, buffer.data(), buffer.size()) > 0) {
  }
}

class StageRun {
 public:
  StageRun(const StageOptions& options, const EngineKind& kind, const Workload& workload, const Report& report)
      : options_(options), kind_(kind), workload_(workload), report_(report), engine_(kind.make()) {}

  void run_imports() {
    for (const std::string_view name : {"import-batch", "import-one"}) {
      if (!take_turn(name)) continue;
      const std::uint64_t rows = name == "import-one" ? workload_.rows() : batch_rows;
      for (const Promise promise : kind_.promises) {
        report(name, promise, fill({promise, KeyOrder::ascending, rows}));
        check_file(promise);
      }
    }
    if (take_turn("bulk-load")) {
      report("bulk-load", Promise::durable, bulk_load());
      check_file(Promise::durable);
    }
  }

  void run_random() {
    const Promise last = kind_.promises.back();
    options_.turn("fill-random");
    for (const Promise promise : kind_.promises) {
      if (!wanted("fill-random") && promise != last) continue;
      const Measurement filled = fill({promise, KeyOrder::any, batch_rows});
      if (wanted("fill-random")) report("fill-random", promise, filled);
    }
    if (wanted("file-bytes")) report("file-bytes", Promise::durable, {.operations = allocated_bytes()});
    engine_->open(open_options(last));
    run_reads();
    engine_->close();
    if (!take_turn("put-one")) return;
    engine_->open(open_options(Promise::durable));
    report("put-one", Promise::durable, put_singly(*engine_, workload_, options_.seconds_max_puts));
    engine_->close();
  }

  void run_open() {
    options_.turn("open: bulk load");
    bulk_load();
    options_.turn("open");
    std::vector<double> seconds;
    for (unsigned i = 0; i < opens; ++i) seconds.push_back(open_once());
    std::sort(seconds.begin(), seconds.end());
    report("open", Promise::durable, {.operations = 1, .seconds = seconds[opens / 2]});
  }

  void load_larger() {
    options_.turn("larger than memory: bulk load");
    bulk_load();
    for_each_file([](int file) { ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED); });
  }

  void run_larger() {
    if (options_.group != nullptr) options_.group->join();
    for (const unsigned threads : {1u, 2u}) {
      const std::string_view name = threads == 1 ? "larger-get" : "larger-get-2";
      if (!wanted(name)) continue;
      options_.turn("larger than memory: open and warm up");
      // The page cache of the group is full from the start; the engine's own follows with the first gets.
      for_each_file(read_through);
      OpenOptions small = open_options(Promise::durable);
      small.cache_bytes = small_cache_bytes;
      small.sessions = threads;
      small.read_ahead = false;
      engine_->open(small);
      const SlicedGets how{.threads = threads,
                           .slices = larger_slices,
                           .warm_seconds = options_.seconds_larger,
                           .slice_seconds = options_.seconds_larger / larger_slices};
      get_in_slices(
          *engine_, workload_, how, [&] { options_.turn(name); },
          [&](const Measurement& measurement) { report(name, Promise::durable, measurement); });
      engine_->close();
    }
  }

 private:
  struct Fill {
    Promise promise;
    KeyOrder order;
    std::uint64_t rows_per_transaction;
  };

  bool wanted(std::string_view row) const {
    return std::find(options_.rows.begin(), options_.rows.end(), row) != options_.rows.end();
  }

  // Waits for this engine's turn, unless the row is not asked for.
  bool take_turn(std::string_view row) const {
    if (!wanted(row)) return false;
    options_.turn(row);
    return true;
  }

  void report(std::string_view row, Promise promise, const Measurement& measurement) const {
    report_(*find_row(row), promise, measurement);
  }

  OpenOptions open_options(Promise promise) const { return {.folder = options_.folder, .promise = promise}; }

  // Opens a fresh database.
  void start_over(Promise promise) {
    for (const auto& entry : std::filesystem::directory_iterator(options_.folder)) std::filesystem::remove_all(entry);
    engine_->open(open_options(promise));
  }

  // Closes it. Without the sync, what a fill without syncs left to the system would be written while the next rows run.
  void finish() {
    engine_->close();
    for_each_file([](int file) { ::fsync(file); });
  }

  // Fills a fresh database and closes it; the time ends with the last commit.
  Measurement fill(const Fill& how) {
    start_over(how.promise);
    Meter meter;
    {
      const std::unique_ptr<Session> session = engine_->session();
      std::string value;
      meter.start();
      for (std::uint64_t first = 0; first < workload_.rows(); first += how.rows_per_transaction) {
        const std::uint64_t end = std::min(first + how.rows_per_transaction, workload_.rows());
        session->begin(how.order);
        for (std::uint64_t i = first; i < end; ++i) {
          const std::uint64_t row = how.order == KeyOrder::any ? workload_.order()[i] : i;
          workload_.make_value(row, Version::first, value);
          session->put(Key::present(row), value);
        }
        session->commit();
        meter.lap(end - first);
      }
      meter.stop();
    }
    finish();
    return meter.measurement();
  }

  // The same for a bulk load.
  Measurement bulk_load() {
    start_over(Promise::durable);
    std::uint64_t row = 0;
    Key current = Key::present(0);
    std::string text;
    Meter meter;
    meter.start();
    engine_->bulk_load([&](std::string_view& key, std::string_view& value) {
      if (row == workload_.rows()) return false;
      current = Key::present(row);
      workload_.make_value(row++, Version::first, text);
      key = current.view();
      value = text;
      return true;
    });
    meter.lap(workload_.rows());
    meter.stop();
    finish();
    Measurement measurement = meter.measurement();
    measurement.p50_us = measurement.p99_us = 0;
    return measurement;
  }

  void check_file(Promise promise) {
    engine_->open(open_options(promise));
    check_scan(*engine_->session(), workload_, Direction::forward);
    engine_->close();
  }

  double open_once() {
    const std::uint64_t row = workload_.rows() / 2;
    std::string value;
    const Clock::time_point start = Clock::now();
    engine_->open(open_options(Promise::durable));
    std::unique_ptr<Session> session = engine_->session();
    const bool found = session->get(Key::present(row), value);
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    if (!found) throw BenchError("a key is missing after open");
    workload_.check_value(row, Version::first, value);
    session.reset();
    engine_->close();
    return seconds;
  }

  void run_reads() {
    options_.turn("open and scan once");
    Reads reads(*engine_, workload_, options_.seconds);
    const auto measure = [&](std::string_view name, auto&& work) {
      if (take_turn(name)) report(name, Promise::durable, work());
    };
    measure("get", [&] { return reads.get(1); });
    measure("get-2", [&] { return reads.get(2); });
    measure("get-missing", [&] { return reads.get_missing(); });
    measure("multi-get", [&] { return reads.multi_get(multi_get_keys); });
    measure("scan", [&] { return reads.scan(Direction::forward); });
    measure("scan-reverse", [&] { return reads.scan(Direction::reverse); });
    measure("range-100", [&] { return reads.scan_ranges(range_entries); });
  }

  template <class Fn>
  void for_each_file(Fn&& fn) const {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(options_.folder)) {
      if (!entry.is_regular_file()) continue;
      const int file = ::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC);
      if (file < 0) continue;
      fn(file);
      ::close(file);
    }
  }

  std::uint64_t allocated_bytes() const {
    std::uint64_t bytes = 0;
    for_each_file([&](int file) {
      struct stat state {};
      if (::fstat(file, &state) == 0) bytes += static_cast<std::uint64_t>(state.st_blocks) * 512;
    });
    return bytes;
  }

  const StageOptions& options_;
  const EngineKind& kind_;
  const Workload& workload_;
  const Report& report_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace

Tables tables_of(Stage stage) noexcept {
  return stage == Stage::import || stage == Stage::random ? Tables::all : Tables::none;
}

void run_stage(const StageOptions& options, const EngineKind& kind, const Workload& workload, const Report& report) {
  StageRun run(options, kind, workload, report);
  switch (options.stage) {
    case Stage::import: return run.run_imports();
    case Stage::random: return run.run_random();
    case Stage::open: return run.run_open();
    case Stage::larger_load: return run.load_larger();
    case Stage::larger: return run.run_larger();
  }
}

}  // namespace quire::bench
