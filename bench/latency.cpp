// The row of latencies: see commits.hpp.
#include "bench/commits.hpp"
#include "bench/fills.hpp"
#include "bench/puts.hpp"

namespace quire::bench {

namespace {

// Of Quire's log, so that several checkpoints fall into the shortest run: a durable put takes 100 us, a cheaper one 2 us.
constexpr std::uint64_t log_bytes_durable = std::uint64_t{4} << 20;
constexpr std::uint64_t log_bytes_cheap = std::uint64_t{256} << 20;

// One-second windows since it was made, and what happened in them.
class Windows {
 public:
  void note() {
    const auto window = static_cast<std::size_t>(seconds_so_far());
    if (window >= counts_.size()) counts_.resize(window + 1);
    ++counts_[window];
  }
  // Of those that are over.
  std::uint64_t count_empty() const {
    const auto over = static_cast<std::size_t>(seconds_so_far());
    std::uint64_t empty = 0;
    for (std::size_t i = 0; i < over; ++i) empty += i >= counts_.size() || counts_[i] == 0 ? 1 : 0;
    return empty;
  }

 private:
  double seconds_so_far() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

  Clock::time_point start_ = Clock::now();
  std::vector<std::uint64_t> counts_;
};

}  // namespace

void run_latency(const StageContext& stage) {
  stage.wait_for_turn("latency: bulk load");
  bulk_load(stage);
  stage.wait_for_turn("latency");
  Puts puts(stage.workload(), Version::second);
  for (const Promise promise : stage.promises_of("latency")) {
    OpenOptions options = stage.open_options(promise);
    options.log_bytes = promise == Promise::durable ? log_bytes_durable : log_bytes_cheap;
    stage.with_open(options, [&] {
      Windows windows;
      Measurement measured =
          puts.run(stage.engine(), 1, {.seconds = stage.options().seconds.latency}, [&] { windows.note(); });
      measured.empty_seconds = windows.count_empty();
      stage.report("latency", promise, measured);
      puts.check(*stage.engine().session());
    });
  }
}

}  // namespace quire::bench
