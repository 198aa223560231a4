// Statistics: numbers about an open database and its trees.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

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
