// The process: a handler that every child of fork() runs.
#include "os/process.hpp"

#include <pthread.h>

namespace quire::os::internal {

Atomic<std::uint32_t> forks{0};

namespace {

void in_child() { forks.fetch_add(1, relaxed); }

[[maybe_unused]] const int registered = pthread_atfork(nullptr, nullptr, in_child);

}  // namespace

}  // namespace quire::os::internal
