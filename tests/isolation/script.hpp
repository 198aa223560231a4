// Script: a random transaction over lists, planned before it runs, and the record of how it went.
//
// What it does does not depend on what it sees, so the same seed is the same script. An append takes two steps, reading the list and
// writing the longer one; others may come in between. A step that times out or meets a conflict has done nothing: the transaction goes on
// without it, or gives up.
//
// Threads   one at a time
#pragma once

#include <map>
#include <optional>

#include "base/atomic.hpp"
#include "base/random.hpp"
#include "isolation/history.hpp"
#include "quire/database.hpp"

namespace quire::test {

struct ScriptOptions {
  std::vector<Isolation> levels{Isolation::serializable};  // one of them for each transaction
  std::size_t keys = 5;
  std::size_t actions_max = 5;           // reads, scans and appends per transaction
  // How a list is read that will be appended to. Below repeatable_read a plain read lets updates be lost.
  enum class Look : std::uint8_t { plain, locking, either } look = Look::either;
  std::uint64_t snapshot_one_in = 6;     // transactions that only read
  std::uint64_t impatient_one_in = 5;    // transactions that do not wait
  std::uint64_t rollback_one_in = 6;
  std::uint64_t savepoint_one_in = 5;    // actions
  std::uint64_t large_one_in = 30;       // lists written with padding
  std::uint32_t lock_timeout_ms = 60'000;
};

struct Step {
  enum class Kind : std::uint8_t { begin, read, scan, look, look_locking, write, replace, insert, lock_range, savepoint, rollback_to, commit, rollback };
  Kind kind = Kind::begin;
  std::size_t key = 0;
  std::size_t end = 0;          // of a range: the last key
  std::uint64_t value = 0;
  std::uint64_t limit = 0;      // of a scan: entries; 0: all
  bool flag = false;            // scan: backwards; lock: shared; write: large
  bool gives_up = false;        // when it fails
};

class Script {
 public:
  // `number` makes name and values its own; `moments` counts for all.
  Script(Database& database, std::uint64_t seed, std::uint64_t number, const ScriptOptions& options, Atomic<std::uint64_t>& moments);

  bool is_done() const noexcept { return next_ == steps_.size(); }
  // What it is about to do.
  std::string describe_next() const;
  // Does it; what came of it, for people.
  std::string step();
  const Record& record() const noexcept { return record_; }
  // What must never happen, such as a commit that fails. Empty: nothing.
  const std::string& trouble() const noexcept { return trouble_; }

 private:
  void plan(Random& random, const ScriptOptions& options);
  void plan_append(Random& random, const ScriptOptions& options, std::size_t key);
  void add(const Step& step) { steps_.push_back(step); }
  Status begin();
  Status run(const Step& step);
  Status look(const Step& step);
  Status write(const Step& step);
  Status scan(const Step& step);
  Status rollback_to();
  void end(bool committed);
  void settle(const Step& step, const Status& done);
  void note_read(std::size_t key, List list) { record_.events.push_back({.kind = Event::Kind::read, .key = key, .seen = std::move(list)}); }

  Database& database_;
  const std::uint64_t number_;
  Atomic<std::uint64_t>& moments_;
  TransactionOptions how_;
  std::vector<Step> steps_;
  std::size_t next_ = 0;
  std::optional<Transaction> transaction_;
  std::optional<List> looked_;  // by the step before
  struct Point {
    Savepoint savepoint;
    std::size_t events;
  };
  std::vector<Point> points_;
  Record record_;
  std::string trouble_;
  std::string told_;
};

std::string key_of(std::size_t key);
// The lists of all keys, as a new transaction sees them.
Result<std::vector<List>> read_lists(Database& database, std::size_t keys);

}  // namespace quire::test
