// Bench: see bench.hpp.
//
// The order of random work is made beforehand, so that only the database is measured.
#include "tools/bench.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>
#include <vector>

#include "base/random.hpp"
#include "base/try.hpp"
#include "os/environment.hpp"
#include "quire/database.hpp"
#include "tools/amounts.hpp"
#include "tools/row_table.hpp"

namespace quire::tools {

namespace {

constexpr std::uint64_t default_rows = 200'000;
constexpr std::uint64_t batch_rows = 1'000;
constexpr std::uint64_t single_time_us = 1'000'000;
constexpr std::size_t value_bytes = 100;

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
};

class Bench {
 public:
  Bench(Database& database, std::uint64_t rows, Printer& printer)
      : database_(database), clock_(os::system_environment().clock), rows_(rows), order_(shuffled(rows)), printer_(printer) {}

  Status run() {
    QUIRE_TRY(database_.create_keyspace("random"));
    QUIRE_TRY(measure("insert, in order, 1000 a commit", [this] { return insert("default", false); }));
    QUIRE_TRY(measure("insert, random, 1000 a commit", [this] { return insert("random", true); }));
    QUIRE_TRY(measure("put, random, 1 a commit", [this] { return put_singly(); }));
    QUIRE_TRY(measure("get, random", [this] { return get_randomly(); }));
    return measure("scan, in order", [this] { return scan(); });
  }

  void print() const {
    if (printer_.json()) {
      Document list = Document::array();
      for (const Measurement& m : measurements_) {
        list.push_back({{"name", m.name}, {"rows", m.rows}, {"seconds", static_cast<double>(m.time_us) / 1e6}, {"rows_per_second", rate(m)}});
      }
      return printer_.document(list);
    }
    RowTable table(printer_, {"measurement", "rows", "time", "rows/s"});
    for (const Measurement& m : measurements_) {
      if (printer_.pretty()) {
        table.add({{m.name, false}, {group_digits(m.rows), true}, {time_amount(m.time_us), true}, {group_digits(rate(m)), true}});
      } else {
        printer_.line(fmt::format("{}\t{}\t{:.6f}\t{}", m.name, m.rows, static_cast<double>(m.time_us) / 1e6, rate(m)));
      }
    }
    table.finish();
  }

 private:
  static std::uint64_t rate(const Measurement& m) {
    return static_cast<std::uint64_t>(static_cast<double>(m.rows) * 1e6 / static_cast<double>(m.time_us == 0 ? 1 : m.time_us));
  }

  Status measure(const char* name, const std::function<Result<std::uint64_t>()>& work) {
    printer_.note(fmt::format("{} ...", name));
    const std::uint64_t start_us = clock_.monotonic_us();
    QUIRE_ASSIGN(const std::uint64_t rows, work());
    measurements_.push_back({name, rows, clock_.monotonic_us() - start_us});
    return {};
  }

  Result<std::uint64_t> insert(const char* keyspace, bool random) {
    for (std::uint64_t first = 0; first < rows_; first += batch_rows) {
      const Status inserted = database_.update([&](Transaction& tx) -> Status {
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

  // Durable one by one, for about a second.
  Result<std::uint64_t> put_singly() {
    QUIRE_ASSIGN(Keyspace keyspace, database_.keyspace("random"));
    const std::uint64_t end_us = clock_.monotonic_us() + single_time_us;
    std::uint64_t i = 0;
    for (; i < rows_ && clock_.monotonic_us() < end_us; ++i) QUIRE_TRY(keyspace.put(key_of(order_[i]), value_of(i)));
    return i;
  }

  Result<std::uint64_t> get_randomly() {
    const Status read = database_.view([&](Transaction& tx) -> Status {
      std::string value;
      for (std::uint64_t i = 0; i < rows_; ++i) QUIRE_TRY(tx.get("random", key_of(order_[i]), value));
      return {};
    });
    QUIRE_TRY(read);
    return rows_;
  }

  Result<std::uint64_t> scan() {
    std::uint64_t count = 0;
    QUIRE_TRY(database_.view([&](Transaction& tx) -> Status {
      Scan entries = tx.scan("default");
      for (const Entry& entry : entries) count += entry.value.size() == value_bytes ? 1 : 0;
      return entries.status();
    }));
    if (count != rows_) return Status(Code::corrupt, fmt::format("a scan met {} rows of {}", count, rows_));
    return count;
  }

  Database& database_;
  os::Clock& clock_;
  std::uint64_t rows_;
  std::vector<std::uint64_t> order_;
  Printer& printer_;
  std::vector<Measurement> measurements_;
};

Status bench_in(const std::string& path, const BenchOptions& options, Printer& printer) {
  Options how = options.options;
  how.mode = Mode::create;
  QUIRE_ASSIGN(Database database, Database::open(path, how));
  Bench bench(database, options.rows == 0 ? default_rows : options.rows, printer);
  QUIRE_TRY(bench.run());
  bench.print();
  return database.close();
}

}  // namespace

Status run_bench(const BenchOptions& options, Printer& printer) {
  os::FileSystem& files = os::system_environment().files;
  const std::string path = options.beside + ".bench";
  QUIRE_ASSIGN(const bool there, files.exists(path));
  if (there) return Status(Code::exists, fmt::format("'{}', where the measurement would work, is there already; remove it first", path));
  const Status status = bench_in(path, options, printer);
  const Status removed = files.remove(path);
  if (!status.ok()) return status;
  return removed;
}

}  // namespace quire::tools
