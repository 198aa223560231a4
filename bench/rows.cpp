// The rows of the table: see rows.hpp.
#include "bench/rows.hpp"

#include <algorithm>

namespace quire::bench {

namespace {

constexpr Promise durable = Promise::durable;
constexpr Promise process = Promise::process;
constexpr Promise lazy = Promise::lazy;

Row import_row(std::string_view name, std::string_view title) {
  return {.name = name, .title = title, .counts = "rows/s", .stage = Stage::import, .promises = {durable, process}};
}

Row read_row(std::string_view name, std::string_view title, std::string_view counts, std::vector<Target> targets = {}) {
  return {.name = name,
          .title = title,
          .counts = counts,
          .stage = Stage::random,
          .reads = true,
          .quick = true,
          .targets = std::move(targets)};
}

void add_fills(std::vector<Row>& rows) {
  rows.push_back(import_row("import-batch", "sequential import, 1000 per transaction"));
  rows.push_back(import_row("import-one", "sequential import, one transaction"));
  rows.back().quick = true;
  rows.push_back({.name = "bulk-load",
                  .title = "bulk load of sorted keys, durable at the end",
                  .counts = "rows/s",
                  .stage = Stage::import,
                  .quick = true,
                  .promises = {durable},
                  .targets = {{.against = Against::lmdb, .factor = 1.0},
                              {.against = Against::own_row, .factor = 3.0, .row = "import-one"}}});
  rows.push_back({.name = "fill-random",
                  .title = "random-order fill, 1000 per transaction",
                  .counts = "rows/s",
                  .stage = Stage::random,
                  .quick = true,
                  .promises = {process},
                  .promises_full = {durable},
                  .targets = {{.against = Against::best_peer, .factor = 1.2, .promise = process}}});
  rows.push_back({.name = "fill-random-one",
                  .title = "random-order fill, one per transaction",
                  .counts = "rows/s",
                  .stage = Stage::commits,
                  .quick = true,
                  .promises = {process, lazy},
                  .targets = {{.against = Against::best_peer, .factor = 1.0, .promise = process},
                              {.against = Against::best_peer, .factor = 1.5, .promise = lazy}}});
  rows.push_back({.name = "file-bytes",
                  .title = "file after the random fill, closed",
                  .counts = "MB",
                  .stage = Stage::random,
                  .unit = Unit::bytes,
                  .quick = true,
                  .targets = {{.against = Against::bytes_per_row, .factor = 160}}});
}

void add_reads(std::vector<Row>& rows) {
  const auto lmdb = [](double factor) { return std::vector<Target>{{.against = Against::lmdb, .factor = factor}}; };
  const auto best = [](double factor) {
    return std::vector<Target>{{.against = Against::best_peer, .factor = factor}};
  };
  rows.push_back(read_row("get", "random get, 1 thread", "gets/s", lmdb(2.0)));
  rows.push_back(read_row("get-2", "random get, 2 threads", "gets/s", lmdb(2.0)));
  rows.push_back(read_row("get-missing", "get of missing keys, 1 thread", "gets/s", lmdb(1.5)));
  rows.push_back(read_row("multi-get", "multi_get of 64 keys, 1 thread", "keys/s",
                          {{.against = Against::own_row, .factor = 2.0, .row = "get"}}));
  rows.push_back(read_row("scan", "full scan forward", "entries/s", best(1.2)));
  rows.push_back(read_row("scan-reverse", "full scan reverse", "entries/s"));
  rows.push_back(read_row("range-100", "range scans of 100 entries", "scans/s", best(1.5)));
}

Row put_row(std::string_view name, std::string_view title, std::vector<Target> targets) {
  return {.name = name,
          .title = title,
          .counts = "puts/s",
          .stage = Stage::commits,
          .quick = true,
          .promises = {durable},
          .targets = std::move(targets)};
}

void add_commits(std::vector<Row>& rows) {
  rows.push_back(put_row("raw-sync", "no engine: append 200 bytes, fdatasync", {}));
  rows.push_back(put_row("put-one", "durable single put, 1 thread",
                         {{.against = Against::own_row, .factor = 0.9, .row = "raw-sync"},
                          {.against = Against::best_peer, .factor = 1.0}}));
  rows.push_back(put_row("put-one-cow", "durable single put, 1 thread, without a log",
                         {{.against = Against::lmdb, .factor = 1.0}}));
  rows.push_back(put_row("put-8", "durable single put, 8 threads", {{.against = Against::best_peer, .factor = 1.3}}));
  rows.push_back({.name = "latency",
                  .title = "p99.9 of single puts at full rate",
                  .counts = "ms",
                  .stage = Stage::latency,
                  .unit = Unit::tail,
                  .quick = true,
                  .promises = {durable, process},
                  .targets = {{.against = Against::own_median, .factor = 50},
                              {.against = Against::empty_seconds, .factor = 0},
                              {.against = Against::milliseconds, .factor = 10, .promise = process},
                              {.against = Against::empty_seconds, .factor = 0, .promise = process}}});
  for (const bool batch : {false, true}) {
    rows.push_back({.name = batch ? "write-bytes-batch" : "write-bytes",
                    .title = batch ? "bytes written per byte, 100 overwrites per transaction, small cache"
                                   : "bytes written per byte, single overwrites, small cache",
                    .counts = "bytes/byte",
                    .stage = Stage::small_cache,
                    .unit = Unit::bytes_per_byte,
                    .promises = {durable},
                    .targets = {{.against = Against::best_b_tree, .factor = 1.0}}});
  }
}

void add_opens(std::vector<Row>& rows) {
  rows.push_back({.name = "open",
                  .title = "open and first get",
                  .counts = "ms",
                  .stage = Stage::open,
                  .unit = Unit::milliseconds,
                  .quick = true,
                  .targets = {{.against = Against::milliseconds, .factor = 5}}});
  rows.push_back({.name = "recovery",
                  .title = "open and first get after a kill",
                  .counts = "ms",
                  .stage = Stage::recovery,
                  .unit = Unit::milliseconds,
                  .quick = true,
                  .promises = {process},
                  .targets = {{.against = Against::milliseconds, .factor = 1500, .promise = process}}});
  rows.push_back({.name = "replay",
                  .title = "puts before the kill, per second of that open",
                  .counts = "puts/s",
                  .stage = Stage::recovery,
                  .quick = true,
                  .promises = {process},
                  .targets = {{.against = Against::per_second, .factor = 500'000, .promise = process}}});
  rows.push_back({.name = "recovery-small-cache",
                  .title = "open and first get after a kill, small cache",
                  .counts = "ms",
                  .stage = Stage::recovery,
                  .unit = Unit::milliseconds,
                  .promises = {process}});
}

void add_larger(std::vector<Row>& rows) {
  for (const bool two : {false, true}) {
    rows.push_back(
        {.name = two ? "larger-get-2" : "larger-get",
         .title = two ? "larger than memory: random get, 2 threads" : "larger than memory: random get, 1 thread",
         .counts = "gets/s",
         .stage = Stage::larger,
         .targets = {{.against = Against::best_b_tree, .factor = 1.0}}});
  }
}

struct Pair {
  std::string_view name;
  std::string_view name_2;
  std::string_view title;
  std::string_view title_2;
  Target target;
};

// By one and by two threads.
void add_pair(std::vector<Row>& rows, const Pair& pair, std::string_view counts) {
  for (const bool two : {false, true}) {
    rows.push_back({.name = two ? pair.name_2 : pair.name,
                    .title = two ? pair.title_2 : pair.title,
                    .counts = counts,
                    .stage = Stage::mixed,
                    .promises = {process},
                    .targets = {pair.target}});
  }
}

void add_mixed(std::vector<Row>& rows) {
  const auto best = [](double factor) {
    return Target{.against = Against::best_peer, .factor = factor, .promise = process};
  };
  const Target locking{
      .against = Against::best_of, .factor = 1.5, .promise = process, .columns = {"rocksdb", "wiredtiger"}};
  const Pair ycsb[] = {
      {"ycsb-a", "ycsb-a-2", "YCSB A, 50 % updates, 1 thread", "YCSB A, 50 % updates, 2 threads", best(1.3)},
      {"ycsb-b", "ycsb-b-2", "YCSB B, 5 % updates, 1 thread", "YCSB B, 5 % updates, 2 threads", best(1.1)},
      {"ycsb-c", "ycsb-c-2", "YCSB C, gets only, 1 thread", "YCSB C, gets only, 2 threads", best(1.1)},
      {"ycsb-d", "ycsb-d-2", "YCSB D, gets of new rows, 5 % inserts, 1 thread",
       "YCSB D, gets of new rows, 5 % inserts, 2 threads", Target{}},
      {"ycsb-e", "ycsb-e-2", "YCSB E, scans of 1 to 100, 5 % inserts, 1 thread",
       "YCSB E, scans of 1 to 100, 5 % inserts, 2 threads", best(1.3)},
      {"ycsb-f", "ycsb-f-2", "YCSB F, 50 % read-modify-writes, 1 thread", "YCSB F, 50 % read-modify-writes, 2 threads",
       best(1.3)},
  };
  for (const Pair& pair : ycsb) add_pair(rows, pair, "operations/s");
  add_pair(rows,
           {"serializable-4r4w", "serializable-4r4w-2", "serializable, 4 gets and 4 puts, 1 thread",
            "serializable, 4 gets and 4 puts, 2 threads", locking},
           "transactions/s");
  for (const bool two : {false, true}) {
    rows.push_back(
        {.name = two ? "two-writers" : "one-writer",
         .title = two ? "single puts of different rows, 2 threads" : "single puts of different rows, 1 thread",
         .counts = "puts/s",
         .stage = Stage::commits,
         .promises = {process, lazy}});
  }
  rows.back().targets = {{.against = Against::own_row, .factor = 1.6, .row = "one-writer", .promise = lazy}};
}

std::vector<Row> make_rows() {
  std::vector<Row> rows;
  add_fills(rows);
  add_reads(rows);
  add_commits(rows);
  add_mixed(rows);
  add_opens(rows);
  add_larger(rows);
  return rows;
}

}  // namespace

const std::vector<Row>& all_rows() {
  static const std::vector<Row> rows = make_rows();
  return rows;
}

const Row* find_row(std::string_view name) {
  const std::vector<Row>& rows = all_rows();
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const Row& row) { return row.name == name; });
  return found == rows.end() ? nullptr : &*found;
}

}  // namespace quire::bench
