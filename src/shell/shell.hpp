// Shell: the open database and the sessions that work on it.
//
// Each session has a thread once there are two, so that a command that waits for another session's lock does not hold up the others: the shell goes on as
// soon as nothing can happen any more before somebody types. That is when every command that has been given has either finished or waits
// in the lock table; who waits there for a session of this shell waits until that one is told to do something. So what a script prints
// does not depend on how fast anything is.
//
// What a session prints while it waits is kept until it has finished. Commands that have nothing to do with a session - help, session,
// transactions, locks, snapshots - run on the shell's own thread, also while the current session waits.
//
//   (run)* then finish()
//
// Invariants   1. between two calls no session is running, but those that wait for others
//              2. the session that is not detached is the current one
// Threads      one thread; sessions have their own
// Lifetime     the printer outlives the shell
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shell/session.hpp"
#include "shell/session_thread.hpp"

namespace quire::shell {

class Shell {
 public:
  // `path` is only for prompts and messages.
  Shell(Database database, std::string path, Printer& printer);
  ~Shell();
  Shell(const Shell&) = delete;
  Shell& operator=(const Shell&) = delete;

  // Runs one line in the current session. Ok when the command waits; the outcome of those that waited counts in the call that sees them
  // finish.
  Outcome run(std::string_view line);
  // Rolls back what is open, waits for those who wait, closes. interrupted when that dropped changes.
  Status finish();

  // "b demo.qdb:cities*> ", where the session's name is left out while there is one.
  std::string prompt();
  bool quit_requested() const noexcept { return quit_; }
  void request_quit() noexcept { quit_ = true; }
  // Before every error of the commands to come: "line 3: ".
  void set_error_context(const std::string& context);

  Database& database() noexcept { return database_; }
  Printer& printer() noexcept { return printer_; }
  const CommandTable& commands() const noexcept { return commands_; }
  const std::string& path() const noexcept { return path_; }
  // Runs commands on the calling thread: those of the shell, and tools.
  Session& console() noexcept { return console_; }

  // Of all sessions, and of those that are made later.
  void set_durability(Durability durability);
  void set_lock_timeout_ms(std::uint32_t timeout_ms);

  // Goes to another session, which is made when there is none of that name.
  void use(const std::string& name);
  SessionThread& current() noexcept { return *current_; }
  const std::vector<std::unique_ptr<SessionThread>>& sessions() const noexcept { return sessions_; }
  // The transaction that it has open or its command has begun, while that waits.
  std::optional<TransactionInfo> wait_info(const SessionThread& session) const;
  // "put k 2 waits for transaction 1 (session a)"; empty when it does not.
  std::string wait_of(const SessionThread& session) const;
  // The name of the session a write transaction, or a thread, belongs to; empty when it is none of this shell.
  std::string owner_of_transaction(std::uint64_t number) const;
  std::string owner_of_thread(std::uint64_t number) const;

 private:
  SessionThread& add(const std::string& name);
  Outcome run_in_current(std::string_view line);
  Outcome refuse(const SessionThread& session);
  // Until every command that was given has finished or waits for another session.
  void settle();
  bool all_wait(const std::vector<SessionThread*>& running) const;
  void announce(SessionThread& session);
  // Prints what those have to say that have finished after they had to wait. The first failure.
  Outcome deliver();
  // What was dropped is added to the text.
  void end_idle(std::string& lost);
  Outcome end_sessions(std::string& lost);

  Database database_;
  std::string path_;
  Printer& printer_;
  CommandTable commands_;
  Session console_;
  Bell bell_;
  std::optional<Durability> durability_;
  std::optional<std::uint32_t> lock_timeout_ms_;
  bool quit_ = false;
  std::string error_context_;
  std::vector<std::unique_ptr<SessionThread>> sessions_;
  SessionThread* current_ = nullptr;
};

}  // namespace quire::shell
