// Statistics: numbers about an open database and its trees, and who is at work in it: transactions, locks, snapshots.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "quire/options.hpp"
#include "quire/range.hpp"

namespace quire {

// Counters run since the database was opened; sizes are those of now. Bytes unless the name says otherwise.
struct Statistics {
  std::uint32_t page_size = 0;
  std::uint64_t generation = 0;        // number of the newest published checkpoint
  std::uint64_t file_bytes = 0;
  std::uint64_t free_bytes = 0;        // inside the file
  std::uint64_t pages = 0;             // in use by trees and large values
  std::uint64_t undo_pages = 0;        // with versions for rollback and for older read transactions
  std::uint64_t keyspaces = 0;
  std::uint64_t memory_limit = 0;
  std::uint64_t log_buffer_bytes = 0;  // of it, for the log
  std::uint64_t frames = 0;            // page places in memory
  std::uint64_t frames_used = 0;
  std::uint64_t page_hits = 0;         // pages found in memory
  std::uint64_t page_misses = 0;       // pages that had to be read for it
  std::uint64_t page_evictions = 0;
  std::uint64_t page_reads = 0;        // pages read from the file, page table and bitmap included
  std::uint64_t page_writes = 0;       // pages written to the file, page table and bitmap included
  std::uint64_t bytes_written = 0;
  std::uint64_t syncs = 0;
  std::uint64_t commits = 0;
  std::uint64_t transactions = 0;      // write transactions that are open
  std::uint64_t snapshots = 0;         // that are registered, of readers and of writers
  std::uint64_t locks = 0;             // held and waited for, but for those of changed rows, which are in the rows
  std::uint64_t lock_memory = 0;
  std::uint64_t waiting = 0;           // transactions that wait for another one
  std::uint64_t lock_waits = 0;        // calls that had to wait
  std::uint64_t lock_timeouts = 0;
  std::uint64_t lock_escalations = 0;  // many locks of a transaction that became one on a whole keyspace
  std::uint64_t deadlocks = 0;         // transactions that had to give way
};

// A write transaction that is open. It goes by its number here, in LockInfo and in messages.
struct TransactionInfo {
  std::uint64_t number = 0;            // Transaction::number(); a larger one is younger
  std::uint64_t xid = 0;               // how its rows and its records in the log are marked; 0: it has changed nothing yet
  std::uint64_t thread = 0;            // that used it last
  Isolation isolation = Isolation::serializable;
  std::uint64_t age_us = 0;
  std::uint64_t changes = 0;
  std::string doing;                   // the call it is in, such as "put"; "idle" between two calls
  bool waiting = false;                // for another transaction; then:
  std::uint64_t waits_for = 0;         // its number, of several the first; 0: it has just ended
  std::uint64_t waited_us = 0;
  std::string wants;                   // "exclusive lock on key "k" of keyspace 'default'"
};

// A lock that a transaction holds or waits for. A row that a transaction has changed is locked by it without being listed, until somebody
// waits for it.
struct LockInfo {
  std::string keyspace;                // empty: the list of keyspaces
  Range range;                         // of keys; see is_key()
  LockMode mode = LockMode::exclusive;
  std::uint64_t transaction = 0;       // its number
  bool held = false;                   // false: it waits, and then:
  std::uint64_t waits_for = 0;         // number of the first transaction in the way; 0: it has just ended
  std::uint64_t waited_us = 0;

  bool is_key() const { return range.lower && range.lower == range.upper; }
};

// What a reader, or a write transaction whose isolation asks for that, sees the database by. What it may still need is kept.
struct SnapshotInfo {
  std::uint64_t transaction = 0;       // number of the write transaction; 0: of a reader
  std::uint64_t thread = 0;            // that took it
  std::uint64_t age_us = 0;
  std::uint64_t commits_behind = 0;    // commits since, which it does not see
  bool oldest = false;                 // nothing that was replaced after it is cleared away before it ends
};

// Smallest, mean and largest of a number of lengths; all 0 when there are none.
struct Spread {
  std::uint64_t min = 0;
  double mean = 0;
  std::uint64_t max = 0;
};

// One tree. Fill is used bytes by usable bytes of all pages of the kind, 0 to 1.
struct TreeStatistics {
  std::string keyspace;
  std::uint32_t height = 0;            // levels; 1 is a single leaf
  std::uint64_t rows = 0;
  std::uint64_t inner_pages = 0;
  std::uint64_t leaf_pages = 0;
  std::uint64_t overflow_pages = 0;
  std::uint64_t key_bytes = 0;
  std::uint64_t value_bytes = 0;
  double inner_fill = 0;
  double leaf_fill = 0;
  std::vector<std::uint64_t> pages_per_level;  // from the root down
  std::array<std::uint64_t, 10> leaf_fill_histogram{};  // leaves less than 10 % full, 20 % and so on
  Spread key_lengths;
  Spread value_lengths;
  Spread leaf_rows;                    // rows of a leaf
};

// What verify() looked at.
struct VerifyReport {
  std::uint64_t pages = 0;
  std::uint64_t rows = 0;
  std::uint64_t keyspaces = 0;
  std::uint64_t blocks = 0;            // blocks of the file that the checkpoint refers to
};

}  // namespace quire
