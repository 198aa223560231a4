// quire_bench: Quire beside other embedded engines, on this machine, with the same keys.
//
// Exit codes: 0 every number is there, 1 an engine failed or gave a wrong answer, 64 wrong usage.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>

#include "bench/report.hpp"
#include "bench/runner.hpp"

namespace quire::bench {

namespace {

constexpr std::uint64_t default_rows = 1'000'000;
constexpr std::uint64_t full_open_rows = 10'000'000;
constexpr int usage_code = 64;

struct Invocation {
  RunOptions run;
  std::vector<std::string> engines;
  std::string json;  // a file for the document
  std::string keep;  // a folder for documents named after the time
  double latency_seconds = 0;
  bool quick = false;
  bool full = false;
  bool markdown = false;
};

std::string names_of_rows() {
  std::string names;
  for (const Row& row : all_rows()) names += (names.empty() ? "" : ",") + std::string(row.name);
  return names;
}

std::string names_of_engines() {
  std::string names;
  for (const std::string& name : engine_columns()) names += (names.empty() ? "" : ",") + name;
  return names;
}

std::vector<std::string> quire_columns() {
  std::vector<std::string> names;
  for (const EngineKind& kind : quire_kinds()) names.push_back(kind.column);
  return names;
}

void add_options(CLI::App& app, Invocation& invocation) {
  RunOptions& run = invocation.run;
  app.add_flag("--quick", invocation.quick,
               "rows that have targets and their like, under five minutes (default); sizes for --rows too");
  app.add_flag("--full", invocation.full, "all rows but those of --larger-than-memory, and engines' own settings too")
      ->excludes("--quick");
  app.add_option("--larger-than-memory", run.larger_count,
                 "only the rows of a database of so many rows (20000000) that does not fit into memory; needs root")
      ->check(CLI::Range(1, 1'000'000'000));
  app.add_option("--rows", run.rows, "which of: " + names_of_rows() + "; ycsb stands for all of ycsb-...")
      ->delimiter(',');
  app.add_option("--engines", invocation.engines,
                 "which of: " + names_of_engines() +
                     " (all that were built in), quire-4k to quire-64k for page sizes, quire-cow without a log")
      ->delimiter(',');
  app.add_option("--n", run.count, "rows in a database (1000000)")->check(CLI::Range(1, 1'000'000'000));
  app.add_option("--open-n", run.open_count, "rows of the database to open (--n; 10000000 with --full)")
      ->check(CLI::Range(1, 1'000'000'000));
  app.add_option("--operations", run.operations,
                 "of each thread in the rows ycsb-..., one-writer, two-writers and serializable-4r4w (200000; 1000000 "
                 "with --full), fewer where one does more")
      ->check(CLI::Range(1, 1'000'000'000));
  app.add_option("--cache-mib", run.cache_mib,
                 "cache of every engine that has one (1024), but for rows with a small one")
      ->check(CLI::Range(8, 1 << 20));
  app.add_option("--latency-seconds", invocation.latency_seconds,
                 "of each promise of the row latency (5; 60 with --full)")
      ->check(CLI::Range(0.1, 86'400.0));
  app.add_option("--repeat", run.repeats, "runs of everything; the table shows medians")->check(CLI::Range(1, 100));
  app.add_option("--json", invocation.json, "write all numbers into this file");
  app.add_option("--keep", invocation.keep, "write all numbers into a file of this folder, named after the time");
  app.add_flag("--markdown", invocation.markdown, "print the table for a document");
  app.add_flag("--cpu-time", run.cpu_time, "count gets and scans by processor time, for a machine that is busy");
  app.add_option("--dir", run.folder, "folder on the disk to measure (default: that of --keep, else a temporary one)");
}

bool contains(const std::vector<std::string>& list, const std::string& name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

std::vector<std::string> default_names(const Invocation& invocation) {
  std::vector<std::string> names;
  for (const Row& row : all_rows()) {
    const bool larger = row.stage == Stage::larger;
    if (larger != (invocation.run.larger_count > 0)) continue;
    if (larger || invocation.full || row.quick) names.emplace_back(row.name);
  }
  return names;
}

// A name that no row has stands for all rows whose names begin with it and a dash.
std::vector<std::string> expand(const std::vector<std::string>& names) {
  std::vector<std::string> all;
  for (const std::string& name : names) {
    const std::size_t before = all.size();
    for (const Row& row : all_rows()) {
      if (find_row(name) == nullptr && row.name.starts_with(name + "-")) all.emplace_back(row.name);
    }
    if (all.size() == before) all.push_back(name);
  }
  return all;
}

// Fills in defaults; the text of what is wrong, or nothing.
std::string complete(Invocation& invocation) {
  RunOptions& run = invocation.run;
  if (run.open_count == 0) run.open_count = invocation.full && run.count == 0 ? full_open_rows : run.count;
  if (run.count == 0) run.count = default_rows;
  if (run.open_count == 0) run.open_count = run.count;
  if (run.operations == 0) run.operations = run.count < 10'000 ? run.count : invocation.full ? 1'000'000 : 200'000;
  if (run.cache_mib == 0) run.cache_mib = default_cache_bytes >> 20;
  if (run.rows.empty()) run.rows = default_names(invocation);
  run.rows = expand(run.rows);
  for (const std::string& name : run.rows) {
    const Row* row = find_row(name);
    if (row == nullptr) return fmt::format("no row '{}'; the rows are {}", name, names_of_rows());
    if (row->stage == Stage::larger && run.larger_count == 0)
      return fmt::format("the row '{}' needs --larger-than-memory", name);
  }
  for (const std::string& name : invocation.engines) {
    if (!contains(engine_columns(), name) && !contains(quire_columns(), name)) {
      return fmt::format("no engine '{}'; there are {}", name, names_of_engines());
    }
  }
  // A pass over a small database says nothing about speed; it is there to see that the program works.
  run.full = invocation.full;
  if (run.count >= 10'000) {
    run.seconds.reads = {0.5, 3};
  } else {
    run.seconds.put = 0.05;
  }
  if (run.full) run.seconds.fill_max = 30;
  if (run.full) run.seconds.mixed_max = 10;
  run.seconds.latency = invocation.latency_seconds;
  if (run.seconds.latency == 0) run.seconds.latency = run.count < 10'000 ? 0.2 : invocation.full ? 60 : 5;
  run.seconds.larger = run.larger_count < 1'000'000 ? 0.2 : 10;
  if (run.folder.empty())
    run.folder = invocation.keep.empty() ? std::filesystem::temp_directory_path().string() : invocation.keep;
  return {};
}

std::vector<EngineKind> chosen_kinds(const Invocation& invocation) {
  std::vector<EngineKind> chosen;
  const std::vector<std::string>& wanted = invocation.engines.empty() ? engine_columns() : invocation.engines;
  std::vector<EngineKind> kinds = engine_kinds();
  for (const std::string& name : wanted) {
    const bool built =
        std::any_of(kinds.begin(), kinds.end(), [&](const EngineKind& kind) { return kind.column == name; });
    if (!built) fmt::print("{}: skipped, its library was not found when this program was built\n", name);
  }
  for (EngineKind& kind : kinds) {
    const bool in_time = invocation.full || kind.part != Part::full;
    if (contains(wanted, kind.column) && in_time) chosen.push_back(std::move(kind));
  }
  return chosen;
}

// A folder of its own inside `folder`, gone when this is.
class WorkFolder {
 public:
  explicit WorkFolder(const std::string& folder) {
    std::filesystem::create_directories(folder);
    path_ = std::filesystem::absolute(folder) / "quire-bench.XXXXXX";
    if (::mkdtemp(path_.data()) == nullptr) throw BenchError("cannot make a folder in " + folder);
  }
  ~WorkFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;
  const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

void write_document(const nlohmann::ordered_json& document, const std::string& path) {
  std::ofstream file(path);
  file << document.dump(2) << "\n";
  if (!file.flush()) throw BenchError("cannot write " + path);
  fmt::print(stderr, "numbers in {}\n", path);
}

std::string name_after_time() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y%m%d-%H%M%S.json", &parts);
  return text;
}

int run(Invocation& invocation) {
  const std::vector<EngineKind> kinds = chosen_kinds(invocation);
  if (kinds.empty()) return 1;
  const std::string folder = invocation.run.folder;
  const WorkFolder work(folder);
  invocation.run.folder = work.path();
  const nlohmann::ordered_json machine = machine_facts(folder);
  const Results results = run_engines(invocation.run, kinds);
  const ReportInput input{invocation.run, kinds, results, machine};
  fmt::print("{}", make_table(input, invocation.markdown ? TableFormat::markdown : TableFormat::aligned));
  const nlohmann::ordered_json document = make_document(input);
  if (!invocation.json.empty()) write_document(document, invocation.json);
  if (!invocation.keep.empty()) write_document(document, invocation.keep + "/" + name_after_time());
  return results.errors().empty() ? 0 : 1;
}

int main_of(int count, char** arguments) {
  CLI::App app("Measures Quire beside other embedded engines. Every answer is checked; a wrong one is an error.");
  Invocation invocation;
  add_options(app, invocation);
  try {
    app.parse(count, arguments);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : usage_code;
  }
  const std::string problem = complete(invocation);
  if (!problem.empty()) {
    fmt::print(stderr, "error: {}\n", problem);
    return usage_code;
  }
  try {
    return run(invocation);
  } catch (const std::exception& failure) {
    fmt::print(stderr, "error: {}\n", failure.what());
    return 1;
  }
}

}  // namespace

}  // namespace quire::bench

int main(int count, char** arguments) { return quire::bench::main_of(count, arguments); }
