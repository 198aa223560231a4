// What the work of a stage has in common: the engine in its folder, turns, and where numbers go.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <string_view>
#include <vector>

#include "bench/engine.hpp"
#include "bench/stages.hpp"
#include "bench/workload.hpp"

namespace quire::bench {

class StageContext {
 public:
  StageContext(const StageOptions& options, const EngineKind& kind, const Workload& workload, const Report& report);

  const StageOptions& options() const noexcept { return options_; }
  const EngineKind& kind() const noexcept { return kind_; }
  const Workload& workload() const noexcept { return workload_; }
  Engine& engine() const noexcept { return *engine_; }

  bool wanted(std::string_view row) const;
  bool any_wanted(std::initializer_list<std::string_view> rows) const;
  // Of a writing row, those promises that are asked for and that the engine can give.
  std::vector<Promise> promises_of(std::string_view row) const;
  // The cheapest promise of the engine that survives the end of the process.
  Promise cheap_promise() const;

  // Waits for this engine's turn; in the second form not if the row is not asked for.
  void wait_for_turn(std::string_view work) const { options_.turn(work); }
  bool take_turn(std::string_view row) const;
  void report(std::string_view row, Promise promise, const Measurement& measurement) const;

  // With the default cache.
  OpenOptions open_options(Promise promise) const {
    return {.folder = options_.folder, .promise = promise, .cache_bytes = options_.cache_bytes};
  }
  // A tenth of keys and values, but not so little that an engine cannot work.
  std::uint64_t small_cache_bytes() const noexcept;

  // Opens a fresh database.
  void start_over(const OpenOptions& options) const;
  // Closes it. Without the syncs, what a fill left to the system would be written while the next rows run.
  void finish() const;
  // Opens the database of the folder anew, shows it to `work` and closes it.
  template <class Work>
  void with_open(const OpenOptions& options, Work&& work) const {
    engine_->open(options);
    work();
    engine_->close();
  }

  // Each regular file, opened for reading.
  void for_each_file(const std::function<void(int file)>& fn) const;

 private:
  const StageOptions& options_;
  const EngineKind& kind_;
  const Workload& workload_;
  const Report& report_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace quire::bench
