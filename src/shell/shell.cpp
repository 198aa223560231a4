// Shell: see shell.hpp.
//
// Whether a session has finished is asked before who waits: so when all that had not finished are found waiting, in one picture of the
// lock table, nobody was left who could have let one of them go.
#include "shell/shell.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/try.hpp"
#include "tools/escape.hpp"

namespace quire::shell {

namespace {

constexpr std::string_view first_session = "a";
// Between two looks at who waits.
constexpr std::uint64_t first_pause_us = 500;
constexpr std::uint64_t longest_pause_us = 10'000;

std::string_view first_word(std::string_view line) {
  const std::size_t begin = std::min(line.find_first_not_of(" \t"), line.size());
  const std::size_t end = std::min(line.find_first_of(" \t", begin), line.size());
  return line.substr(begin, end - begin);
}

}  // namespace

Shell::Shell(Database database, std::string path, Printer& printer)
    : database_(std::move(database)), path_(std::move(path)), printer_(printer), console_(*this, printer) {
  current_ = &add(std::string(first_session));
}

Shell::~Shell() {
  std::string lost;
  (void)end_sessions(lost).ok();
}

SessionThread& Shell::add(const std::string& name) {
  sessions_.push_back(std::make_unique<SessionThread>(*this, name, printer_, bell_));
  SessionThread& made = *sessions_.back();
  if (durability_) made.session().set_durability(*durability_);
  if (lock_timeout_ms_) made.session().set_lock_timeout_ms(*lock_timeout_ms_);
  return made;
}

void Shell::set_durability(Durability durability) {
  durability_ = durability;
  for (const auto& session : sessions_) session->session().set_durability(durability);
}

void Shell::set_lock_timeout_ms(std::uint32_t timeout_ms) {
  lock_timeout_ms_ = timeout_ms;
  for (const auto& session : sessions_) session->session().set_lock_timeout_ms(timeout_ms);
}

void Shell::set_error_context(const std::string& context) {
  error_context_ = context;
  console_.set_error_context(context);
}

void Shell::use(const std::string& name) {
  const auto found = std::find_if(sessions_.begin(), sessions_.end(), [&](const auto& session) { return session->name() == name; });
  current_ = found == sessions_.end() ? &add(name) : found->get();
}

std::string Shell::prompt() {
  const std::string& text = current_->view().prompt;
  return sessions_.size() == 1 ? text : tools::escape(current_->name()) + " " + text;
}

std::string Shell::owner_of_transaction(std::uint64_t number) const {
  if (number == 0) return {};
  const auto found = std::find_if(sessions_.begin(), sessions_.end(), [&](const auto& session) { return session->transaction_number() == number; });
  return found == sessions_.end() ? std::string() : tools::escape((*found)->name());
}

std::string Shell::owner_of_thread(std::uint64_t number) const {
  const auto found = std::find_if(sessions_.begin(), sessions_.end(), [&](const auto& session) { return session->has_used(number); });
  return found == sessions_.end() ? std::string() : tools::escape((*found)->name());
}

// ---- running

Outcome Shell::run(std::string_view line) {
  settle();
  Outcome before = deliver();
  const std::string_view word = first_word(line);
  const Command* command = commands_.find(word);
  Outcome outcome = command != nullptr && command->of_shell ? console_.run(line) : run_in_current(line);
  Outcome after = deliver();
  for (const auto& session : sessions_) announce(*session);
  const Status flushed = printer_.flush();
  if (!before.ok()) return before;
  if (!outcome.ok()) return outcome;
  return after.ok() ? Outcome(flushed) : after;
}

Outcome Shell::run_in_current(std::string_view line) {
  const std::string_view word = first_word(line);
  if (word.empty() || line.starts_with('#')) return {};
  SessionThread& session = *current_;
  if (session.busy()) return refuse(session);
  session.session().set_error_context(error_context_);
  const auto work = [text = std::string(line)](Session& its) { return its.run(text); };
  if (sessions_.size() == 1) return session.run_here(work);
  session.start(std::string(line), work);
  settle();
  if (!session.running()) return session.take();
  session.session().note_wait();
  session.outlet().close();
  session.detached = true;
  return {};
}

Outcome Shell::refuse(const SessionThread& session) {
  const std::optional<TransactionInfo> wait = wait_info(session);
  const std::string owner = wait ? owner_of_transaction(wait->waits_for) : std::string();
  const std::string where = owner.empty() ? "session NAME goes to another one" : fmt::format("session {} goes there", owner);
  const std::string why = wait ? wait_of(session) : tools::escape(session.line());
  Outcome outcome(Status(Code::busy, fmt::format("session {} waits: {}; {}", tools::escape(session.name()), why, where)));
  printer_.error(code_name(outcome.status.code()), error_context_ + std::string(outcome.status.message()));
  return outcome;
}

bool Shell::all_wait(const std::vector<SessionThread*>& running) const {
  const Result<std::vector<TransactionInfo>> all = database_.transactions();
  if (!all.ok()) return false;
  return std::all_of(running.begin(), running.end(), [&](const SessionThread* session) {
    const std::uint64_t number = session->transaction_number();
    return std::any_of(all->begin(), all->end(), [&](const TransactionInfo& info) { return info.number == number && info.waiting; });
  });
}

void Shell::settle() {
  for (std::uint64_t pause_us = first_pause_us;; pause_us = std::min(2 * pause_us, longest_pause_us)) {
    const std::uint64_t heard = bell_.rung();
    std::vector<SessionThread*> running;
    for (const auto& session : sessions_) {
      if (session->running()) running.push_back(session.get());
    }
    if (running.empty()) return;
    if (pause_us > first_pause_us && all_wait(running)) return;
    bell_.wait(heard, pause_us);
  }
}

// ---- waiting

std::optional<TransactionInfo> Shell::wait_info(const SessionThread& session) const {
  const std::uint64_t number = session.transaction_number();
  Result<std::vector<TransactionInfo>> all = database_.transactions();
  if (!all.ok() || number == 0) return {};
  const auto found = std::find_if(all->begin(), all->end(), [&](const TransactionInfo& info) { return info.number == number && info.waiting; });
  return found == all->end() ? std::optional<TransactionInfo>() : std::move(*found);
}

std::string Shell::wait_of(const SessionThread& session) const {
  const std::optional<TransactionInfo> wait = wait_info(session);
  if (!wait) return {};
  const std::string owner = owner_of_transaction(wait->waits_for);
  return fmt::format("{} waits for transaction {}{}", tools::escape(session.line()), wait->waits_for, owner.empty() ? "" : fmt::format(" (session {})", owner));
}

void Shell::announce(SessionThread& session) {
  if (!session.detached || !session.running()) return;
  const std::string wait = wait_of(session);
  if (wait.empty() || wait == session.announced) return;
  session.announced = wait;
  const std::string text = fmt::format("{}: {}", tools::escape(session.name()), wait);
  if (printer_.json()) {
    printer_.document({{"session", session.name()}, {"waits", wait}});
  } else if (printer_.pretty()) {
    printer_.line(text);
  } else {
    printer_.error_stream() << "note: " << text << std::endl;
  }
}

Outcome Shell::deliver() {
  Outcome first;
  for (const auto& session : sessions_) {
    if (!session->detached || session->running()) continue;
    Outcome outcome = session->take();
    session->detached = false;
    session->announced.clear();
    const std::string text = fmt::format("{}: {}", tools::escape(session->name()), tools::escape(session->line()));
    if (printer_.json()) {
      printer_.document({{"session", session->name()}, {"finished", session->line()}});
    } else if (printer_.pretty()) {
      printer_.line(text);
    }
    session->outlet().open_again();
    if (first.ok() && !outcome.ok()) first = std::move(outcome);
  }
  return first;
}

// ---- the end

void Shell::end_idle(std::string& lost) {
  for (const auto& session : sessions_) {
    if (session->busy() || session->ended) continue;
    session->ended = true;
    const Outcome outcome = session->run_here([](Session& its) { return Outcome(its.end()); });
    if (outcome.ok()) continue;
    if (!lost.empty()) lost += "; ";
    if (sessions_.size() > 1) lost += fmt::format("session {}: ", tools::escape(session->name()));
    lost += outcome.status.message();
  }
}

// Whoever waits goes on when those it waits for have ended, and is ended then.
Outcome Shell::end_sessions(std::string& lost) {
  Outcome failed;
  for (;;) {
    end_idle(lost);
    settle();
    Outcome outcome = deliver();
    if (failed.ok()) failed = std::move(outcome);
    const auto rest = [](const auto& session) { return session->busy() || !session->ended; };
    if (std::none_of(sessions_.begin(), sessions_.end(), rest)) break;
    // Whoever waits now waits for somebody who is none of this shell.
    const auto settled = [](const auto& session) { return session->busy() || session->ended; };
    if (std::all_of(sessions_.begin(), sessions_.end(), settled)) os::sleep_us(longest_pause_us);
  }
  (void)printer_.flush().ok();
  return failed;
}

Status Shell::finish() {
  std::string lost;
  const Outcome failed = end_sessions(lost);
  QUIRE_TRY(database_.close());
  if (!lost.empty()) return Status(Code::interrupted, lost);
  return failed.status;
}

}  // namespace quire::shell
