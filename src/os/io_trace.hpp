// IoObserver: told of everything that is read from and written to files, and why.
//
//   os::tell_io([&] { return os::IoEvent{.operation = "sync", .kind = "file", .name = path, .reason = "checkpoint"}; });
//
// Those who know the reason tell: PageFile for pages, the superblocks for themselves, the engine for names. An event
// is told when its operation has succeeded. Without an observer it costs one load and is never made; pages that are
// in memory are read without any.
//
// Threads   events come from any thread, at once; set_io_observer only while no engine runs
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/atomic.hpp"
#include "quire/status.hpp"

namespace quire::os {

struct IoEvent {
  std::string_view operation;  // read, write, drop (from memory), sync, allocate, truncate, create, rename, remove
  std::string_view kind;       // of page (leaf, table, ...), superblock, file or directory
  std::string name;            // "page 17 tree 3", a path
  std::uint64_t offset = 0;    // in the file
  std::uint64_t bytes = 0;     // 0: the operation has no place
  std::string_view reason = {};  // one word
  std::uint64_t epoch = 0;     // that it belongs to; 0: to none
};

class IoObserver {
 public:
  virtual ~IoObserver() = default;
  virtual void observe(const IoEvent& event) = 0;
};

extern Atomic<IoObserver*> io_observer;

// Null ends the observation.
void set_io_observer(IoObserver* observer) noexcept;

template <class MakeEvent>
void tell_io(MakeEvent&& make_event) {
  IoObserver* observer = io_observer.load(acquire);
  if (observer != nullptr) observer->observe(make_event());
}

// Tells of an operation on a name, if it has succeeded, and passes its status on.
inline Status told(Status status, std::string_view operation, std::string_view kind, const std::string& name, std::string_view reason) {
  if (status.ok()) tell_io([&] { return IoEvent{.operation = operation, .kind = kind, .name = name, .reason = reason}; });
  return status;
}

}  // namespace quire::os
