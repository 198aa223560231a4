// Random gets in slices: see sliced_gets.hpp.
//
// One barrier leads all threads, the caller's too: past it when all are warm, then at the start and end of each slice. A
// thread that failed still comes to it.
#include "bench/sliced_gets.hpp"

#include <algorithm>
#include <barrier>
#include <exception>
#include <thread>

#include "base/random.hpp"

namespace quire::bench {

namespace {

void get_random(Session& session, const Workload& workload, Random& random, double seconds, Meter& meter) {
  std::string value;
  meter.start();
  while (meter.seconds_so_far() < seconds) {
    const std::uint64_t row = random.below(workload.rows());
    if (!session.get(Key::present(row), value)) throw BenchError("a key is missing: row " + std::to_string(row));
    workload.check_value(row, Version::first, value);
    meter.lap();
  }
  meter.stop();
}

struct Worker {
  Meter meter;
  std::exception_ptr failure;

  template <class Fn>
  void attempt(Fn&& fn) {
    if (failure) return;
    try {
      fn();
    } catch (...) {
      failure = std::current_exception();
    }
  }
};

}  // namespace

void get_in_slices(Engine& engine, const Workload& workload, const SlicedGets& how, const std::function<void()>& before,
                   const std::function<void(const Measurement&)>& after) {
  std::vector<Worker> workers(how.threads);
  std::barrier gate(static_cast<std::ptrdiff_t>(how.threads) + 1);
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < how.threads; ++t) {
    threads.emplace_back([&, t] {
      Worker& self = workers[t];
      std::unique_ptr<Session> session;
      Random random(100 + t);
      self.attempt([&] {
        session = engine.session();
        get_random(*session, workload, random, how.warm_seconds, self.meter);
      });
      gate.arrive_and_wait();
      for (unsigned slice = 0; slice < how.slices; ++slice) {
        gate.arrive_and_wait();
        self.meter = Meter();
        self.attempt([&] { get_random(*session, workload, random, how.slice_seconds, self.meter); });
        gate.arrive_and_wait();
      }
    });
  }
  const auto failed = [](const Worker& worker) { return worker.failure != nullptr; };
  gate.arrive_and_wait();
  for (unsigned slice = 0; slice < how.slices; ++slice) {
    before();
    gate.arrive_and_wait();
    gate.arrive_and_wait();
    if (std::any_of(workers.begin(), workers.end(), failed)) continue;
    for (unsigned t = 1; t < how.threads; ++t) workers[0].meter.merge(workers[t].meter);
    after(workers[0].meter.measurement());
  }
  for (std::thread& thread : threads) thread.join();
  for (const Worker& worker : workers) {
    if (worker.failure) std::rethrow_exception(worker.failure);
  }
}

}  // namespace quire::bench
