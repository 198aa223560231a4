// The rows of the table: see rows.hpp.
//
// What a file holds after each fill is checked by a scan that is not measured; it also warms the caches before the
// reading rows. Reads run on a database that was filled, closed and opened again.
#include "bench/rows.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "bench/reads.hpp"

namespace quire::bench {

namespace {

constexpr std::uint64_t batch_rows = 1000;

constexpr Row import_batch{
    "import-batch", "sequential import, 1000 per transaction", "rows/s", Stage::import, Unit::per_second, true};
constexpr Row import_one{"import-one", "sequential import, one transaction", "rows/s", Stage::import, Unit::per_second,
                         true};
constexpr Row fill_random{
    "fill-random", "random-order fill, 1000 per transaction", "rows/s", Stage::random, Unit::per_second, true};
constexpr Row get{"get", "random get, 1 thread", "gets/s", Stage::random, Unit::per_second, false, true};
constexpr Row get_2{"get-2", "random get, 2 threads", "gets/s", Stage::random, Unit::per_second, false, true};
constexpr Row get_missing{
    "get-missing", "get of missing keys, 1 thread", "gets/s", Stage::random, Unit::per_second, false, true};
constexpr Row scan{"scan", "full scan forward", "entries/s", Stage::random, Unit::per_second, false, true};
constexpr Row scan_reverse{
    "scan-reverse", "full scan reverse", "entries/s", Stage::random, Unit::per_second, false, true};
constexpr Row range_100{"range-100", "range scans of 100 entries", "scans/s", Stage::random, Unit::per_second, false,
                        true};
constexpr Row put_one{"put-one", "durable single put, 1 thread", "puts/s", Stage::random};
constexpr Row file_bytes{"file-bytes", "file after the random fill, closed", "MB", Stage::random, Unit::bytes};

class StageRun {
 public:
  StageRun(const StageOptions& options, const EngineKind& kind, const Workload& workload, const Report& report)
      : options_(options), kind_(kind), workload_(workload), report_(report), engine_(kind.make()) {}

  void run_imports() {
    for (const Row& row : {import_batch, import_one}) {
      if (!wanted(row)) continue;
      const std::uint64_t rows = row.name == import_one.name ? workload_.rows() : batch_rows;
      for (const Promise promise : kind_.promises) {
        report_(row, promise, fill({promise, KeyOrder::ascending, rows}));
        check_file(promise);
      }
    }
  }

  void run_random() {
    const Promise last = kind_.promises.back();
    for (const Promise promise : kind_.promises) {
      if (!wanted(fill_random) && promise != last) continue;
      const Measurement filled = fill({promise, KeyOrder::any, batch_rows});
      if (wanted(fill_random)) report_(fill_random, promise, filled);
    }
    if (wanted(file_bytes)) report_(file_bytes, Promise::durable, {.operations = allocated_bytes()});
    engine_->open(options_.folder, last);
    run_reads();
    engine_->close();
    if (!wanted(put_one)) return;
    engine_->open(options_.folder, Promise::durable);
    report_(put_one, Promise::durable, put_singly(*engine_, workload_, options_.seconds_max_puts));
    engine_->close();
  }

 private:
  struct Fill {
    Promise promise;
    KeyOrder order;
    std::uint64_t rows_per_transaction;
  };

  bool wanted(const Row& row) const {
    return std::find(options_.rows.begin(), options_.rows.end(), row.name) != options_.rows.end();
  }

  // Fills a fresh database and closes it; the time ends with the last commit.
  Measurement fill(const Fill& how) {
    for (const auto& entry : std::filesystem::directory_iterator(options_.folder)) std::filesystem::remove_all(entry);
    engine_->open(options_.folder, how.promise);
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
    engine_->close();
    settle();
    return meter.measurement();
  }

  // Without this, what a fill without syncs left to the system would be written while the next rows run.
  void settle() const {
    for (const auto& entry : std::filesystem::directory_iterator(options_.folder)) {
      const int file = ::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC);
      if (file < 0) continue;
      ::fsync(file);
      ::close(file);
    }
  }

  void check_file(Promise promise) {
    engine_->open(options_.folder, promise);
    check_scan(*engine_->session(), workload_, Direction::forward);
    engine_->close();
  }

  void run_reads() {
    Reads reads(*engine_, workload_, options_.seconds_min);
    if (wanted(get)) report_(get, Promise::durable, reads.get(1));
    if (wanted(get_2)) report_(get_2, Promise::durable, reads.get(2));
    if (wanted(get_missing)) report_(get_missing, Promise::durable, reads.get_missing());
    if (wanted(scan)) report_(scan, Promise::durable, reads.scan(Direction::forward));
    if (wanted(scan_reverse)) report_(scan_reverse, Promise::durable, reads.scan(Direction::reverse));
    if (wanted(range_100)) report_(range_100, Promise::durable, reads.scan_ranges(100));
  }

  std::uint64_t allocated_bytes() const {
    std::uint64_t bytes = 0;
    for (const auto& entry : std::filesystem::directory_iterator(options_.folder)) {
      struct stat state {};
      if (::stat(entry.path().c_str(), &state) == 0) bytes += static_cast<std::uint64_t>(state.st_blocks) * 512;
    }
    return bytes;
  }

  const StageOptions& options_;
  const EngineKind& kind_;
  const Workload& workload_;
  const Report& report_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace

const std::vector<Row>& all_rows() {
  static const std::vector<Row> rows{import_batch, import_one,   fill_random, get,     get_2,     get_missing,
                                     scan,         scan_reverse, range_100,   put_one, file_bytes};
  return rows;
}

const Row* find_row(std::string_view name) {
  const std::vector<Row>& rows = all_rows();
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const Row& row) { return row.name == name; });
  return found == rows.end() ? nullptr : &*found;
}

void run_stage(const StageOptions& options, const EngineKind& kind, const Workload& workload, const Report& report) {
  StageRun run(options, kind, workload, report);
  if (options.stage == Stage::import) {
    run.run_imports();
  } else {
    run.run_random();
  }
}

}  // namespace quire::bench
