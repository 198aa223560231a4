// Options of opening a database.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace quire {

enum class Mode : std::uint8_t {
  create,     // open for reading and writing; create the file when it is missing (default)
  open,       // open for reading and writing; a missing file is not_found
  read_only,  // open for reading; changes no byte
};

// How commits become durable.
enum class Journal : std::uint8_t {
  log,            // by an append to a log beside the file (default); big transactions and bulk loads by a checkpoint
  copy_on_write,  // each by a checkpoint of its own, which writes all changed pages: two syncs, and no second file
};

// What a crash can take back of a commit that was reported as done. Nothing is ever half there, and of two commits the
// earlier one is never lost alone.
enum class Durability : std::uint8_t {
  sync,     // nothing (default): it is on the disk before commit returns
  process,  // the end of the process takes nothing; a power cut may take the last commits
  lazy,     // the end of the process may take what was committed in the last 10 ms or so, a power cut more
};

// What a transaction that writes sees of others, and they of it. Readers (Access::read) always have a snapshot.
enum class Isolation : std::uint8_t {
  read_uncommitted,  // reads the newest rows, committed or not
  read_committed,    // each call reads what is committed when it begins
  repeatable_read,   // reads a snapshot of its beginning; changing what somebody has committed since is `conflict`
  serializable,      // as if transactions came one after the other: what it reads is locked, and so are gaps (default)
};

// Shared: nobody else changes it; exclusive: nor locks it.
enum class LockMode : std::uint8_t { shared, exclusive };

// How far opening has come that replays the log of a database which was not closed. Bytes are those of the log, which is
// read twice: once to find its end, once to apply it.
struct RecoveryProgress {
  std::uint64_t bytes_done = 0;   // never falls; equal to bytes_total once, at the end of recovery
  std::uint64_t bytes_total = 0;  // what it is at most until the end of the log is found, from then on exact; never rises
};

struct Options {
  Mode mode = Mode::create;

  // Bytes in a page: 4096, 8192, 16384, 32768 or 65536. Counts only when the file is created; 0 takes the
  // default, 8192. Anything else is `invalid`.
  std::uint32_t page_size = 0;

  // Upper bound, in bytes, of the memory that holds pages and what waits to be written to the log, which gets a
  // sixteenth, 8 MiB at most. At least 1 MiB. Transactions may be larger: changed pages are written to free places of the
  // file when memory runs out.
  std::uint64_t memory_limit = std::uint64_t{256} << 20;

  // How long a write transaction waits for a row or a lock of another one, in milliseconds, before the call fails with `timeout`.
  // 0 does not wait. Readers never wait, and nobody waits for them.
  std::uint32_t lock_timeout_ms = 5000;

  // Of write transactions that do not choose another.
  Isolation isolation = Isolation::serializable;

  // How commits become durable; see Journal. Counts for the handle that opens the file first in a process.
  Journal journal = Journal::log;

  // Of transactions that do not choose another. With Journal::copy_on_write it is always `sync`.
  Durability durability = Durability::sync;

  // Upper bound, in bytes, of what the log may hold that a checkpoint has not made superfluous. At it writers wait for a
  // checkpoint. At least 64 KiB.
  std::uint64_t log_limit = std::uint64_t{1} << 30;

  // A directory that gets a copy of the whole log, for restoring to any commit since a backup; empty: none. Must exist.
  // With it every commit goes through the log. Needs Journal::log.
  std::string archive_dir{};

  // Called while open() recovers, on the thread that called it: at the beginning, about every MiB of log, at the end. Not called
  // when there is nothing to replay, as after a clean close, nor after open() has returned. It must neither use nor open this
  // database.
  std::function<void(const RecoveryProgress&)> on_recovery{};
};

}  // namespace quire
