// SessionThread: one session of the shell with the thread that its commands run on and what they print.
//
// A session that is alone has nobody to wait for: its commands run on the shell's thread, which saves two switches each (about 30 us).
// The thread is made with the first command that is started.
//
//   state     idle -> start() -> running -> (the session's thread) done -> take() -> idle
//             idle     the session may be used by the shell's thread
//             running  only the session's thread uses the session; the view is what it was before
//             done     as idle; take() gives the outcome
//
// Threads   start, take and the session itself: the shell's thread. finished() is told to the shell's Bell
// Lifetime  ends its thread when destroyed, after the command that runs
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "shell/outlet.hpp"
#include "shell/session.hpp"

namespace quire::shell {

// Rung by every session that has finished something; the shell waits for it.
class Bell {
 public:
  void ring() QUIRE_EXCLUDES(mutex_);
  // Until somebody has rung since `heard`, or for about so long. How often it has been rung.
  std::uint64_t wait(std::uint64_t heard, std::uint64_t timeout_us) QUIRE_EXCLUDES(mutex_);
  std::uint64_t rung() QUIRE_EXCLUDES(mutex_);

 private:
  os::Mutex mutex_;
  os::Condition changed_;
  std::uint64_t rung_ QUIRE_GUARDED_BY(mutex_) = 0;
};

class SessionThread {
 public:
  // The shell, its printer and its bell outlive the thread.
  SessionThread(Shell& shell, std::string name, Printer& printer, Bell& bell);
  ~SessionThread();
  SessionThread(const SessionThread&) = delete;
  SessionThread& operator=(const SessionThread&) = delete;

  const std::string& name() const noexcept { return name_; }
  // Not while running, but for what any thread may do.
  Session& session() noexcept { return session_; }
  Outlet& outlet() noexcept { return outlet_; }

  // Runs it on the calling thread. Idle.
  Outcome run_here(const std::function<Outcome(Session&)>& work);
  // Runs `work` on the session's thread. Idle.
  void start(std::string line, std::function<Outcome(Session&)> work) QUIRE_EXCLUDES(mutex_);
  bool running() const QUIRE_EXCLUDES(mutex_);
  // Not idle: running, or done and not taken.
  bool busy() const noexcept { return busy_; }
  // Done.
  Outcome take() QUIRE_EXCLUDES(mutex_);

  // The command that was started last.
  const std::string& line() const noexcept { return line_; }
  // Whether its commands have run on the thread of this number.
  bool has_used(std::uint64_t thread_number) const QUIRE_EXCLUDES(mutex_);
  // Of the write transaction that is open or that the running command has begun; 0: none.
  std::uint64_t transaction_number() const noexcept { return session_.transaction_number(); }
  // How the session looked before the command that runs, else how it looks.
  const SessionView& view();

  // For the shell: what was last said of its wait.
  std::string announced;
  bool detached = false;  // the shell went on while it was running
  bool ended = false;     // its transaction has been rolled back for good

 private:
  void serve() QUIRE_EXCLUDES(mutex_);

  const std::string name_;
  Outlet outlet_;
  Printer printer_;
  Session session_;
  Bell& bell_;
  SessionView view_;
  std::string line_;
  bool busy_ = false;
  std::uint64_t here_ = 0;  // number of the shell's thread if it has run commands of this session; else 0

  mutable os::Mutex mutex_;
  os::Condition given_;
  std::function<Outcome(Session&)> work_ QUIRE_GUARDED_BY(mutex_);  // empty: nothing to do
  Outcome outcome_ QUIRE_GUARDED_BY(mutex_);
  std::uint64_t thread_number_ QUIRE_GUARDED_BY(mutex_) = 0;
  bool running_ QUIRE_GUARDED_BY(mutex_) = false;
  bool stopping_ QUIRE_GUARDED_BY(mutex_) = false;
  std::unique_ptr<os::Thread> thread_;  // last: it uses the others
};

}  // namespace quire::shell
