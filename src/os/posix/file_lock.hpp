// File lock: keeps other processes, and other handles of this one, out of a file.
//
// Two locks are taken, both on single bytes far behind what a file of Quire reaches in practice; locks need
// no bytes under them, and Linux locks are advisory, so a file that does grow past them is not disturbed.
//   byte 0x40000000  an open-file-description lock (F_OFD_SETLK). It decides. It belongs to the File object,
//                    so a second File of one process is refused as another process is.
//   byte 0x40000001  a classic lock. It decides nothing: F_GETLK on it is the only way to learn the process
//                    that holds the file. It belongs to the process, and the system drops it when *any*
//                    descriptor of the file is closed; the registry in file_lock.cpp takes it again then.
//
// Threads   any; a registry of this process has a mutex of its own
#pragma once

#include "os/file.hpp"

namespace quire::os {

struct LockTarget {
  int descriptor = -1;
  FileIdentity identity;
  const std::string& path;
};

// Takes the lock, or changes the mode of the one this descriptor already has. busy names the holder.
Status lock_file(const LockTarget& target, LockMode mode);

// To be called before a descriptor that holds a lock is closed.
void forget_lock(int descriptor);

// To be called after any descriptor of the file was closed.
void restore_holder_name(FileIdentity identity);

}  // namespace quire::os
