// The table and the document: see report.hpp.
//
// A line of the table has one promise. Where peers also have a cheaper promise than Quire, a second line shows it; Quire's
// durable number stands there in brackets, so that nobody takes the two for the same thing.
#include "bench/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace quire::bench {

namespace {

using Json = nlohmann::ordered_json;

// The better of the kinds of one column.
struct Cell {
  const EngineKind* kind = nullptr;
  const Measurement* median = nullptr;
  double number = 0;
};

std::string amount(double number) {
  if (number >= 9.995e6) return fmt::format("{:.1f}M", number / 1e6);
  if (number >= 999.5e3) return fmt::format("{:.2f}M", number / 1e6);
  if (number >= 99.95e3) return fmt::format("{:.0f}k", number / 1e3);
  if (number >= 9.995e2) return fmt::format("{:.1f}k", number / 1e3);
  return fmt::format("{:.0f}", number);
}

std::string latency(double us) {
  if (us >= 99'950) return fmt::format("{:.0f}ms", us / 1e3);
  if (us >= 9'995) return fmt::format("{:.1f}ms", us / 1e3);
  if (us >= 99.95) return fmt::format("{:.0f}", us);
  if (us >= 9.995) return fmt::format("{:.1f}", us);
  return fmt::format("{:.2f}", us);
}

class Table {
 public:
  explicit Table(const ReportInput& input) : input_(input) {
    for (const EngineKind& kind : input.kinds) {
      if (std::find(columns_.begin(), columns_.end(), kind.column) == columns_.end()) columns_.push_back(kind.column);
    }
  }

  std::string print() {
    std::vector<std::string> head{"row", "counts", "promise"};
    head.insert(head.end(), columns_.begin(), columns_.end());
    if (compares()) head.push_back("Quire : best peer");
    lines_.push_back(std::move(head));
    for (const Row& row : all_rows()) {
      for (const Promise promise : {Promise::durable, Promise::no_sync}) add_line(row, promise);
    }
    return align();
  }

  Cell cell_of(const std::string& column, const Row& row, Promise promise) const {
    Cell best;
    for (const EngineKind& kind : input_.kinds) {
      if (kind.column != column) continue;
      const std::vector<Measurement>& runs = input_.results.runs(kind.name, std::string(row.name), promise);
      if (runs.empty()) continue;
      const Measurement& median = median_of(runs, row);
      const double number = number_of(median, row);
      if (best.kind == nullptr || is_better(number, best.number, row)) best = {&kind, &median, number};
    }
    return best;
  }

  // How many times better Quire is than the best peer, and that peer. Quire's number may be that of another promise.
  std::optional<std::pair<double, std::string>> ratio_of(const Row& row, Promise promise) const {
    const Cell own = quire_cell(row, promise);
    Cell best;
    for (const std::string& column : columns_) {
      const Cell cell = column == "quire" ? Cell{} : cell_of(column, row, promise);
      if (cell.kind != nullptr && (best.kind == nullptr || is_better(cell.number, best.number, row))) best = cell;
    }
    if (own.kind == nullptr || best.kind == nullptr || own.number <= 0 || best.number <= 0) return std::nullopt;
    return std::pair(row.unit == Unit::bytes ? best.number / own.number : own.number / best.number, best.kind->column);
  }

 private:
  bool compares() const { return columns_.size() > 1 && columns_.front() == "quire"; }

  Cell quire_cell(const Row& row, Promise promise) const {
    const Cell own = cell_of("quire", row, promise);
    return own.kind != nullptr ? own : cell_of("quire", row, Promise::durable);
  }

  void add_line(const Row& row, Promise promise) {
    const bool any = std::any_of(columns_.begin(), columns_.end(), [&](const std::string& column) {
      return cell_of(column, row, promise).kind != nullptr;
    });
    if (!any) return;
    const bool puts = row.writes || row.name == "put-one";
    std::vector<std::string> line{std::string(row.title), std::string(row.counts),
                                  puts ? std::string(promise_name(promise)) : "-"};
    bool same_promise = true;
    for (const std::string& column : columns_) {
      Cell cell = cell_of(column, row, promise);
      if (cell.kind == nullptr && column == "quire") {
        cell = quire_cell(row, promise);
        same_promise = false;
        line.push_back(cell.kind == nullptr ? "-" : fmt::format("[{} durable]", text_of(cell, row, false)));
      } else {
        line.push_back(cell.kind == nullptr ? "-" : text_of(cell, row, true));
      }
    }
    if (compares()) {
      const auto ratio = ratio_of(row, promise);
      const std::string text = ratio ? fmt::format("{:.2f} {}", ratio->first, ratio->second) : "-";
      line.push_back(same_promise || !ratio ? text : "[" + text + "]");
    }
    lines_.push_back(std::move(line));
  }

  static std::string text_of(const Cell& cell, const Row& row, bool with_latency) {
    if (row.unit == Unit::bytes) return fmt::format("{:.1f}", cell.number / 1e6);
    std::string text = amount(cell.number);
    if (cell.kind->name != cell.kind->column) text += "*";
    if (with_latency && cell.median->p50_us > 0) {
      text += fmt::format(" ({} / {})", latency(cell.median->p50_us), latency(cell.median->p99_us));
    }
    return text;
  }

  std::string align() const {
    std::vector<std::size_t> widths(lines_.front().size());
    for (const auto& line : lines_) {
      for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
    }
    std::string text;
    for (const auto& line : lines_) {
      std::string out;
      for (std::size_t i = 0; i < line.size(); ++i) out += fmt::format("{:<{}}  ", line[i], widths[i]);
      out.erase(out.find_last_not_of(' ') + 1);
      text += out + "\n";
    }
    return text;
  }

  const ReportInput& input_;
  std::vector<std::string> columns_;
  std::vector<std::vector<std::string>> lines_;
};

Json run_document(const Measurement& m, const Row& row) {
  if (row.unit == Unit::bytes) return {{"bytes", m.operations}};
  return {{"per_second", m.per_second()}, {"operations", m.operations}, {"seconds", m.seconds},
          {"p50_us", m.p50_us},           {"p99_us", m.p99_us},         {"cpu_seconds", m.cpu_seconds}};
}

}  // namespace

std::string make_table(const ReportInput& input) {
  const Json& m = input.machine;
  std::string text = fmt::format(
      "Quire {}, {}; {}, {} cores, {} GiB memory, {}; load {} at the start\n", m["quire"].get<std::string>(),
      m["compiler"].get<std::string>(), m["processor"].get<std::string>(), m["cores"].get<int>(),
      m["memory_gib"].get<double>(), m["file_system"].get<std::string>(), m["load_at_start"].get<double>());
  text += fmt::format("{} rows of {}-byte keys and {}-byte values; ", input.options.count, key_bytes, value_bytes);
  text += input.options.repeats > 1 ? fmt::format("medians of {} runs\n", input.options.repeats) : "one run\n";
  for (const EngineKind& kind : input.kinds) text += fmt::format("{} {}: {}\n", kind.name, kind.version, kind.settings);
  text += "\n" + Table(input).print();
  text +=
      "\n(p50 / p99 in microseconds, per transaction for fills; ms where it says so)   * with the engine's own "
      "settings, where they "
      "were faster\n"
      "The ratio is above 1 where Quire is better. Durable: survives the loss of power. No sync: survives the loss of "
      "the\n"
      "process only; Quire has no such commit, its durable number stands there in brackets.\n";
  if (input.options.cpu_time) text += "Gets and scans are counted per second of processor time (--cpu-time).\n";
  for (const std::string& error : input.results.errors()) text += "error: " + error + "\n";
  return text;
}

Json make_document(const ReportInput& input) {
  Json document{{"machine", input.machine},        {"rows", input.options.count}, {"repeats", input.options.repeats},
                {"engines", Json::array()},        {"results", Json::array()},    {"ratios", Json::array()},
                {"errors", input.results.errors()}};
  for (const EngineKind& kind : input.kinds) {
    document["engines"].push_back({{"name", kind.name}, {"version", kind.version}, {"settings", kind.settings}});
  }
  const Table table(input);
  for (const Row& row : all_rows()) {
    for (const Promise promise : {Promise::durable, Promise::no_sync}) {
      for (const EngineKind& kind : input.kinds) {
        const std::vector<Measurement>& runs = input.results.runs(kind.name, std::string(row.name), promise);
        if (runs.empty()) continue;
        Json entry{
            {"row", row.name}, {"engine", kind.name}, {"promise", promise_name(promise)}, {"counts", row.counts}};
        entry["median"] = run_document(median_of(runs, row), row);
        for (const Measurement& run : runs) entry["runs"].push_back(run_document(run, row));
        document["results"].push_back(std::move(entry));
      }
      const auto ratio = table.ratio_of(row, promise);
      if (ratio) {
        document["ratios"].push_back({{"row", row.name},
                                      {"promise", promise_name(promise)},
                                      {"ratio", ratio->first},
                                      {"best_peer", ratio->second}});
      }
    }
  }
  return document;
}

}  // namespace quire::bench
