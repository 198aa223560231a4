// File lock: the two locks and the registry that keeps the holder's name visible.
//
// The registry only serves messages: who decides is the OFD lock. So its order relative to the system calls
// does not matter, and a message may at worst name a holder that has just gone.
#include "os/posix/file_lock.hpp"

#include <fcntl.h>
#include <sys/types.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "os/describe.hpp"
#include "os/posix/descriptor.hpp"
#include "os/posix/system_error.hpp"
#include "os/sync.hpp"

namespace quire::os {

namespace {

constexpr off_t deciding_byte = 0x40000000;
constexpr off_t naming_byte = 0x40000001;

struct HeldLock {
  int descriptor;
  FileIdentity identity;
  LockMode mode;
};

// The locks this process holds. Never destroyed: files may outlive static objects.
struct HeldLocks {
  Mutex mutex;
  std::vector<HeldLock> locks QUIRE_GUARDED_BY(mutex);
};

HeldLocks& held_locks() {
  static HeldLocks* const held = new HeldLocks;
  return *held;
}

struct flock lock_of_byte(off_t byte, LockMode mode) noexcept {
  struct flock request = {};
  request.l_type = static_cast<short>(mode == LockMode::exclusive ? F_WRLCK : F_RDLCK);
  request.l_whence = SEEK_SET;
  request.l_start = byte;
  request.l_len = 1;
  return request;
}

// Failing is no failure: only the name in a message is lost.
void show_holder_name(const HeldLock& lock) noexcept {
  struct flock request = lock_of_byte(naming_byte, lock.mode);
  [[maybe_unused]] const int ignored = ::fcntl(lock.descriptor, F_SETLK, &request);
}

std::string holder_of(const LockTarget& target) {
  struct flock question = lock_of_byte(naming_byte, LockMode::exclusive);
  const int answer = ::fcntl(target.descriptor, F_GETLK, &question);
  if (answer == 0 && question.l_type != F_UNLCK && question.l_pid > 0) {
    return "process " + std::to_string(question.l_pid);
  }
  HeldLocks& held = held_locks();
  Lock guard(held.mutex);
  for (const HeldLock& lock : held.locks) {
    if (lock.identity == target.identity && lock.descriptor != target.descriptor)
      return "another handle of this process";
  }
  return "another process";
}

}  // namespace

Status lock_file(const LockTarget& target, LockMode mode) {
  struct flock request = lock_of_byte(deciding_byte, mode);
  const int answer = retry_interrupted([&] { return ::fcntl(target.descriptor, F_OFD_SETLK, &request); });
  if (answer != 0) {
    if (errno == EAGAIN || errno == EACCES) {
      return Status(Code::busy, target.path + " is in use by " + holder_of(target));
    }
    return system_error(errno, cannot("lock", target.path));
  }
  HeldLocks& held = held_locks();
  Lock guard(held.mutex);
  const HeldLock lock{.descriptor = target.descriptor, .identity = target.identity, .mode = mode};
  const auto found = std::find_if(held.locks.begin(), held.locks.end(),
                                  [&](const HeldLock& other) { return other.descriptor == target.descriptor; });
  if (found == held.locks.end()) {
    held.locks.push_back(lock);
  } else {
    *found = lock;
  }
  show_holder_name(lock);
  return {};
}

void forget_lock(int descriptor) {
  HeldLocks& held = held_locks();
  Lock guard(held.mutex);
  std::erase_if(held.locks, [&](const HeldLock& lock) { return lock.descriptor == descriptor; });
}

void restore_holder_name(FileIdentity identity) {
  HeldLocks& held = held_locks();
  Lock guard(held.mutex);
  for (const HeldLock& lock : held.locks) {
    if (lock.identity == identity) show_holder_name(lock);
  }
}

}  // namespace quire::os
