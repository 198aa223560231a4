// The table and the document: see report.hpp.
//
// A line of the table has one promise. An engine that has no number of it stands there with one of a stronger promise, in
// brackets that name it, so that nobody takes the two for the same thing.
#include "bench/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "bench/comparison.hpp"

namespace quire::bench {

namespace {

using Json = nlohmann::ordered_json;

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

std::string text_of(const Cell& cell, const Row& row, bool with_latency) {
  const std::string mark = cell.kind->name != cell.kind->column ? "*" : "";
  const Measurement& m = *cell.median;
  switch (row.unit) {
    case Unit::bytes: return fmt::format("{:.1f}{}", cell.number / 1e6, mark);
    case Unit::bytes_per_byte: return fmt::format("{:.1f}{}", cell.number, mark);
    case Unit::milliseconds: return fmt::format("{:.2f}{}", cell.number, mark);
    case Unit::tail:
      return fmt::format("{:.2f}{} ({} / {}, max {}, {}/s, {} s empty)", cell.number, mark, latency(m.p50_us),
                         latency(m.p99_us), latency(m.max_us), amount(m.per_second()), m.empty_seconds);
    case Unit::per_second: break;
  }
  std::string text = amount(cell.number) + mark;
  if (!with_latency || m.p50_us <= 0) return text;
  const std::string retries = m.retries > 0 ? fmt::format(", {} retries", m.retries) : "";
  return text + fmt::format(" ({} / {}{})", latency(m.p50_us), latency(m.p99_us), retries);
}

class Table {
 public:
  Table(const Comparison& comparison, TableFormat format) : comparison_(comparison), format_(format) {
    std::vector<std::string> head{"row", "counts", "promise"};
    head.insert(head.end(), comparison.columns().begin(), comparison.columns().end());
    if (comparison.has_peers()) {
      for (const char* title : {": best peer", ": lmdb", "target, measured"}) head.emplace_back(title);
    }
    lines_.push_back(std::move(head));
    for (const Row& row : all_rows()) {
      for (const Promise promise : all_promises) add_line(row, promise);
    }
  }

  std::string text() const { return format_ == TableFormat::aligned ? align() : markdown(); }

 private:
  void add_line(const Row& row, Promise promise) {
    const std::vector<std::string>& columns = comparison_.columns();
    const bool any = std::any_of(columns.begin(), columns.end(), [&](const std::string& column) {
      return comparison_.cell(column, row, promise).kind != nullptr;
    });
    if (!any) return;
    std::vector<std::string> line{std::string(row.title), std::string(row.counts),
                                  row.promises.empty() ? "-" : std::string(promise_name(promise))};
    for (const std::string& column : columns) line.push_back(cell_text(column, row, promise));
    if (comparison_.has_peers()) {
      const bool same_promise = comparison_.cell("quire", row, promise).kind != nullptr;
      const auto best = comparison_.to_best_peer(row, promise);
      const auto lmdb = comparison_.to("lmdb", row, promise);
      line.push_back(ratio_text(best ? fmt::format("{:.2f} {}", best->times, best->other) : "", same_promise));
      line.push_back(ratio_text(lmdb ? fmt::format("{:.2f}", lmdb->times) : "", same_promise));
      line.push_back(verdict_text(row, promise));
    }
    lines_.push_back(std::move(line));
  }

  std::string cell_text(const std::string& column, const Row& row, Promise promise) const {
    const Cell cell = comparison_.cell_or_stronger(column, row, promise);
    if (cell.kind == nullptr) return "-";
    if (cell.promise == promise) return text_of(cell, row, true);
    return fmt::format("[{} {}]", text_of(cell, row, false), promise_name(cell.promise));
  }

  static std::string ratio_text(const std::string& ratio, bool same_promise) {
    if (ratio.empty()) return "-";
    return same_promise ? ratio : "[" + ratio + "]";
  }

  std::string verdict_text(const Row& row, Promise promise) const {
    std::string text;
    for (const Verdict& verdict : comparison_.verdicts(row, promise)) {
      if (!text.empty()) text += "; ";
      text += fmt::format("{}: {:.2f} {}", verdict.wanted, verdict.measured, verdict.met ? "met" : "missed");
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

  std::string markdown() const {
    std::string text;
    for (const auto& line : lines_) {
      for (const std::string& cell : line) text += "| " + cell + " ";
      text += "|\n";
      if (&line != &lines_.front()) continue;
      for (std::size_t i = 0; i < line.size(); ++i) text += "|---";
      text += "|\n";
    }
    return text;
  }

  const Comparison& comparison_;
  TableFormat format_;
  std::vector<std::vector<std::string>> lines_;
};

Json run_document(const Measurement& m, const Row& row) {
  if (row.unit == Unit::bytes) return {{"bytes", m.operations}};
  if (row.unit == Unit::milliseconds) return {{"milliseconds", number_of(m, row)}};
  Json document{{"per_second", m.per_second()}, {"operations", m.operations}, {"seconds", m.seconds},
                {"p50_us", m.p50_us},           {"p99_us", m.p99_us},         {"cpu_seconds", m.cpu_seconds}};
  if (row.stage == Stage::mixed) document["retries"] = m.retries;
  if (row.unit == Unit::tail) {
    document.update({{"p999_us", m.p999_us}, {"max_us", m.max_us}, {"empty_seconds", m.empty_seconds}});
  }
  if (row.unit == Unit::bytes_per_byte) {
    document.update({{"bytes_per_byte", number_of(m, row)}, {"written_bytes", m.written_bytes}});
  }
  return document;
}

std::string machine_text(const Json& m) {
  return fmt::format("Quire {}, {}; {}, {} cores, {} GiB memory, {}; load {} at the start\n",
                     m["quire"].get<std::string>(), m["compiler"].get<std::string>(), m["processor"].get<std::string>(),
                     m["cores"].get<int>(), m["memory_gib"].get<double>(), m["file_system"].get<std::string>(),
                     m["load_at_start"].get<double>());
}

std::string data_text(const RunOptions& options) {
  const auto asked_for = [&](Stage stage) {
    return std::any_of(options.rows.begin(), options.rows.end(),
                       [&](const std::string& name) { return find_row(name)->stage == stage; });
  };
  std::string text;
  constexpr std::array of_count{Stage::import,   Stage::random,      Stage::commits, Stage::latency,
                                Stage::recovery, Stage::small_cache, Stage::mixed};
  if (std::any_of(of_count.begin(), of_count.end(), asked_for)) text += fmt::format("{} rows", options.count);
  if (asked_for(Stage::open)) text += fmt::format("{}{} rows to open", text.empty() ? "" : ", ", options.open_count);
  if (asked_for(Stage::larger)) {
    text += fmt::format("{}{} rows larger than memory (512 MiB, engine caches 256 MiB)", text.empty() ? "" : ", ",
                        options.larger_count);
  }
  text += fmt::format("; keys of {} bytes, values of {} bytes; ", key_bytes, value_bytes);
  return text + (options.repeats > 1 ? fmt::format("medians of {} runs\n", options.repeats) : "one run\n");
}

}  // namespace

std::string make_table(const ReportInput& input, TableFormat format) {
  const Comparison comparison(input.options, input.kinds, input.results);
  const std::string gap = format == TableFormat::markdown ? "\n" : "";
  std::string text = machine_text(input.machine) + gap + data_text(input.options);
  if (format == TableFormat::aligned) {
    for (const EngineKind& kind : input.kinds)
      text += fmt::format("{} {}: {}\n", kind.name, kind.version, kind.settings);
  }
  text += "\n" + Table(comparison, format).text();
  if (format == TableFormat::aligned) {
    text +=
        "\n(p50 / p99 in microseconds, per transaction for fills, per call for multi_get; ms where it says so)   * "
        "with another\nof the engine's settings, where it was faster. Ratios are above 1 where Quire is better. "
        "Durable: survives the loss of power.\nProcess: survives the end of the process only. Lazy: may lose the last "
        "10 ms or so even then. [...]: a number with a\nstronger promise, for want of one with this.\n";
  }
  if (input.options.cpu_time) text += gap + "Gets and scans are counted per second of processor time (--cpu-time).\n";
  for (const std::string& note : input.results.notes()) text += gap + note + "\n";
  for (const std::string& error : input.results.errors()) text += gap + "error: " + error + "\n";
  return text;
}

Json make_document(const ReportInput& input) {
  const RunOptions& options = input.options;
  Json document{{"machine", input.machine},
                {"rows", options.count},
                {"rows_to_open", options.open_count},
                {"rows_larger_than_memory", options.larger_count},
                {"operations", options.operations},
                {"repeats", options.repeats},
                {"engines", Json::array()},
                {"results", Json::array()},
                {"ratios", Json::array()},
                {"targets", Json::array()},
                {"notes", input.results.notes()},
                {"errors", input.results.errors()}};
  for (const EngineKind& kind : input.kinds) {
    document["engines"].push_back({{"name", kind.name}, {"version", kind.version}, {"settings", kind.settings}});
  }
  const Comparison comparison(options, input.kinds, input.results);
  for (const Row& row : all_rows()) {
    for (const Promise promise : all_promises) {
      bool any = false;
      for (const EngineKind& kind : input.kinds) {
        const std::vector<Measurement>& runs = input.results.runs(kind.name, std::string(row.name), promise);
        if (runs.empty()) continue;
        any = true;
        Json entry{
            {"row", row.name}, {"engine", kind.name}, {"promise", promise_name(promise)}, {"counts", row.counts}};
        entry["median"] = run_document(median_of(runs, row), row);
        for (const Measurement& run : runs) entry["runs"].push_back(run_document(run, row));
        document["results"].push_back(std::move(entry));
      }
      const auto best = any ? comparison.to_best_peer(row, promise) : std::nullopt;
      if (best) {
        Json entry{{"row", row.name}, {"promise", promise_name(promise)}, {"ratio", best->times}};
        entry["best_peer"] = best->other;
        if (const auto lmdb = comparison.to("lmdb", row, promise)) entry["to_lmdb"] = lmdb->times;
        document["ratios"].push_back(std::move(entry));
      }
    }
    for (const Promise promise : all_promises) {
      for (const Verdict& verdict : comparison.verdicts(row, promise)) {
        document["targets"].push_back({{"row", row.name},
                                       {"promise", promise_name(promise)},
                                       {"wanted", verdict.wanted},
                                       {"measured", verdict.measured},
                                       {"met", verdict.met}});
      }
    }
  }
  return document;
}

}  // namespace quire::bench
