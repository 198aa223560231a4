// Background: the thread that does an engine's background work.
//
// The work is a series of steps (Engine::background_step), which tests call themselves, at any point; the thread merely calls
// them. It looks every 10 ms as long as there is something to do, and sleeps when there is not; whoever commits wakes it.
//
// Owner     the engine; stops, and waits for the step that is under way, when destroyed
// Threads   wake from any
#pragma once

#include "os/sync.hpp"
#include "base/atomic.hpp"

namespace quire::engine {

class Engine;

class Background {
 public:
  explicit Background(Engine& engine);
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  // There is something to do.
  void wake() {
    if (asleep_.load(seq_cst)) wake_up();
  }

 private:
  void wake_up();
  void run();

  Engine& engine_;
  Atomic<bool> asleep_{false};
  os::Mutex mutex_;
  os::Condition changed_;
  bool stop_ QUIRE_GUARDED_BY(mutex_) = false;
  os::Thread thread_;
};

}  // namespace quire::engine
