// Session: one user of the shell's database, with a current keyspace and perhaps an open transaction; runs commands.
//
//   (run)* then end(). Every command outside `begin` ... `commit` is a transaction of its own.
//
// Threads   one thread at a time, but for transaction_number() and note_wait()
// Lifetime  shell and printer outlive the session
// Errors    run() prints what went wrong and returns it; the session can go on. Whoever gives way in a deadlock has no transaction any more
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/atomic.hpp"
#include "quire/database.hpp"
#include "shell/command.hpp"
#include "tools/printer.hpp"

namespace quire::shell {

using tools::Printer;

class Shell;

// What others may know of a session while it is running.
struct SessionView {
  std::string prompt;
  std::string keyspace;
  std::string isolation;
  std::string transaction;  // "read", "write" or empty
};

class Session {
 public:
  Session(Shell& shell, Printer& printer) : shell_(shell), printer_(printer) {}

  // Runs one line: prints its result or its error, and flushes.
  Outcome run(std::string_view line);

  // The running command has to wait for another session: how long it takes tells nothing. From any thread.
  void note_wait() noexcept { waited_.store(true, relaxed); }

  // Ends an open transaction by rollback. interrupted when that dropped changes.
  Status end();

  Shell& shell() noexcept { return shell_; }
  Database& database() noexcept;
  Printer& printer() noexcept { return printer_; }
  const CommandTable& commands() const noexcept;
  const std::string& path() const noexcept;

  const std::string& keyspace() const noexcept { return keyspace_; }
  void set_keyspace(std::string name) { keyspace_ = std::move(name); }

  // Of the transaction that is open and those to come. Without a call: as the database was opened.
  void set_durability(Durability durability);
  Durability durability() const noexcept { return durability_.value_or(Durability::sync); }
  // Of write transactions to come.
  void set_isolation(Isolation isolation) noexcept { isolation_ = isolation; }
  Isolation isolation() const noexcept { return isolation_; }
  // How long transactions to come wait for others. Without a call: as the database was opened.
  void set_lock_timeout_ms(std::uint32_t timeout_ms) noexcept { lock_timeout_ms_ = timeout_ms; }
  std::uint32_t lock_timeout_ms() const noexcept { return lock_timeout_ms_.value_or(Options().lock_timeout_ms); }

  // The transaction begun by the user, if there is one.
  Transaction* transaction() noexcept { return transaction_ ? &*transaction_ : nullptr; }
  Status begin(Access access, std::optional<Isolation> isolation);
  // Of the write transaction that is open, or of the one that the running command has begun; 0: none.
  std::uint64_t transaction_number() const noexcept { return number_.load(relaxed); }
  Status commit();
  Status rollback();
  // Ok when a transaction is open that may lock; a lock lasts as long as its transaction.
  Status can_lock() const;
  // A point in the transaction to go back to; without a name it is found while it is the newest.
  Status set_savepoint(std::string name);
  // Takes back what was done since the newest savepoint of that name, or the newest of all; it stays.
  Status rollback_to(const std::optional<std::string>& name);
  // Forgets it and those after it, and keeps the changes.
  Status release(const std::optional<std::string>& name);

  // A keyspace without the number of its entries, which would have to be locked; or an error that names similar ones.
  Result<KeyspaceInfo> describe(const Transaction& transaction, const std::string& name) const;

  // Runs fn(Transaction&) -> Outcome in the open transaction, else in one of its own, which commits when
  // it returns ok.
  template <std::invocable<Transaction&> Fn>
  Outcome read(Fn&& fn) {
    return in_transaction(Access::read, fn);
  }
  template <std::invocable<Transaction&> Fn>
  Outcome write(Fn&& fn) {
    return in_transaction(Access::write, fn);
  }

  // "demo.qdb:cities*> "; the star is an open transaction, the keyspace is left out when it is the default one.
  std::string prompt() const;
  SessionView view() const;

  // Before every error: "line 3: ".
  void set_error_context(std::string context) { error_context_ = std::move(context); }

  // interrupted when Ctrl-C was pressed or the output is gone, else ok. For loops.
  Status check_interrupt() const;

 private:
  // Whether the command says itself how long it took comes back too.
  Outcome execute(std::string_view line, bool& tells_time);
  Status end_transaction(Status status);
  Result<std::size_t> find_savepoint(const std::optional<std::string>& name) const;
  void report(const Outcome& outcome);

  template <class Fn>
  Outcome in_transaction(Access access, Fn& fn) {
    if (transaction_) return fn(*transaction_);
    Result<Transaction> own = database().begin(options_of(access, isolation_));
    if (!own.ok()) return own.status();
    number_.store(own->number(), relaxed);
    Outcome outcome = fn(*own);
    if (!outcome.ok() || access == Access::read) {
      // A victim of a deadlock has been rolled back.
      const Status ended = own->active() ? own->rollback() : Status();
      if (outcome.ok()) outcome = ended;
    } else {
      outcome = own->commit();
    }
    number_.store(0, relaxed);
    return outcome;
  }
  TransactionOptions options_of(Access access, Isolation isolation) const noexcept;

  Shell& shell_;
  Printer& printer_;
  std::string keyspace_{default_keyspace};
  std::optional<Durability> durability_;
  std::optional<std::uint32_t> lock_timeout_ms_;
  Isolation isolation_ = Options().isolation;
  Atomic<std::uint64_t> number_{0};
  Atomic<bool> waited_{false};
  std::optional<Transaction> transaction_;
  struct Named {
    std::string name;  // may be empty, and the same as another one's
    Savepoint savepoint;
  };
  std::vector<Named> savepoints_;  // of the transaction, newest last
  std::string error_context_;
};

}  // namespace quire::shell
