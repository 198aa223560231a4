// Session: an open database, the current keyspace and perhaps an open transaction; runs commands.
//
//   (run)* then finish(). Every command outside `begin` ... `commit` is a transaction of its own.
//
// Threads   one thread at a time
// Lifetime  the printer outlives the session
// Errors    run() prints what went wrong and returns it; the session can go on
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "quire/database.hpp"
#include "shell/command.hpp"
#include "tools/printer.hpp"

namespace quire::shell {

using tools::Printer;

class Session {
 public:
  // `path` is only for prompts and messages.
  Session(Database database, std::string path, Printer& printer);

  // Runs one line: prints its result or its error, and flushes.
  Outcome run(std::string_view line);

  // Ends an open transaction by rollback and closes. constraint when that dropped changes.
  Status finish();

  Database& database() noexcept { return database_; }
  Printer& printer() noexcept { return printer_; }
  const CommandTable& commands() const noexcept { return commands_; }
  const std::string& path() const noexcept { return path_; }

  const std::string& keyspace() const noexcept { return keyspace_; }
  void set_keyspace(std::string name) { keyspace_ = std::move(name); }

  // Of the transaction that is open and those to come. Without a call: as the database was opened.
  void set_durability(Durability durability);
  Durability durability() const noexcept { return durability_.value_or(Durability::sync); }

  // The transaction begun by the user, if there is one.
  Transaction* transaction() noexcept { return transaction_ ? &*transaction_ : nullptr; }
  Status begin(Access access);
  Status commit();
  Status rollback();
  // A point in the transaction to go back to; without a name it is found while it is the newest.
  Status set_savepoint(std::string name);
  // Takes back what was done since the newest savepoint of that name, or the newest of all; it stays.
  Status rollback_to(const std::optional<std::string>& name);
  // Forgets it and those after it, and keeps the changes.
  Status release(const std::optional<std::string>& name);

  // A keyspace, or an error that names similar ones.
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

  bool quit_requested() const noexcept { return quit_; }
  void request_quit() noexcept { quit_ = true; }

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
    Result<Transaction> own = database_.begin(access);
    if (!own.ok()) return own.status();
    if (durability_) own->set_durability(*durability_);
    Outcome outcome = fn(*own);
    if (!outcome.ok() || access == Access::read) {
      const Status ended = own->rollback();
      return outcome.ok() ? Outcome(ended) : outcome;
    }
    return own->commit();
  }

  Database database_;
  std::string path_;
  Printer& printer_;
  CommandTable commands_;
  std::string keyspace_{default_keyspace};
  std::optional<Durability> durability_;
  std::optional<Transaction> transaction_;
  struct Named {
    std::string name;  // may be empty, and the same as another one's
    Savepoint savepoint;
  };
  std::vector<Named> savepoints_;  // of the transaction, newest last
  std::string error_context_;
  bool quit_ = false;
};

}  // namespace quire::shell
