// Mixed reads and writes: see mixed.hpp.
//
// A scan after each row finds out whether every insert is there, and whether read-modify-writes have lost none of each
// other: each adds one to a counter, and the scan adds the counters up.
#include "bench/mixed.hpp"

#include <algorithm>
#include <memory>

#include "bench/fills.hpp"
#include "bench/inserts.hpp"
#include "bench/mixed_workers.hpp"
#include "bench/together.hpp"
#include "bench/zipfian.hpp"

namespace quire::bench {

namespace {

constexpr Promise promise = Promise::process;
constexpr std::uint64_t operations_per_scan = 4;         // of other rows, for one of E
constexpr std::uint64_t operations_per_transaction = 5;  // of other rows, for one of 4r4w

struct RowKind {
  bool transactions = false;  // the engine must be opened for them
  bool counting = false;      // the workers add to the counters, and nobody sets them
};

const Mix& mix_of(char letter) {
  return *std::find_if(std::begin(ycsb_mixes), std::end(ycsb_mixes),
                       [&](const Mix& mix) { return mix.letter.front() == letter; });
}

using Workers = std::vector<std::unique_ptr<MixedWorker>>;

class Mixed {
 public:
  explicit Mixed(const StageContext& stage)
      : stage_(stage), inserts_(stage.workload()), ranks_(stage.workload().rows(), ycsb_theta) {}

  // Both rows of a workload, in a turn of their own.
  void run_ycsb(const Mix& mix) {
    const std::string name = "ycsb-" + std::string(mix.letter);
    run_pair(name, {.counting = mix.modifies > 0},
             [&](unsigned thread, unsigned threads) -> std::unique_ptr<MixedWorker> {
               const std::uint64_t count = operations(mix.scans > 0 ? operations_per_scan : 1);
               return std::make_unique<YcsbWorker>(stage_.workload(), inserts_, mix,
                                                   make_operations(mix, count, ranks_, seed_of(name, thread, threads)),
                                                   thread);
             });
  }

  void run_transactions() {
    const std::string name = "serializable-4r4w";
    if (stage_.kind().transactions == Transactions::none) return;
    run_pair(name, {.transactions = true}, [&](unsigned thread, unsigned threads) -> std::unique_ptr<MixedWorker> {
      return std::make_unique<TransactionWorker>(stage_.workload(), operations(operations_per_transaction),
                                                 seed_of(name, thread, threads), thread);
    });
  }

 private:
  std::uint64_t operations(std::uint64_t divisor) const {
    return std::max<std::uint64_t>(stage_.options().operations / divisor, 1);
  }

  // The same for all engines.
  static std::uint64_t seed_of(const std::string& name, unsigned thread, unsigned threads) {
    std::uint64_t state = std::uint64_t{threads} << 32 | thread;
    for (const char letter : name) state = split_mix(state) ^ static_cast<unsigned char>(letter);
    return state;
  }

  template <class Make>
  void run_pair(const std::string& name, RowKind kind, Make&& make) {
    const std::string name_2 = name + "-2";
    if (!stage_.wanted(name) && !stage_.wanted(name_2)) return;
    stage_.wait_for_turn(name);
    OpenOptions options = stage_.open_options(promise);
    options.transactions = kind.transactions;
    stage_.with_open(options, [&] {
      for (const unsigned threads : {1u, 2u}) {
        const std::string& row = threads == 1 ? name : name_2;
        if (!stage_.wanted(row)) continue;
        Workers workers;
        for (unsigned t = 0; t < threads; ++t) workers.push_back(make(t, threads));
        stage_.report(row, promise, run(workers, kind));
      }
    });
  }

  Measurement run(Workers& workers, RowKind kind) {
    std::uint64_t before = 0;
    work_together(
        stage_.engine(), static_cast<unsigned>(workers.size()),
        [&](unsigned t, Session& session) {
          const std::uint64_t sum = scan_all(session);
          if (t == 0) before = sum;
        },
        [&](unsigned t, Session& session) { workers[t]->run(session, stage_.options().seconds.mixed_max); });
    std::uint64_t added = scan_all(*stage_.engine().session()) - before;
    Meter meter = workers[0]->meter();
    std::uint64_t retries = workers[0]->retries();
    for (std::size_t t = 1; t < workers.size(); ++t) {
      meter.merge(workers[t]->meter());
      retries += workers[t]->retries();
    }
    if (kind.counting && stage_.kind().transactions == Transactions::always) {
      for (const std::unique_ptr<MixedWorker>& worker : workers) added -= worker->added();
      if (added != 0) throw BenchError("read-modify-writes were lost");
    }
    Measurement result = meter.measurement();
    result.retries = retries;
    return result;
  }

  // The sum; throws unless all rows are there. Warms the caches.
  std::uint64_t scan_all(Session& session) const {
    ScanCheck check;
    session.scan(Direction::forward, check);
    const std::uint64_t rows = stage_.workload().rows() + inserts_.end();
    if (check.right() && check.count() == rows) return check.sum();
    throw BenchError("a scan met " + std::to_string(check.count()) + " entries of " + std::to_string(rows) +
                     (check.right() ? "" : ", or out of order"));
  }

  const StageContext& stage_;
  Inserts inserts_;
  Zipfian ranks_;
};

}  // namespace

void run_mixed(const StageContext& stage) {
  if (stage.promises_of("ycsb-a").empty()) return;
  stage.wait_for_turn("mixed: bulk load");
  bulk_load(stage, Values::counted);
  Mixed mixed(stage);
  // Those that change nothing first, those that make the file larger last.
  for (const char letter : {'c', 'b', 'a', 'f'}) mixed.run_ycsb(mix_of(letter));
  mixed.run_transactions();
  for (const char letter : {'d', 'e'}) mixed.run_ycsb(mix_of(letter));
}

}  // namespace quire::bench
