// SessionThread: see session_thread.hpp.
//
// A transaction begins and ends on the session's thread, so that what asks whose thread a transaction is on - verify, closing - sees
// each session as a user of its own.
#include "shell/session_thread.hpp"

#include <utility>

namespace quire::shell {

void Bell::ring() {
  os::Lock lock(mutex_);
  ++rung_;
  changed_.notify_all();
}

std::uint64_t Bell::wait(std::uint64_t heard, std::uint64_t timeout_us) {
  os::Lock lock(mutex_);
  while (rung_ == heard) {
    if (!changed_.wait_for(mutex_, timeout_us)) break;
  }
  return rung_;
}

std::uint64_t Bell::rung() {
  os::Lock lock(mutex_);
  return rung_;
}

SessionThread::SessionThread(Shell& shell, std::string name, Printer& printer, Bell& bell)
    : name_(std::move(name)),
      outlet_(printer),
      printer_(printer.form(), outlet_.out(), outlet_.error(), printer.columns()),
      session_(shell, printer_),
      bell_(bell) {}

SessionThread::~SessionThread() {
  {
    os::Lock lock(mutex_);
    stopping_ = true;
    given_.notify_all();
  }
  thread_.reset();
}

Outcome SessionThread::run_here(const std::function<Outcome(Session&)>& work) {
  here_ = os::this_thread_number();
  return work(session_);
}

void SessionThread::start(std::string line, std::function<Outcome(Session&)> work) {
  view_ = session_.view();
  line_ = std::move(line);
  busy_ = true;
  if (thread_ == nullptr) thread_ = std::make_unique<os::Thread>([this] { serve(); });
  os::Lock lock(mutex_);
  work_ = std::move(work);
  running_ = true;
  given_.notify_all();
}

bool SessionThread::running() const {
  os::Lock lock(mutex_);
  return running_;
}

Outcome SessionThread::take() {
  os::Lock lock(mutex_);
  busy_ = false;
  return std::exchange(outcome_, Outcome());
}

bool SessionThread::has_used(std::uint64_t thread_number) const {
  os::Lock lock(mutex_);
  return thread_number == thread_number_ || thread_number == here_;
}

const SessionView& SessionThread::view() {
  if (!busy_) view_ = session_.view();
  return view_;
}

void SessionThread::serve() {
  std::function<Outcome(Session&)> work;
  {
    os::Lock lock(mutex_);
    thread_number_ = os::this_thread_number();
  }
  for (;;) {
    {
      os::Lock lock(mutex_);
      while (!work_ && !stopping_) given_.wait(mutex_);
      if (!work_) return;
      work = std::exchange(work_, nullptr);
    }
    Outcome outcome = work(session_);
    {
      os::Lock lock(mutex_);
      outcome_ = std::move(outcome);
      running_ = false;
    }
    bell_.ring();
  }
}

}  // namespace quire::shell
