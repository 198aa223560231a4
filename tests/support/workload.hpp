// Workload: random transactions over a database, with the model that says what must be in it.
//
// The model is a std::map per keyspace. Every transaction also counts itself under the key "n" of the default keyspace,
// so that a state found after a crash tells which commit it is. Savepoints are set and gone back to on the way; a
// transaction may end with a rollback, and checkpoints may be written while it is open.
//
// Threads   one
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "quire/database.hpp"

namespace quire::test {

using State = std::map<std::string, std::map<std::string, std::string>>;

// Everything in the database, through one read transaction.
Result<State> read_state(Database& database);
// What one transaction sees.
Result<State> read_state(const Transaction& transaction);

// What a fresh database holds.
State fresh_state();

struct WorkloadOptions {
  std::uint64_t keys = 40;                  // distinct keys per keyspace
  std::uint64_t operations_max = 12;        // per transaction
  std::uint64_t value_bytes_max = 300;      // of small values
  std::uint64_t large_value_bytes_max = 20000;
  std::uint64_t large_value_chance = 20;    // one in so many
  std::uint64_t savepoint_chance = 12;      // one in so many changes; as many go back to one
  std::uint64_t checkpoint_chance = 0;      // one in so many changes is followed by a checkpoint; 0: none
  std::uint64_t rollback_chance = 0;        // one in so many transactions; 0: none
};

class Workload {
 public:
  Workload(std::uint64_t seed, WorkloadOptions options) : random_(seed), options_(options) {}

  // Fills `transaction` with random changes and applies the same to `state`; a failure of a call that must
  // succeed is returned.
  // With `database`, checkpoints are written in between.
  Status fill(Transaction& transaction, State& state, std::uint64_t number, Database* database = nullptr);
  // Whether the transaction just filled should be taken back.
  bool rolls_back() { return options_.rollback_chance != 0 && random_.chance(1, options_.rollback_chance); }

 private:
  struct Point {
    Savepoint savepoint;
    State state;
  };
  Status move_between_savepoints(Transaction& transaction, State& state, std::vector<Point>& points);
  Status change(Transaction& transaction, State& state);
  std::string some_keyspace(const State& state);
  std::string some_key();
  std::string some_value();

  Random random_;
  const WorkloadOptions options_;
};

// The first difference between two states, for messages.
std::string difference(const State& found, const State& expected);

}  // namespace quire::test
