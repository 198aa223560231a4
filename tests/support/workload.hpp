// Workload: random transactions over a database, with the model that says what must be in it.
//
// The model is a std::map per keyspace. Every transaction also counts itself under the key "n" of the default keyspace,
// so that a state found after a crash tells which commit it is.
//
// Threads   one
#pragma once

#include <map>
#include <string>

#include "base/random.hpp"
#include "quire/database.hpp"

namespace quire::test {

using State = std::map<std::string, std::map<std::string, std::string>>;

// Everything in the database, through one read transaction.
Result<State> read_state(Database& database);

// What a fresh database holds.
State fresh_state();

struct WorkloadOptions {
  std::uint64_t keys = 40;                  // distinct keys per keyspace
  std::uint64_t operations_max = 12;        // per transaction
  std::uint64_t value_bytes_max = 300;      // of small values
  std::uint64_t large_value_bytes_max = 20000;
  std::uint64_t large_value_chance = 20;    // one in so many
};

class Workload {
 public:
  Workload(std::uint64_t seed, WorkloadOptions options) : random_(seed), options_(options) {}

  // Fills `transaction` with random changes and applies the same to `state`; a failure of a call that must
  // succeed is returned.
  Status fill(Transaction& transaction, State& state, std::uint64_t number);

 private:
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
