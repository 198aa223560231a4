// One process for each engine and stage: see runner.hpp.
//
// A child writes one line of JSON per measurement into a pipe. Repeats go round all engines before the next begins, each
// time starting with another one, so that a busy minute of the machine does not hit one engine alone.
#include "bench/runner.hpp"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>

namespace quire::bench {

namespace {

using Json = nlohmann::json;

class LineWriter {
 public:
  explicit LineWriter(int descriptor) : descriptor_(descriptor) {}
  void write(const Json& line) const {
    const std::string text = line.dump() + "\n";
    for (std::size_t done = 0; done < text.size();) {
      const ssize_t count = ::write(descriptor_, text.data() + done, text.size() - done);
      if (count < 0) return;
      done += static_cast<std::size_t>(count);
    }
  }

 private:
  int descriptor_;
};

int run_child(const StageOptions& stage, const EngineKind& kind, const RunOptions& options, LineWriter writer) {
  try {
    const Workload workload(options.count);
    run_stage(stage, kind, workload, [&](const Row& row, Promise promise, const Measurement& m) {
      writer.write({{"row", row.name},
                    {"promise", static_cast<int>(promise)},
                    {"operations", m.operations},
                    {"seconds", options.cpu_time && row.reads ? m.cpu_seconds : m.seconds},
                    {"p50_us", m.p50_us},
                    {"p99_us", m.p99_us},
                    {"cpu_seconds", m.cpu_seconds}});
    });
  } catch (const std::exception& failure) {
    writer.write({{"error", failure.what()}});
    return 1;
  }
  return 0;
}

std::string read_all(int descriptor) {
  std::string text;
  std::array<char, 4096> buffer;
  for (ssize_t count = 0; (count = ::read(descriptor, buffer.data(), buffer.size())) > 0;) {
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return text;
}

class Runner {
 public:
  Runner(const RunOptions& options, const std::vector<EngineKind>& kinds) : options_(options), kinds_(kinds) {}

  Results run() {
    for (unsigned repeat = 0; repeat < options_.repeats; ++repeat) {
      for (const Stage stage : {Stage::import, Stage::random}) {
        if (!has_rows(stage)) continue;
        for (std::size_t i = 0; i < kinds_.size(); ++i) {
          const EngineKind& kind = kinds_[(i + repeat) % kinds_.size()];
          fmt::print(stderr, "run {} of {}: {}, {}\n", repeat + 1, options_.repeats,
                     stage == Stage::import ? "imports" : "random fill and reads", kind.name);
          run_process(stage, kind);
        }
      }
    }
    return std::move(results_);
  }

 private:
  bool has_rows(Stage stage) const {
    return std::any_of(options_.rows.begin(), options_.rows.end(),
                       [&](const std::string& name) { return find_row(name)->stage == stage; });
  }

  void run_process(Stage stage, const EngineKind& kind) {
    const std::string folder = options_.folder + "/" + kind.name;
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    int pipe_ends[2];
    if (::pipe(pipe_ends) != 0) throw BenchError("no pipe");
    std::fflush(nullptr);
    const pid_t child = ::fork();
    if (child < 0) throw BenchError("no process");
    if (child == 0) {
      ::close(pipe_ends[0]);
      const StageOptions how{
          .stage = stage, .rows = options_.rows, .folder = folder, .seconds_min = options_.seconds_min};
      ::_exit(run_child(how, kind, options_, LineWriter(pipe_ends[1])));
    }
    ::close(pipe_ends[1]);
    const std::string text = read_all(pipe_ends[0]);
    ::close(pipe_ends[0]);
    int state = 0;
    ::waitpid(child, &state, 0);
    if (WIFSIGNALED(state)) results_.add_error(fmt::format("{}: stopped by signal {}", kind.name, WTERMSIG(state)));
    take_lines(kind, text);
    std::filesystem::remove_all(folder);
  }

  void take_lines(const EngineKind& kind, const std::string& text) {
    for (std::size_t from = 0, end = 0; (end = text.find('\n', from)) != std::string::npos; from = end + 1) {
      const Json line = Json::parse(text.substr(from, end - from));
      if (line.contains("error")) {
        results_.add_error(fmt::format("{}: {}", kind.name, line["error"].get<std::string>()));
        continue;
      }
      results_.add(kind.name, line["row"], static_cast<Promise>(line["promise"].get<int>()),
                   {line["operations"], line["seconds"], line["p50_us"], line["p99_us"], line["cpu_seconds"]});
    }
  }

  const RunOptions& options_;
  const std::vector<EngineKind>& kinds_;
  Results results_;
};

}  // namespace

Results run_engines(const RunOptions& options, const std::vector<EngineKind>& kinds) {
  return Runner(options, kinds).run();
}

}  // namespace quire::bench
