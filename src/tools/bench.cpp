// Bench: see bench.hpp.
//
// The order of random work is made beforehand, so that only the database is measured. Work with a sync for every write
// takes as many rows as fit into its time; everything else takes all rows. What is read is compared. A claim stands
// only beside work of the same kind: a figure with a sync for each insert is none for batches.
#include "tools/bench.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "base/random.hpp"
#include "base/try.hpp"
#include "os/environment.hpp"
#include "os/program.hpp"
#include "os/terminal.hpp"
#include "quire/database.hpp"
#include "tools/amounts.hpp"
#include "tools/bench_claims.hpp"
#include "tools/row_table.hpp"

namespace quire::tools {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t default_rows = 100'000;
constexpr std::uint64_t batch_rows = 1'000;
constexpr std::uint64_t durable_time_us = 5'000'000;
constexpr std::uint64_t sync_time_us = 2'000'000;
constexpr std::uint64_t cache_time_us = 2'000'000;
constexpr std::uint64_t cache_row_time_us = 20;  // small runs, such as tests, are short
constexpr std::uint64_t check_rows = 64;  // between looks at the clock and the keyboard
constexpr std::size_t value_bytes = 100;
constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;
constexpr std::uint64_t cache_sizes[] = {1 * mebibyte, 2 * mebibyte, 4 * mebibyte, 8 * mebibyte, 16 * mebibyte, 64 * mebibyte};

std::string key_of(std::uint64_t row) { return fmt::format("key{:013}", row); }

std::string value_of(std::uint64_t row) {
  std::string value = fmt::format("value of row {} ", row);
  value.resize(value_bytes, '.');
  return value;
}

// The rows 0 to rows - 1 in a random order, the same one every time.
std::vector<std::uint64_t> shuffled(std::uint64_t rows) {
  std::vector<std::uint64_t> order(rows);
  std::iota(order.begin(), order.end(), std::uint64_t{0});
  Random(1).shuffle(order);
  return order;
}

struct Measurement {
  std::string name;
  std::uint64_t rows = 0;
  std::uint64_t time_us = 0;
  Claim claim;

  double rate() const { return static_cast<double>(rows) * 1e6 / static_cast<double>(std::max<std::uint64_t>(time_us, 1)); }
};

struct CacheMeasurement {
  std::uint64_t memory_bytes = 0;
  Measurement reads;
  double hit_rate = 0;
};

Status wrong_row(const std::string& key) { return Status(Code::corrupt, fmt::format("the row of {} is not what was written", key)); }

// How far a measurement may go.
class Limit {
 public:
  Limit(os::Clock& clock, std::uint64_t time_us) : clock_(clock), end_us_(time_us == 0 ? UINT64_MAX : clock.monotonic_us() + time_us) {}

  // False when the time is over; interrupted when someone pressed Ctrl-C.
  Result<bool> more(std::uint64_t row, bool look_now = false) {
    if (!look_now && row % check_rows != 0) return true;
    if (os::interrupt_requested()) return Status(Code::interrupted, "stopped");
    return clock_.monotonic_us() < end_us_;
  }

 private:
  os::Clock& clock_;
  std::uint64_t end_us_;
};

class Bench {
 public:
  Bench(std::string path, const BenchOptions& options, Printer& printer)
      : path_(std::move(path)), how_(options.options), rows_(options.rows == 0 ? default_rows : options.rows), order_(shuffled(rows_)), printer_(printer) {
    how_.mode = Mode::create;
  }

  Status run() {
    QUIRE_TRY(measure_work());
    QUIRE_TRY(measure_caches());
    print();
    return {};
  }

 private:
  using Work = std::function<Result<std::uint64_t>()>;

  Status measure_work() {
    QUIRE_ASSIGN(Database database, Database::open(path_, how_));
    database_ = &database;
    for (const char* name : {"single", "single_random", "random"}) QUIRE_TRY(database.create_keyspace(name));
    QUIRE_TRY(measure("4 KiB and a sync, no database", claims::none, [this] { return sync_alone(); }));
    QUIRE_TRY(measure("insert, in order, a sync each", claims::sequential_insert, [this] { return insert_singly("single", false); }));
    QUIRE_TRY(measure("insert, random, a sync each", claims::random_insert, [this] { return insert_singly("single_random", true); }));
    QUIRE_TRY(measure("insert, in order, 1000 a commit", claims::none, [this] { return insert("default", false); }));
    QUIRE_TRY(measure("insert, random, 1000 a commit", claims::none, [this] { return insert("random", true); }));
    QUIRE_TRY(measure("read, in order", claims::sequential_read, [this] { return read(false); }));
    QUIRE_TRY(measure("read, random", claims::none, [this] { return read(true); }));
    QUIRE_TRY(measure("read, key not there", claims::none, [this] { return read_missing(); }));
    QUIRE_TRY(measure("mixed 70/30, a sync each", claims::mixed, [this] { return mixed(1, durable_time_us); }));
    QUIRE_TRY(measure("mixed 70/30, 1000 a commit", claims::none, [this] { return mixed(batch_rows, 0); }));
    QUIRE_TRY(measure("traversal of all rows", claims::traversal, [this] { return traverse(); }));
    database_ = nullptr;
    return database.close();
  }

  Status measure(const char* name, const Claim& claim, const Work& work) {
    printer_.note(fmt::format("{} of {}: {} \u2026", measurements_.size() + 1, 11 + std::size(cache_sizes), name));
    const std::uint64_t start_us = clock_.monotonic_us();
    QUIRE_ASSIGN(const std::uint64_t rows, work());
    measurements_.push_back({name, rows, clock_.monotonic_us() - start_us, claim});
    return {};
  }

  // What the device allows: nothing that is durable one by one can be faster.
  Result<std::uint64_t> sync_alone() {
    const std::string path = path_ + ".sync";
    QUIRE_ASSIGN(const std::unique_ptr<os::File> file, os::system_environment().files.open(path, {.write = true, .create = true}));
    const std::vector<std::byte> block(4096, std::byte{1});
    Limit limit(clock_, sync_time_us);
    std::uint64_t i = 0;
    for (; i < rows_; ++i) {
      QUIRE_ASSIGN(const bool more, limit.more(i, true));
      if (!more) break;
      QUIRE_TRY(file->write_at(i % 256 * block.size(), block));
      QUIRE_TRY(file->sync());
    }
    return i;
  }

  Result<std::uint64_t> insert_singly(const char* name, bool random) {
    QUIRE_ASSIGN(Keyspace keyspace, database_->keyspace(name));
    Limit limit(clock_, durable_time_us);
    std::uint64_t i = 0;
    for (; i < rows_; ++i) {
      QUIRE_ASSIGN(const bool more, limit.more(i, true));
      if (!more) break;
      const std::uint64_t row = random ? order_[i] : i;
      QUIRE_TRY(keyspace.insert(key_of(row), value_of(row)));
    }
    return i;
  }

  Result<std::uint64_t> insert(const char* keyspace, bool random) {
    Limit limit(clock_, 0);
    for (std::uint64_t first = 0; first < rows_; first += batch_rows) {
      QUIRE_TRY(limit.more(first, true).status());
      const Status inserted = database_->update([&](Transaction& tx) -> Status {
        for (std::uint64_t i = first; i < std::min(first + batch_rows, rows_); ++i) {
          const std::uint64_t row = random ? order_[i] : i;
          QUIRE_TRY(tx.insert(keyspace, key_of(row), value_of(row)));
        }
        return {};
      });
      QUIRE_TRY(inserted);
    }
    return rows_;
  }

  Result<std::uint64_t> read(bool random) {
    Limit limit(clock_, 0);
    const Status viewed = database_->view([&](Transaction& tx) -> Status {
      std::string value;
      for (std::uint64_t i = 0; i < rows_; ++i) {
        QUIRE_TRY(limit.more(i).status());
        const std::uint64_t row = random ? order_[i] : i;
        QUIRE_TRY(tx.get("random", key_of(row), value));
        if (value.size() != value_bytes) return wrong_row(key_of(row));
      }
      return {};
    });
    QUIRE_TRY(viewed);
    return rows_;
  }

  Result<std::uint64_t> read_missing() {
    Limit limit(clock_, 0);
    const Status viewed = database_->view([&](Transaction& tx) -> Status {
      std::string value;
      for (std::uint64_t i = 0; i < rows_; ++i) {
        QUIRE_TRY(limit.more(i).status());
        const std::string key = key_of(order_[i]) + "-";
        const Status found = tx.get("random", key, value);
        if (found != Code::not_found) return found.ok() ? wrong_row(key) : found;
      }
      return {};
    });
    QUIRE_TRY(viewed);
    return rows_;
  }

  // `batch` operations a transaction; a write gives a row the value that it has already.
  Result<std::uint64_t> mixed(std::uint64_t batch, std::uint64_t time_us) {
    Random random(2);
    Limit limit(clock_, time_us);
    std::uint64_t done = 0;
    std::string value;
    while (done < rows_) {
      QUIRE_ASSIGN(const bool more, limit.more(done, batch > 1));
      if (!more) break;
      const auto operate = [&](Transaction& tx, bool write) -> Status {
        const std::uint64_t row = random.below(rows_);
        if (write) return tx.put("random", key_of(row), value_of(row));
        QUIRE_TRY(tx.get("random", key_of(row), value));
        return value == value_of(row) ? Status() : wrong_row(key_of(row));
      };
      const std::uint64_t count = std::min(batch, rows_ - done);
      const bool write = count > 1 || random.chance(3, 10);
      const auto work = [&](Transaction& tx) -> Status {
        for (std::uint64_t i = 0; i < count; ++i) QUIRE_TRY(operate(tx, count > 1 ? random.chance(3, 10) : write));
        return {};
      };
      QUIRE_TRY(write ? database_->update(work) : database_->view(work));
      done += count;
    }
    return done;
  }

  Result<std::uint64_t> traverse() {
    std::uint64_t count = 0;
    std::string before;
    Limit limit(clock_, 0);
    const Status viewed = database_->view([&](Transaction& tx) -> Status {
      Scan entries = tx.scan("default");
      for (const Entry& entry : entries) {
        QUIRE_TRY(limit.more(++count).status());
        if (entry.value.size() != value_bytes || entry.key <= before) return wrong_row(std::string(entry.key));
        before = entry.key;
      }
      return entries.status();
    });
    QUIRE_TRY(viewed);
    if (count != rows_) return Status(Code::corrupt, fmt::format("a traversal met {} rows of {}", count, rows_));
    return count;
  }

  // Random reads of one keyspace through memory of several sizes; a first round warms up.
  Status measure_caches() {
    const std::uint64_t limit_us = std::min(cache_time_us, rows_ * cache_row_time_us);
    for (const std::uint64_t bytes : cache_sizes) {
      printer_.note(fmt::format("{} of {}: random reads with {} of memory \u2026", measurements_.size() + caches_.size() + 1, measurements_.size() + std::size(cache_sizes),
                                byte_amount(bytes)));
      Options how = how_;
      how.mode = Mode::read_only;
      how.memory_limit = bytes;
      QUIRE_ASSIGN(Database database, Database::open(path_, how));
      QUIRE_TRY(read_for(database, limit_us / 2).status());
      QUIRE_ASSIGN(const Statistics before, database.statistics());
      const std::uint64_t start_us = clock_.monotonic_us();
      QUIRE_ASSIGN(const std::uint64_t rows, read_for(database, limit_us));
      const std::uint64_t time_us = clock_.monotonic_us() - start_us;
      QUIRE_ASSIGN(const Statistics after, database.statistics());
      const auto hits = static_cast<double>(after.page_hits - before.page_hits);
      const auto misses = static_cast<double>(after.page_misses - before.page_misses);
      caches_.push_back({bytes, {"random reads", rows, time_us, claims::none}, hits + misses == 0 ? 1 : hits / (hits + misses)});
      QUIRE_TRY(database.close());
    }
    return {};
  }

  Result<std::uint64_t> read_for(Database& database, std::uint64_t time_us) {
    Limit limit(clock_, time_us);
    Random random(3);
    std::uint64_t count = 0;
    const Status viewed = database.view([&](Transaction& tx) -> Status {
      std::string value;
      for (;; ++count) {
        QUIRE_ASSIGN(const bool more, limit.more(count));
        if (!more) return {};
        QUIRE_TRY(tx.get("random", key_of(random.below(rows_)), value));
        if (value.size() != value_bytes) return wrong_row("a random key");
      }
    });
    QUIRE_TRY(viewed);
    return count;
  }

  // ---- printing

  static std::string rate_text(double rate) { return group_digits(static_cast<std::uint64_t>(rate + 0.5)); }
  static std::string each_text(const Measurement& m) {
    const double us = 1e6 / std::max(m.rate(), 1e-6);
    return us < 1000 ? fmt::format("{:.2f} us", us) : fmt::format("{:.2f} ms", us / 1000);
  }
  static const CacheClaim* claim_for(std::uint64_t bytes) {
    for (const CacheClaim& claim : cache_claims) {
      if (claim.memory_bytes == bytes) return &claim;
    }
    return nullptr;
  }

  void print() const {
    if (printer_.json()) return print_json();
    if (!printer_.pretty()) return print_raw();
    // No wider than 80 columns: the names must be readable everywhere.
    RowTable table(printer_, {"measurement", "rows", "each", "rows/s", "claimed", "times"});
    for (const Measurement& m : measurements_) {
      const bool claimed = m.claim.rows_per_second > 0;
      table.add({{m.name}, {group_digits(m.rows), true}, {each_text(m), true}, {rate_text(m.rate()), true},
                 {claimed ? rate_text(m.claim.rows_per_second) : "", true},
                 {claimed ? fmt::format("{:.1f}", m.rate() / m.claim.rows_per_second) : "", true}});
    }
    table.finish();
    printer_.line("");
    RowTable caches(printer_, {"memory", "hit rate", "random reads/s", "claimed hits", "claimed/s"});
    for (const CacheMeasurement& c : caches_) {
      const CacheClaim* claim = claim_for(c.memory_bytes);
      caches.add({{byte_amount(c.memory_bytes), true}, {fmt::format("{:.1f} %", c.hit_rate * 100), true}, {rate_text(c.reads.rate()), true},
                  {claim != nullptr ? fmt::format("{:.0f} %", claim->hit_rate * 100) : "", true},
                  {claim != nullptr ? rate_text(claim->rows_per_second) : "", true}});
    }
    caches.finish();
    printer_.line("");
    printer_.line(fmt::format("{} of 16-byte keys and 100-byte values. Claimed by sharingan-db, on its own", count_of(rows_, "row")));
    printer_.line("machine; minidb, daemondb, gokv and storage-plan claim no speed. A commit syncs twice.");
  }

  void print_raw() const {
    for (const Measurement& m : measurements_) {
      printer_.line(fmt::format("{}\t{}\t{:.6f}\t{:.0f}\t{:.0f}\t{}", m.name, m.rows, static_cast<double>(m.time_us) / 1e6, m.rate(),
                                m.claim.rows_per_second, m.claim.document));
    }
    for (const CacheMeasurement& c : caches_) {
      printer_.line(fmt::format("random reads, {} bytes of memory\t{}\t{:.6f}\t{:.0f}\t\t\t{:.4f}", c.memory_bytes, c.reads.rows,
                                static_cast<double>(c.reads.time_us) / 1e6, c.reads.rate(), c.hit_rate));
    }
  }

  void print_json() const {
    Document list = Document::array();
    for (const Measurement& m : measurements_) {
      Document entry = {{"name", m.name}, {"rows", m.rows}, {"seconds", static_cast<double>(m.time_us) / 1e6}, {"rows_per_second", m.rate()}};
      if (m.claim.rows_per_second > 0) entry["claim"] = {{"document", m.claim.document}, {"rows_per_second", m.claim.rows_per_second}};
      list.push_back(std::move(entry));
    }
    Document caches = Document::array();
    for (const CacheMeasurement& c : caches_) {
      caches.push_back({{"memory_limit", c.memory_bytes}, {"hit_rate", c.hit_rate}, {"rows", c.reads.rows}, {"rows_per_second", c.reads.rate()}});
    }
    printer_.document({{"rows", rows_}, {"measurements", std::move(list)}, {"caches", std::move(caches)}});
  }

  std::string path_;
  Options how_;
  os::Clock& clock_ = os::system_environment().clock;
  std::uint64_t rows_;
  std::vector<std::uint64_t> order_;
  Printer& printer_;
  Database* database_ = nullptr;
  std::vector<Measurement> measurements_;
  std::vector<CacheMeasurement> caches_;
};

std::string directory_for(const BenchOptions& options) {
  if (!options.beside.empty()) return options.beside + ".bench";
  return fmt::format("{}/quire-bench-{:016x}", os::temporary_directory(), os::system_environment().entropy.next());
}

}  // namespace

Status run_bench(const BenchOptions& options, Printer& printer) {
  const std::string directory = directory_for(options);
  std::error_code error;
  const bool made = fs::create_directory(directory, error);
  if (error) return Status(Code::io, fmt::format("cannot make the directory '{}' to measure in: {}", directory, error.message()));
  if (!made) return Status(Code::exists, fmt::format("'{}', where the measurement would work, is there already; remove it first", directory));
  const os::InterruptScope interrupts;
  const Status status = Bench(directory + "/bench.qdb", options, printer).run();
  fs::remove_all(directory, error);
  if (!status.ok()) return status;
  if (error) return Status(Code::io, fmt::format("cannot remove '{}': {}", directory, error.message()));
  return {};
}

}  // namespace quire::tools
