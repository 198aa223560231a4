// Judge: whether a history is one that its isolation levels allow.
//
// Dependencies between transactions, per key, of versions that follow each other (Adya, "Weak consistency: a generalized theory and
// optimistic implementations for distributed transactions", MIT 1999):
//
//   ww   the second replaced the version of the first          demanded of all
//   wr   the second read the version of the first              of readers from read_committed up
//   rw   the first read the version that the second replaced   of readers from repeatable_read up
//   rt   the first had committed before the second began       of all: no level may show an old state
//
// and what must not be, level by level; each adds to those before:
//
//   read_uncommitted   G0: a cycle of ww. A number that was taken back stays, one that was committed is lost (dirty write, lost update)
//   read_committed     G1a: numbers of transactions that were rolled back are read; G1b: lists that their writer went on to change; G1c: a
//                      cycle of ww and wr
//   repeatable_read    a cycle in which no two rw follow each other, such as G-single, with one of them. Snapshot isolation allows just
//                      the others (Fekete and others, "Making snapshot isolation serializable", TODS 2005)
//   serializable       G2: any cycle
//
// Where levels are mixed each transaction demands what its own level promises (Adya's mixed graph). Reads of transactions that were
// rolled back count as well; what those wrote is nowhere.
//
// Threads   one
#pragma once

#include <optional>

#include "isolation/history.hpp"

namespace quire::test {

enum class Anomaly : std::uint8_t { garbage, own_write_unseen, dirty_write, lost_update, aborted_read, intermediate_read, write_cycle, circular_flow, read_skew, write_skew };
const char* name_of(Anomaly anomaly) noexcept;

struct Finding {
  Anomaly anomaly;
  std::string text;
};

// What is wrong, worst first; of cycles one at most, the shortest of the most forbidden kind. `as`: every transaction is judged by
// this level instead of its own.
std::vector<Finding> judge(const History& history, std::optional<Isolation> as = std::nullopt);

// The findings in lines; empty when there are none.
std::string describe(const std::vector<Finding>& findings);

}  // namespace quire::test
