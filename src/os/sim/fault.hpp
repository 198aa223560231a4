// Faults: what a test can make go wrong in the simulated file system, and when.
//
// A fault waits for the first operation at or after `operation` that it applies to and whose path contains
// `path`, so that a loop over every number hits something each time.
#pragma once

#include <cstdint>
#include <string>

namespace quire::os {

enum class FaultKind {
  io_error,           // any operation: fails and does nothing. At write and sync: see FailedSync
  writeback_error,    // any operation on a file with unsynced data: the data get lost, as FailedSync::late says
  no_space,           // write, allocate: full; a part may be written
  over_quota,         // the same with the other text
  no_descriptors,     // open: too many open files
  interrupted,        // any operation: a signal, retried below the interface; only counted
  short_write,        // write: a part is written, then io
  short_read,         // read: a part is read, then io
  bit_rot,            // read: one bit of what is read has changed for good
  misdirected_write,  // write: reports ok; the bytes went to another sector of the file
  lost_write,         // write: reports ok; nothing was written
  stale_write,        // write: reports ok and reads back; the medium keeps the old bytes
};

struct Fault {
  FaultKind kind = FaultKind::io_error;
  std::uint64_t operation = 0;
  std::string path = {};  // a part of the path; empty is any
  bool sticky = false;    // fires at every later operation as well, until cleared
};

}  // namespace quire::os
