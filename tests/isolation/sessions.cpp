// Sessions: the threads, and the commands.
//
// Whether everybody has come to rest: as many wait in the lock table as have an unfinished step. Who is let through there is no longer
// counted as waiting, so nobody is on the way unseen.
#include "isolation/sessions.hpp"

#include <sstream>

#include "base/try.hpp"
#include "kv/state.hpp"

namespace quire::test {

namespace {

constexpr std::uint64_t look_again_us = 50;
constexpr std::string_view rows = default_keyspace;

std::string told(const Status& status) { return status.ok() ? "ok" : std::string(code_name(status.code())); }

std::optional<Isolation> level_of(const std::string& name) {
  if (name == "read_uncommitted") return Isolation::read_uncommitted;
  if (name == "read_committed") return Isolation::read_committed;
  if (name == "repeatable_read") return Isolation::repeatable_read;
  if (name == "serializable") return Isolation::serializable;
  return std::nullopt;
}

using Rows = std::vector<std::pair<std::string, std::string>>;

Result<Rows> scan_all(Transaction& transaction, const Range& range) {
  Rows all;
  Scan scan = transaction.scan(rows, range);
  for (const Entry& entry : scan) all.emplace_back(entry.key, entry.value);
  QUIRE_TRY(scan.status());
  return all;
}

std::string text_of(const Rows& all) {
  std::string text;
  for (const auto& [key, value] : all) text += (text.empty() ? "" : " ") + key + "=" + value;
  return text.empty() ? "none" : text;
}

// One session's transaction, and the command language.
class Commands {
 public:
  explicit Commands(Database& database) : database_(database) {}

  std::string run(const std::string& command) {
    std::istringstream words(command);
    std::string verb;
    words_.clear();
    words >> verb;
    for (std::string word; words >> word;) words_.push_back(word);
    std::string answer;
    const Status done = run_verb(verb, answer);
    if (!done.ok()) message = std::string(done.message());
    if (transaction_ && !transaction_->active()) transaction_.reset();
    return done.ok() && !answer.empty() ? answer : told(done);
  }

  std::string message;

 private:
  Status run_verb(const std::string& verb, std::string& answer) {
    if (verb == "begin") return begin();
    if (!transaction_) return Status(Code::invalid, "no transaction");
    Transaction& tx = *transaction_;
    if (verb == "commit") return tx.commit();
    if (verb == "rollback") return tx.rollback();
    if (verb == "put") return tx.put(rows, word(0), word(1));
    if (verb == "insert") return tx.insert(rows, word(0), word(1));
    if (verb == "del") return tx.erase(rows, word(0));
    if (verb == "get" || verb == "getu") return get(verb == "getu", answer);
    if (verb == "lock") return lock();
    if (verb == "scan" || verb == "where") return scan(verb == "where", answer);
    if (verb == "add") return add();
    if (verb == "del_where") return del_where(answer);
    if (verb == "count") {
      QUIRE_ASSIGN(const std::uint64_t count, tx.count(rows));
      answer = std::to_string(count);
      return Status();
    }
    if (verb == "savepoint") {
      QUIRE_ASSIGN(savepoint_, tx.savepoint());
      return Status();
    }
    if (verb == "rollback_to") return tx.rollback_to(savepoint_);
    return Status(Code::invalid, "no command " + verb);
  }

  Status begin() {
    if (transaction_) return Status(Code::invalid, "a transaction is open");
    TransactionOptions options{.isolation = level_of(word(0))};
    if (words_.size() > 1) options.lock_timeout_ms = static_cast<std::uint32_t>(std::stoul(word(1)));
    if (!options.isolation) return Status(Code::invalid, "no level " + word(0));
    QUIRE_ASSIGN(Transaction begun, database_.begin(options));
    transaction_.emplace(std::move(begun));
    return Status();
  }

  Status get(bool for_update, std::string& answer) {
    QUIRE_ASSIGN(answer, for_update ? transaction_->get_for_update(rows, word(0)) : transaction_->get(rows, word(0)));
    return Status();
  }

  Status lock() {
    if (word(1) == "shared") return transaction_->lock(rows, word(0), LockMode::shared);
    return words_.size() > 1 ? transaction_->lock(rows, Range::closed(word(0), word(1))) : transaction_->lock(rows, word(0));
  }

  Status scan(bool filtered, std::string& answer) {
    const Range range = !filtered && words_.size() == 2 ? Range::closed(word(0), word(1)) : Range::all();
    QUIRE_ASSIGN(Rows all, scan_all(*transaction_, range));
    if (filtered) std::erase_if(all, [&](const auto& row) { return std::stoi(row.second) % std::stoi(word(0)) != 0; });
    answer = text_of(all);
    return Status();
  }

  Status add() {
    QUIRE_ASSIGN(const Rows all, scan_all(*transaction_, Range::all()));
    for (const auto& [key, value] : all) QUIRE_TRY(transaction_->put(rows, key, std::to_string(std::stoi(value) + std::stoi(word(0)))));
    return Status();
  }

  Status del_where(std::string& answer) {
    QUIRE_ASSIGN(Rows all, scan_all(*transaction_, Range::all()));
    std::erase_if(all, [&](const auto& row) { return row.second != word(0); });
    for (const auto& [key, value] : all) QUIRE_TRY(transaction_->erase(rows, key));
    answer = "erased " + (all.empty() ? "none" : all[0].first);
    return Status();
  }

  std::string word(std::size_t i) const { return i < words_.size() ? words_[i] : std::string(); }

  Database& database_;
  std::optional<Transaction> transaction_;
  Savepoint savepoint_;
  std::vector<std::string> words_;
};

}  // namespace

struct Sessions::Session {
  explicit Session(Database& database) : commands(database) {}
  Commands commands;                  // of its thread while it runs
  std::function<std::string()> work;  // empty: nothing to do. This and the rest under the mutex
  bool stops = false;
  std::string result = "ok";
  os::Condition given;
  std::optional<os::Thread> thread;   // last: joined first
};

Sessions::Sessions(Database& database) : database_(database) {}

Sessions::~Sessions() {
  {
    os::Lock lock(mutex_);
    for (const auto& [name, session] : sessions_) {
      session->stops = true;
      session->given.notify_one();
    }
  }
  sessions_.clear();
}

Sessions::Session& Sessions::session_of(const std::string& name) {
  std::unique_ptr<Session>& session = sessions_[name];
  if (session == nullptr) {
    session = std::make_unique<Session>(database_);
    Session& made = *session;
    made.thread.emplace([this, &made] { work(made); });
  }
  return *session;
}

void Sessions::work(Session& session) {
  os::Lock lock(mutex_);
  for (;;) {
    while (!session.work && !session.stops) session.given.wait(mutex_);
    if (!session.work) return;
    const std::function<std::string()> work = session.work;
    mutex_.unlock();
    std::string result = work();
    mutex_.lock();
    session.result = std::move(result);
    session.work = nullptr;
    finished_.notify_one();
  }
}

std::string Sessions::step(const std::string& name, const std::string& command) {
  Session& session = session_of(name);
  return run(name, [&session, command] { return session.commands.run(command); });
}

std::string Sessions::run(const std::string& name, std::function<std::string()> work) {
  Session& session = session_of(name);
  {
    os::Lock lock(mutex_);
    if (session.work) return "a step of a session that waits";
    session.work = std::move(work);
    session.given.notify_one();
  }
  settle();
  return result(name);
}

std::size_t Sessions::running_count() {
  std::size_t running = 0;
  for (const auto& [name, session] : sessions_) running += session->work ? 1 : 0;
  return running;
}

void Sessions::settle() {
  const lock::LockTable& locks = database_.impl()->state->engine->locks();
  os::Lock lock(mutex_);
  for (;;) {
    const std::size_t running = running_count();
    if (running == 0 || locks.counts().waiting == running) return;
    (void)finished_.wait_for(mutex_, look_again_us);
  }
}

bool Sessions::is_waiting(const std::string& name) {
  os::Lock lock(mutex_);
  const auto session = sessions_.find(name);
  return session != sessions_.end() && session->second->work != nullptr;
}

std::size_t Sessions::waiting() {
  os::Lock lock(mutex_);
  return running_count();
}

std::string Sessions::result(const std::string& name) {
  Session& session = session_of(name);
  os::Lock lock(mutex_);
  return session.work ? "waits" : session.result;
}

bool Sessions::finish(std::uint64_t most_us) {
  os::Lock lock(mutex_);
  for (std::uint64_t waited = 0; running_count() != 0 && waited < most_us; waited += 1000) (void)finished_.wait_for(mutex_, 1000);
  return running_count() == 0;
}

std::string Sessions::message(const std::string& name) {
  Session& session = session_of(name);
  os::Lock lock(mutex_);
  return session.commands.message;
}

}  // namespace quire::test
