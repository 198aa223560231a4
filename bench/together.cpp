// Threads that begin together: see together.hpp.
#include "bench/together.hpp"

#include <barrier>
#include <exception>
#include <thread>

namespace quire::bench {

void work_together(Engine& engine, unsigned threads, const SessionWork& prepare, const SessionWork& work) {
  std::vector<std::exception_ptr> failures(threads);
  std::barrier gate(static_cast<std::ptrdiff_t>(threads));
  std::vector<std::thread> workers;
  for (unsigned t = 0; t < threads; ++t) {
    workers.emplace_back([&, t] {
      bool arrived = false;
      try {
        const std::unique_ptr<Session> session = engine.session();
        prepare(t, *session);
        arrived = true;
        gate.arrive_and_wait();
        work(t, *session);
      } catch (...) {
        failures[t] = std::current_exception();
        if (!arrived) gate.arrive_and_drop();
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
}

}  // namespace quire::bench
