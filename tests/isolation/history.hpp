// History: what transactions did to lists and what they saw, as told by those who ran them.
//
// Every key holds a list of numbers, at first an empty one (no row). The only change is to append a number that nobody else appends. So a
// list that somebody reads tells not only which version it is, but also which ones came before: the order of versions needs no
// guessing. The idea is that of Elle (Kingsbury and Alvaro, "Elle: inferring isolation anomalies from experimental observations", VLDB
// 2020); the code is not.
//
// A scan is a read of every key in its range, empty lists included, so rows that appear (phantoms) are changes like others.
//
// Threads   one transaction's record belongs to one thread
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "quire/options.hpp"

namespace quire::test {

using List = std::vector<std::uint64_t>;

inline constexpr std::size_t never = std::numeric_limits<std::size_t>::max();

struct Event {
  enum class Kind : std::uint8_t { append, read };
  Kind kind = Kind::read;
  std::size_t key = 0;
  std::uint64_t value = 0;        // appended
  std::size_t undone_at = never;  // events of the transaction when a savepoint before it was gone back to
  List seen{};                    // read
};

struct Record {
  std::string name;
  Isolation level = Isolation::serializable;
  bool reads_only = false;  // Access::read: a snapshot, which is serializable
  bool committed = false;
  // From one counter for all: taken before it began, and after it had ended.
  std::uint64_t begun = 0;
  std::uint64_t ended = 0;
  std::vector<Event> events{};
};

struct History {
  std::vector<Record> records;
  std::vector<List> last;  // what each key holds in the end
};

std::string describe(const List& list);
std::string describe(const Record& record);

}  // namespace quire::test
