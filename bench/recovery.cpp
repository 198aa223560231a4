// Opening after a kill: see recovery.hpp.
//
// Each step has a process of its own, because the threads that an engine leaves behind in one do not follow into
// another that is forked from it. The processes end by SIGKILL; what they have closed before is closed.
#include "bench/recovery.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "bench/fills.hpp"
#include "bench/puts.hpp"

namespace quire::bench {

namespace {

// More than the puts need: they shall all be in the log when the process is killed.
constexpr std::uint64_t log_bytes = std::uint64_t{4} << 30;

using Work = std::function<Measurement()>;

[[noreturn]] void work_in_child(const Work& work, int answer) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::string text;
  try {
    const Measurement measured = work();
    text.assign(reinterpret_cast<const char*>(&measured), sizeof measured);
    if (::write(answer, text.data(), text.size()) == static_cast<ssize_t>(text.size())) ::kill(::getpid(), SIGKILL);
  } catch (const std::exception& failure) {
    text = failure.what();
    if (::write(answer, text.data(), text.size()) < 0) ::_exit(2);
  }
  ::_exit(1);
}

std::string read_all(int file) {
  std::string text;
  std::array<char, 1024> buffer{};
  for (;;) {
    const ssize_t count = ::read(file, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

// Does the work in a process that is killed right after it. Throws what the work threw.
Measurement run_and_kill(const Work& work) {
  int ends[2];
  if (::pipe(ends) != 0) throw BenchError("no pipe");
  const pid_t process = ::fork();
  if (process < 0) throw BenchError("no process");
  if (process == 0) {
    ::close(ends[0]);
    work_in_child(work, ends[1]);
  }
  ::close(ends[1]);
  const std::string answer = read_all(ends[0]);
  ::close(ends[0]);
  int state = 0;
  ::waitpid(process, &state, 0);
  const bool killed = WIFSIGNALED(state) && WTERMSIG(state) == SIGKILL;
  if (!killed || answer.size() != sizeof(Measurement)) {
    throw BenchError(killed || answer.empty() ? "a process ended early" : answer);
  }
  Measurement measured;
  std::memcpy(&measured, answer.data(), sizeof measured);
  return measured;
}

// From open to the first get; then checks all that was put.
Measurement open_and_check(const StageContext& stage, const OpenOptions& options, const Puts& puts) {
  const Workload& workload = stage.workload();
  const std::uint64_t row = workload.order().front();
  std::string value;
  const Clock::time_point start = Clock::now();
  stage.engine().open(options);
  std::unique_ptr<Session> session = stage.engine().session();
  const bool found = session->get(Key::present(row), value);
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  if (!found) throw BenchError("a key is missing after the kill");
  puts.check(*session);
  session.reset();
  stage.engine().close();
  return {.operations = 1, .seconds = seconds};
}

Measurement measure(const StageContext& stage, const OpenOptions& options, std::uint64_t count) {
  Puts puts(stage.workload(), Version::second);
  // Open until the kill: SQLite empties its log when the last connection goes.
  std::unique_ptr<Session> open_session;
  run_and_kill([&] { return bulk_load(stage); });
  run_and_kill([&] {
    stage.engine().open(options);
    open_session = stage.engine().session();
    return puts.run(stage.engine(), 1, {.puts = count});
  });
  puts.note_done(count);
  return run_and_kill([&] { return open_and_check(stage, options, puts); });
}

}  // namespace

void run_recovery(const StageContext& stage) {
  if (stage.promises_of("recovery").empty()) return;
  const std::uint64_t count = std::max<std::uint64_t>(stage.workload().rows() / 2, 1);
  OpenOptions options = stage.open_options(Promise::process);
  options.log_bytes = log_bytes;
  if (stage.any_wanted({"recovery", "replay"})) {
    stage.wait_for_turn("recovery");
    const Measurement opened = measure(stage, options, count);
    if (stage.wanted("recovery")) stage.report("recovery", Promise::process, opened);
    if (stage.wanted("replay") && stage.kind().log != Log::never) {
      stage.report("replay", Promise::process, {.operations = count, .seconds = opened.seconds});
    }
  }
  if (stage.take_turn("recovery-small-cache")) {
    options.cache_bytes = stage.small_cache_bytes();
    stage.report("recovery-small-cache", Promise::process, measure(stage, options, count));
  }
}

}  // namespace quire::bench
