// Terminals on POSIX systems.
//
// Signal handlers only set flags. They are installed with SA_RESTART, so that no system call of the
// engine sees EINTR because somebody pressed Ctrl-C; waiting for a key uses poll, which is never restarted.
#include "os/terminal.hpp"

#include <poll.h>
#include <pwd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "base/atomic.hpp"

namespace quire::os {

namespace {

Atomic<bool> interrupt_flag{false};
Atomic<bool> resize_flag{false};
Atomic<bool> resume_flag{false};

extern "C" void quire_on_terminal_signal(int signal) {
  if (signal == SIGINT) interrupt_flag.store(true, relaxed);
  if (signal == SIGWINCH) resize_flag.store(true, relaxed);
  if (signal == SIGCONT) resume_flag.store(true, relaxed);
}

void handle(int signal, void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  ::sigaction(signal, &action, nullptr);
}

}  // namespace

bool is_terminal(Stream stream) noexcept { return ::isatty(static_cast<int>(stream)) == 1; }

unsigned terminal_columns() noexcept {
  for (const int descriptor : {STDOUT_FILENO, STDERR_FILENO}) {
    struct winsize size = {};
    if (::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  }
  return 80;
}

std::string home_directory() {
  const char* home = std::getenv("HOME");
  if (home != nullptr && *home != '\0') return home;
  const struct passwd* entry = ::getpwuid(::getuid());
  return entry != nullptr && entry->pw_dir != nullptr ? entry->pw_dir : "";
}

InterruptScope::InterruptScope() {
  clear_interrupt();
  for (const int signal : {SIGINT, SIGWINCH, SIGCONT}) handle(signal, quire_on_terminal_signal);
}

InterruptScope::~InterruptScope() {
  for (const int signal : {SIGINT, SIGWINCH, SIGCONT}) handle(signal, SIG_DFL);
}

bool interrupt_requested() noexcept { return interrupt_flag.load(relaxed); }
void clear_interrupt() noexcept { interrupt_flag.store(false, relaxed); }

void suspend_process() noexcept {
  ::kill(0, SIGTSTP);
  resume_flag.store(false, relaxed);  // the caller knows
}

Key read_key() noexcept {
  for (;;) {
    if (interrupt_flag.exchange(false, relaxed)) return {KeyEvent::interrupt, 0};
    if (resize_flag.exchange(false, relaxed)) return {KeyEvent::resized, 0};
    if (resume_flag.exchange(false, relaxed)) return {KeyEvent::resumed, 0};
    struct pollfd wait = {STDIN_FILENO, POLLIN, 0};
    if (::poll(&wait, 1, -1) < 0) {
      if (errno == EINTR) continue;
      return {};
    }
    char byte = 0;
    const ssize_t count = ::read(STDIN_FILENO, &byte, 1);
    if (count == 1) return {KeyEvent::byte, byte};
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    return {};
  }
}

}  // namespace quire::os
