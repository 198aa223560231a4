// Session: see session.hpp.
//
// Errors pass through one place, report(), which knows the form of output and the line of a script; nothing
// else in the shell writes to the error stream but notes and progress.
#include "shell/session.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <utility>
#include <vector>

#include "base/try.hpp"
#include "os/environment.hpp"
#include "os/terminal.hpp"
#include "shell/open_options.hpp"
#include "shell/shell.hpp"
#include "tools/amounts.hpp"
#include "tools/escape.hpp"
#include "tools/suggest.hpp"

namespace quire::shell {

namespace {

// Commands that take longer than this tell people how long they took.
constexpr std::uint64_t long_command_us = 500'000;

}  // namespace

Database& Session::database() noexcept { return shell_.database(); }
const CommandTable& Session::commands() const noexcept { return shell_.commands(); }
const std::string& Session::path() const noexcept { return shell_.path(); }

TransactionOptions Session::options_of(Access access, Isolation isolation) const noexcept {
  return {.access = access, .isolation = isolation, .durability = durability_, .lock_timeout_ms = lock_timeout_ms_};
}

Outcome Session::run(std::string_view line) {
  os::Clock& clock = os::system_environment().clock;
  const std::uint64_t start_us = clock.monotonic_us();
  os::clear_interrupt();
  waited_.store(false, relaxed);
  bool tells_time = false;
  Outcome outcome = execute(line, tells_time);
  if (transaction_ && !transaction_->active()) {
    outcome.status = Status(outcome.status.code(), std::string(outcome.status.message()) + "; the transaction was rolled back");
    (void)end_transaction({}).ok();
  }
  const std::uint64_t time_us = clock.monotonic_us() - start_us;
  report(outcome);
  tells_time = tells_time || waited_.load(relaxed);
  if (outcome.ok() && printer_.pretty() && !tells_time && time_us >= long_command_us) printer_.line(fmt::format("({})", tools::time_amount(time_us)));
  const Status flushed = printer_.flush();
  return outcome.ok() ? Outcome(flushed) : outcome;
}

Outcome Session::execute(std::string_view line, bool& tells_time) {
  QUIRE_ASSIGN_USAGE(const std::vector<Word> words, split_words(line));
  if (words.empty()) return {};
  const std::string& name = words[0].text;
  const Command* command = commands().find(name);
  if (command == nullptr) {
    return Outcome::wrong_usage(fmt::format("unknown command '{}'{}{}", tools::escape(name), tools::suggestion(name, commands().names()),
                                            printer_.pretty() ? " (type help for a list)" : ""));
  }
  tells_time = command->tells_time;
  QUIRE_ASSIGN_USAGE(const Arguments arguments, parse_arguments(*command, std::span(words).subspan(1)));
  Outcome outcome = command->run(*this, arguments);
  const std::string prefix = command->name + ": ";
  if (outcome.usage && !outcome.status.message().starts_with(prefix)) {
    return Outcome::wrong_usage(fmt::format("{}{}; usage: {}", prefix, outcome.status.message(), usage_line(*command)));
  }
  return outcome;
}

void Session::report(const Outcome& outcome) {
  if (outcome.ok()) return;
  const std::string_view name = outcome.usage ? std::string_view("usage") : code_name(outcome.status.code());
  const std::string_view message = outcome.status.message();
  printer_.error(name, error_context_ + std::string(message.empty() ? code_name(outcome.status.code()) : message));
}

Status Session::end() {
  if (!transaction_) return {};
  const bool changes = transaction_->access() == Access::write;
  QUIRE_TRY(rollback());
  return changes ? Status(Code::interrupted, "the open transaction was not committed; its changes are dropped") : Status();
}

void Session::set_durability(Durability durability) {
  durability_ = durability;
  if (transaction_) transaction_->set_durability(durability);
}

Status Session::begin(Access access, std::optional<Isolation> isolation) {
  if (transaction_) return Status(Code::invalid, "a transaction is open already; commit or rollback ends it");
  QUIRE_ASSIGN(Transaction transaction, database().begin(options_of(access, isolation.value_or(isolation_))));
  number_.store(transaction.number(), relaxed);
  transaction_.emplace(std::move(transaction));
  return {};
}

Status Session::commit() {
  if (!transaction_) return Status(Code::invalid, "no transaction is open; begin opens one");
  return end_transaction(transaction_->access() == Access::read ? transaction_->rollback() : transaction_->commit());
}

Status Session::rollback() {
  if (!transaction_) return Status(Code::invalid, "no transaction is open; begin opens one");
  return end_transaction(transaction_->rollback());
}

Status Session::can_lock() const {
  if (!transaction_) return Status(Code::invalid, "no transaction is open; a lock lasts as long as its transaction, and begin opens one");
  if (transaction_->access() == Access::read) return Status(Code::read_only, "a transaction that only reads has a snapshot and locks nothing");
  return {};
}

Status Session::end_transaction(Status status) {
  number_.store(0, relaxed);
  transaction_.reset();
  savepoints_.clear();
  return status;
}

Status Session::set_savepoint(std::string name) {
  if (!transaction_) return Status(Code::invalid, "no transaction is open; a savepoint is a point in one, and begin opens one");
  if (transaction_->access() == Access::read) return Status(Code::read_only, "a transaction that only reads has nothing to go back from");
  QUIRE_ASSIGN(const Savepoint savepoint, transaction_->savepoint());
  savepoints_.push_back({std::move(name), savepoint});
  return {};
}

Result<std::size_t> Session::find_savepoint(const std::optional<std::string>& name) const {
  if (!transaction_) return Status(Code::invalid, "no transaction is open; savepoints end with theirs");
  if (!name && !savepoints_.empty()) return savepoints_.size() - 1;
  std::vector<std::string> known;
  for (std::size_t i = savepoints_.size(); i-- > 0;) {
    if (savepoints_[i].name == name) return i;
    if (!savepoints_[i].name.empty()) known.push_back(savepoints_[i].name);
  }
  if (savepoints_.empty()) return Status(Code::not_found, "this transaction has no savepoint");
  return Status(Code::not_found, fmt::format("no savepoint '{}' in this transaction{}", tools::escape(*name), tools::suggestion(*name, known)));
}

Status Session::rollback_to(const std::optional<std::string>& name) {
  QUIRE_ASSIGN(const std::size_t index, find_savepoint(name));
  QUIRE_TRY(transaction_->rollback_to(savepoints_[index].savepoint));
  savepoints_.resize(index + 1);
  return {};
}

Status Session::release(const std::optional<std::string>& name) {
  QUIRE_ASSIGN(const std::size_t index, find_savepoint(name));
  QUIRE_TRY(transaction_->release(savepoints_[index].savepoint));
  savepoints_.resize(index);
  return {};
}

Result<KeyspaceInfo> Session::describe(const Transaction& transaction, const std::string& name) const {
  Result<Schema> schema = transaction.schema(name);
  if (schema.ok()) return KeyspaceInfo{name, std::move(schema).value(), 0};
  if (schema != Code::not_found) return schema.status();
  std::vector<std::string> known;
  QUIRE_ASSIGN(const std::vector<KeyspaceInfo> all, shell_.database().keyspaces());
  for (const KeyspaceInfo& other : all) known.push_back(other.name);
  return Status(Code::not_found, fmt::format("no keyspace '{}'{}", tools::escape(name), tools::suggestion(name, known)));
}

std::string Session::prompt() const {
  std::string text = std::filesystem::path(path()).filename().string();
  if (keyspace_ != default_keyspace) text += ":" + keyspace_;
  if (transaction_) text += transaction_->access() == Access::write ? "*" : "@";
  return tools::escape(text) + "> ";
}

SessionView Session::view() const {
  SessionView view{.prompt = prompt(), .keyspace = keyspace_, .isolation = std::string(isolation_name(isolation_)), .transaction = {}};
  if (transaction_) {
    const bool writes = transaction_->access() == Access::write;
    view.transaction = writes ? "write" : "read";
    view.isolation = writes ? isolation_name(transaction_->isolation()) : "snapshot";
  }
  return view;
}

Status Session::check_interrupt() const {
  if (os::interrupt_requested()) return Status(Code::interrupted, "stopped");
  if (printer_.failed()) return Status(Code::io, "the output cannot be written");
  return {};
}

}  // namespace quire::shell
