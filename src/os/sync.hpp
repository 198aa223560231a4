// Mutexes, condition variables and threads: the one place that names the standard ones.
//
// Clang's thread-safety annotations are declared here, so that `QUIRE_GUARDED_BY(mutex_)` on a member is
// checked when clang compiles.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <utility>

#if defined(__clang__)
#define QUIRE_ANNOTATE(x) __attribute__((x))
#else
#define QUIRE_ANNOTATE(x)
#endif
#define QUIRE_GUARDED_BY(mutex) QUIRE_ANNOTATE(guarded_by(mutex))
#define QUIRE_REQUIRES(mutex) QUIRE_ANNOTATE(requires_capability(mutex))
#define QUIRE_EXCLUDES(mutex) QUIRE_ANNOTATE(locks_excluded(mutex))

namespace quire::os {

class QUIRE_ANNOTATE(capability("mutex")) Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;
  void lock() QUIRE_ANNOTATE(acquire_capability()) { mutex_.lock(); }
  void unlock() QUIRE_ANNOTATE(release_capability()) { mutex_.unlock(); }
  bool try_lock() QUIRE_ANNOTATE(try_acquire_capability(true)) { return mutex_.try_lock(); }

 private:
  friend class Condition;
  std::mutex mutex_;
};

// Holds a mutex for a scope.
class QUIRE_ANNOTATE(scoped_lockable) Lock {
 public:
  explicit Lock(Mutex& mutex) QUIRE_ANNOTATE(acquire_capability(mutex)) : mutex_(mutex) { mutex_.lock(); }
  // Takes over a mutex that try_lock() has locked.
  struct Locked {};
  Lock(Mutex& mutex, Locked) QUIRE_ANNOTATE(requires_capability(mutex)) : mutex_(mutex) {}
  ~Lock() QUIRE_ANNOTATE(release_capability()) { mutex_.unlock(); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  Mutex& mutex_;
};

// A condition variable; wait with the mutex held. Wakes may be spurious: wait in a loop over the condition.
class Condition {
 public:
  void wait(Mutex& mutex) QUIRE_REQUIRES(mutex) {
    std::unique_lock<std::mutex> held(mutex.mutex_, std::adopt_lock);
    condition_.wait(held);
    held.release();
  }
  // False when the time ran out.
  bool wait_for(Mutex& mutex, std::uint64_t timeout_us) QUIRE_REQUIRES(mutex) {
    std::unique_lock<std::mutex> held(mutex.mutex_, std::adopt_lock);
    const auto status = condition_.wait_for(held, std::chrono::microseconds(timeout_us));
    held.release();
    return status == std::cv_status::no_timeout;
  }
  void notify_one() { condition_.notify_one(); }
  void notify_all() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

// A thread that is joined when destroyed.
class Thread {
 public:
  Thread() = default;
  template <class Fn>
  explicit Thread(Fn&& fn) : thread_(std::forward<Fn>(fn)) {}
  Thread(Thread&&) noexcept = default;
  Thread& operator=(Thread&&) = delete;
  ~Thread() { join(); }
  void join() {
    if (thread_.joinable()) thread_.join();
  }

 private:
  std::thread thread_;
};

// A number that identifies the calling thread for its lifetime; never 0, never reused in one process.
inline thread_local constinit std::uint64_t own_thread_number = 0;  // 0: none yet
std::uint64_t take_thread_number() noexcept;
inline std::uint64_t this_thread_number() noexcept { return own_thread_number != 0 ? own_thread_number : take_thread_number(); }

// Gives the processor away.
void yield_thread() noexcept;
void sleep_us(std::uint64_t duration_us);

}  // namespace quire::os
