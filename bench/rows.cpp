// The rows of the table: see rows.hpp.
#include "bench/rows.hpp"

#include <algorithm>

namespace quire::bench {

namespace {

Row import_row(std::string_view name, std::string_view title) {
  return {.name = name, .title = title, .counts = "rows/s", .stage = Stage::import, .writes = true};
}

Row read_row(std::string_view name, std::string_view title, std::string_view counts, Target target = {}) {
  return {.name = name,
          .title = title,
          .counts = counts,
          .stage = Stage::random,
          .reads = true,
          .quick = true,
          .targets = {target}};
}

std::vector<Row> make_rows() {
  std::vector<Row> rows{import_row("import-batch", "sequential import, 1000 per transaction"),
                        import_row("import-one", "sequential import, one transaction")};
  rows.back().quick = true;
  rows.push_back({.name = "bulk-load",
                  .title = "bulk load of sorted keys, durable at the end",
                  .counts = "rows/s",
                  .stage = Stage::import,
                  .quick = true,
                  .targets = {Target{Against::lmdb, 1.0, {}}, Target{Against::own_row, 3.0, "import-one"}}});
  rows.push_back({.name = "fill-random",
                  .title = "random-order fill, 1000 per transaction",
                  .counts = "rows/s",
                  .stage = Stage::random,
                  .writes = true});
  rows.push_back({.name = "file-bytes",
                  .title = "file after the random fill, closed",
                  .counts = "MB",
                  .stage = Stage::random,
                  .unit = Unit::bytes,
                  .quick = true,
                  .targets = {Target{Against::bytes_per_row, 160, {}}}});
  rows.push_back(read_row("get", "random get, 1 thread", "gets/s", {Against::lmdb, 2.0, {}}));
  rows.push_back(read_row("get-2", "random get, 2 threads", "gets/s", {Against::lmdb, 2.0, {}}));
  rows.push_back(read_row("get-missing", "get of missing keys, 1 thread", "gets/s", {Against::lmdb, 1.5, {}}));
  rows.push_back(read_row("multi-get", "multi_get of 64 keys, 1 thread", "keys/s", {Against::own_row, 2.0, "get"}));
  rows.push_back(read_row("scan", "full scan forward", "entries/s", {Against::best_peer, 1.2, {}}));
  rows.push_back(read_row("scan-reverse", "full scan reverse", "entries/s"));
  rows.push_back(read_row("range-100", "range scans of 100 entries", "scans/s", {Against::best_peer, 1.5, {}}));
  rows.push_back({.name = "put-one",
                  .title = "durable single put, 1 thread",
                  .counts = "puts/s",
                  .stage = Stage::random,
                  .quick = true,
                  .targets = {Target{Against::lmdb, 1.0, {}}}});
  rows.push_back({.name = "open",
                  .title = "open and first get",
                  .counts = "ms",
                  .stage = Stage::open,
                  .unit = Unit::milliseconds,
                  .quick = true,
                  .targets = {Target{Against::milliseconds, 5, {}}}});
  for (const bool two : {false, true}) {
    rows.push_back(
        {.name = two ? "larger-get-2" : "larger-get",
         .title = two ? "larger than memory: random get, 2 threads" : "larger than memory: random get, 1 thread",
         .counts = "gets/s",
         .stage = Stage::larger,
         .targets = {Target{Against::best_b_tree, 1.0, {}}}});
  }
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
