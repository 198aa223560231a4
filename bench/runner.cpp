// One process for each engine and stage: see runner.hpp.
//
// The processes of a stage live side by side, but one works at a time: a child says which piece of work comes next and
// waits for its turn, and the turns go round, so that the same row of all engines is measured within the same few
// seconds. Each repeat begins with another engine. A child writes one line of JSON per measurement, and one when it
// waits, into a pipe; a byte in the other direction lets it go on.
#include "bench/runner.hpp"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "bench/memory_group.hpp"

namespace quire::bench {

namespace {

using Json = nlohmann::json;

constexpr std::uint64_t larger_memory_bytes = std::uint64_t{512} << 20;

struct Pipe {
  int read_end = -1;
  int write_end = -1;
};

Pipe make_pipe() {
  int ends[2];
  if (::pipe(ends) != 0) throw BenchError("no pipe");
  return {ends[0], ends[1]};
}

// The child's side.
class Reporter {
 public:
  Reporter(int lines, int turns) : lines_(lines), turns_(turns) {}

  void write(const Json& line) const {
    const std::string text = line.dump() + "\n";
    for (std::size_t done = 0; done < text.size();) {
      const ssize_t count = ::write(lines_, text.data() + done, text.size() - done);
      if (count < 0) return;
      done += static_cast<std::size_t>(count);
    }
  }

  void wait_for_turn(std::string_view work) const {
    write({{"turn", work}});
    char byte = 0;
    if (::read(turns_, &byte, 1) != 1) ::_exit(1);
  }

 private:
  int lines_;
  int turns_;
};

int run_child(StageOptions& stage, std::uint64_t count, const EngineKind& kind, bool cpu_time, Reporter reporter) {
  stage.turn = [&](std::string_view work) { reporter.wait_for_turn(work); };
  try {
    const Workload workload(count, tables_of(stage.stage));
    run_stage(stage, kind, workload, [&](const Row& row, Promise promise, const Measurement& m) {
      reporter.write({{"row", row.name},
                      {"promise", static_cast<int>(promise)},
                      {"operations", m.operations},
                      {"seconds", cpu_time && row.reads ? m.cpu_seconds : m.seconds},
                      {"p50_us", m.p50_us},
                      {"p99_us", m.p99_us},
                      {"p999_us", m.p999_us},
                      {"max_us", m.max_us},
                      {"cpu_seconds", m.cpu_seconds},
                      {"empty_seconds", m.empty_seconds},
                      {"written_bytes", m.written_bytes},
                      {"retries", m.retries}});
    });
  } catch (const std::exception& failure) {
    reporter.write({{"error", failure.what()}});
    return 1;
  }
  return 0;
}

// The parent's side: one process, from its start to its end.
class Child {
 public:
  Child(const EngineKind& kind, StageOptions stage, std::uint64_t count, bool cpu_time) : kind_(kind) {
    const Pipe lines = make_pipe();
    const Pipe turns = make_pipe();
    std::fflush(nullptr);
    process_ = ::fork();
    if (process_ < 0) throw BenchError("no process");
    if (process_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::close(lines.read_end);
      ::close(turns.write_end);
      ::_exit(run_child(stage, count, kind, cpu_time, Reporter(lines.write_end, turns.read_end)));
    }
    ::close(lines.write_end);
    ::close(turns.read_end);
    lines_ = ::fdopen(lines.read_end, "r");
    turns_ = turns.write_end;
  }
  ~Child() {
    std::fclose(lines_);
    ::close(turns_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  bool alive() const noexcept { return alive_; }
  // The piece of work that it waits to do.
  const std::string& work() const noexcept { return work_; }

  // Lets it do that piece.
  void go() { alive_ = ::write(turns_, "", 1) == 1; }

  // Takes its numbers until it waits again or has ended.
  void collect(Results& results) {
    char* text = nullptr;
    std::size_t room = 0;
    work_.clear();
    while (work_.empty() && ::getline(&text, &room, lines_) > 0) take_line(Json::parse(text), results);
    std::free(text);
    if (!work_.empty()) return;
    alive_ = false;
    int state = 0;
    ::waitpid(process_, &state, 0);
    if (WIFSIGNALED(state)) results.add_error(fmt::format("{}: stopped by signal {}", kind_.name, WTERMSIG(state)));
  }

 private:
  void take_line(const Json& line, Results& results) {
    if (line.contains("turn")) {
      work_ = line["turn"];
    } else if (line.contains("error")) {
      results.add_error(fmt::format("{}: {}", kind_.name, line["error"].get<std::string>()));
    } else {
      results.add(kind_.name, line["row"], static_cast<Promise>(line["promise"].get<int>()),
                  {line["operations"], line["seconds"], line["p50_us"], line["p99_us"], line["p999_us"], line["max_us"],
                   line["cpu_seconds"], line["empty_seconds"], line["written_bytes"], line["retries"]});
    }
  }

  const EngineKind& kind_;
  pid_t process_ = -1;
  std::FILE* lines_ = nullptr;
  int turns_ = -1;
  bool alive_ = true;
  std::string work_;
};

class Runner {
 public:
  Runner(const RunOptions& options, const std::vector<EngineKind>& kinds) : options_(options), kinds_(kinds) {}

  Results run() {
    std::signal(SIGPIPE, SIG_IGN);
    for (repeat_ = 0; repeat_ < options_.repeats; ++repeat_) {
      for (const Stage stage : {Stage::import, Stage::random, Stage::open, Stage::commits, Stage::latency,
                                Stage::recovery, Stage::small_cache, Stage::mixed}) {
        if (!has_rows(stage)) continue;
        make_folders();
        run_side_by_side(stage);
      }
      if (has_rows(Stage::larger)) run_larger();
    }
    remove_folders();
    return std::move(results_);
  }

 private:
  bool has_rows(Stage stage) const {
    return std::any_of(options_.rows.begin(), options_.rows.end(),
                       [&](const std::string& name) { return find_row(name)->stage == stage; });
  }

  bool takes_part(const EngineKind& kind, Stage stage) const {
    // The targets are Quire's alone, and the others take time that the quick set does not have.
    const bool own_targets = stage == Stage::latency || stage == Stage::recovery;
    if (own_targets && !options_.full) return kind.column.starts_with("quire");
    if (kind.part == Part::always) return true;
    // These measure each engine for minutes.
    if (stage == Stage::latency || stage == Stage::larger_load || stage == Stage::larger) return false;
    const bool leads = stage == Stage::commits || stage == Stage::random || stage == Stage::mixed;
    return options_.full || (kind.part == Part::commits && leads);
  }

  std::string folder_of(const EngineKind& kind) const { return options_.folder + "/" + kind.name; }
  void remove_folders() const {
    for (const EngineKind& kind : kinds_) std::filesystem::remove_all(folder_of(kind));
  }
  void make_folders() const {
    remove_folders();
    for (const EngineKind& kind : kinds_) std::filesystem::create_directories(folder_of(kind));
  }

  std::uint64_t count_of(Stage stage) const {
    if (stage == Stage::open) return options_.open_count;
    return stage == Stage::larger_load || stage == Stage::larger ? options_.larger_count : options_.count;
  }

  // The engine that the turns begin with comes first.
  std::vector<std::unique_ptr<Child>> start(Stage stage, const std::vector<std::unique_ptr<MemoryGroup>>& groups) {
    std::vector<std::unique_ptr<Child>> children;
    for (std::size_t i = 0; i < kinds_.size(); ++i) {
      const std::size_t at = (i + repeat_) % kinds_.size();
      if (!takes_part(kinds_[at], stage)) continue;
      StageOptions how;
      how.stage = stage;
      how.rows = options_.rows;
      how.folder = folder_of(kinds_[at]);
      how.seconds = options_.seconds;
      how.operations = options_.operations;
      how.full = options_.full;
      how.cache_bytes = options_.cache_mib << 20;
      how.group = groups.empty() ? nullptr : groups[at].get();
      children.push_back(std::make_unique<Child>(kinds_[at], how, count_of(stage), options_.cpu_time));
      children.back()->collect(results_);
    }
    return children;
  }

  void run_side_by_side(Stage stage, const std::vector<std::unique_ptr<MemoryGroup>>& groups = {}) {
    std::vector<std::unique_ptr<Child>> children = start(stage, groups);
    for (;;) {
      std::erase_if(children, [](const std::unique_ptr<Child>& child) { return !child->alive(); });
      if (children.empty()) return;
      const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
      fmt::print(stderr, "{:4.0f} s  run {} of {}: {}\n", seconds, repeat_ + 1, options_.repeats,
                 children.front()->work());
      for (const std::unique_ptr<Child>& child : children) {
        child->go();
        child->collect(results_);
      }
    }
  }

  void run_larger() {
    std::vector<std::unique_ptr<MemoryGroup>> groups;
    try {
      for (const EngineKind& kind : kinds_) {
        groups.push_back(std::make_unique<MemoryGroup>(fmt::format("quire-bench.{}.{}", ::getpid(), kind.name),
                                                       larger_memory_bytes));
      }
    } catch (const BenchError& failure) {
      results_.add_note(fmt::format("larger than memory: skipped, {}", failure.what()));
      return;
    }
    make_folders();
    run_side_by_side(Stage::larger_load);
    run_side_by_side(Stage::larger, groups);
  }

  const RunOptions& options_;
  const std::vector<EngineKind>& kinds_;
  const Clock::time_point start_ = Clock::now();
  unsigned repeat_ = 0;
  Results results_;
};

}  // namespace

Results run_engines(const RunOptions& options, const std::vector<EngineKind>& kinds) {
  return Runner(options, kinds).run();
}

}  // namespace quire::bench
