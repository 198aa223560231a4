// SimFileSystem, faults: which one fires at an operation.
//
// A fault waits for the first operation that it can have an effect on. At most one fault that the caller
// sees fires per operation; the others wait for the next one.
#include <algorithm>

#include "os/sim/sim_file_system.hpp"

namespace quire::os {

namespace {

// Whether a fault has an effect on such an operation.
bool applies(FaultKind fault, OperationKind operation, bool has_bytes, bool has_pending) noexcept {
  switch (fault) {
    case FaultKind::io_error:
    case FaultKind::interrupted: return true;
    case FaultKind::writeback_error: return has_pending;
    case FaultKind::no_space:
    case FaultKind::over_quota: return operation == OperationKind::write || operation == OperationKind::allocate;
    case FaultKind::no_descriptors: return operation == OperationKind::open;
    case FaultKind::short_write:
    case FaultKind::misdirected_write:
    case FaultKind::lost_write:
    case FaultKind::stale_write: return operation == OperationKind::write && has_bytes;
    case FaultKind::short_read:
    case FaultKind::bit_rot: return operation == OperationKind::read && has_bytes;
  }
  return false;
}

}  // namespace

void SimFileSystem::inject(Fault fault) {
  Lock held(mutex_);
  faults_.push_back(std::move(fault));
}

void SimFileSystem::clear_faults() {
  Lock held(mutex_);
  faults_.clear();
}

std::uint64_t SimFileSystem::faults_fired() const {
  Lock held(mutex_);
  return faults_fired_;
}

std::uint64_t SimFileSystem::interruptions() const {
  Lock held(mutex_);
  return interruptions_;
}

// The fault that the operation must suffer, if any. Faults that the caller does not see are done here, and
// may come together with one that it sees.
std::optional<FaultKind> SimFileSystem::take_fault(const Attempt& attempt) {
  std::optional<FaultKind> taken;
  for (std::size_t at = 0; at < faults_.size();) {
    const Fault fault = faults_[at];
    const bool has_pending = attempt.inode != nullptr && attempt.inode->has_pending();
    const bool fires = operation_count_ >= fault.operation && attempt.path.find(fault.path) != std::string::npos &&
                       applies(fault.kind, attempt.kind, attempt.bytes > 0, has_pending);
    const bool hidden = fault.kind == FaultKind::interrupted || fault.kind == FaultKind::writeback_error;
    if (!fires || (!hidden && taken.has_value())) {
      ++at;
      continue;
    }
    ++faults_fired_;
    if (fault.kind == FaultKind::interrupted) {
      // A real file system repeats the call inside PosixFile; here only the count remains.
      ++interruptions_;
    } else if (fault.kind == FaultKind::writeback_error) {
      disk_.lose_pending(*attempt.inode, random_);
      attempt.inode->late_failure = true;
    } else {
      taken = fault.kind;
    }
    if (fault.sticky) {
      ++at;
    } else {
      faults_.erase(faults_.begin() + static_cast<std::ptrdiff_t>(at));
    }
  }
  return taken;
}

}  // namespace quire::os
