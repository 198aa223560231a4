// Named hooks: places in the code where a test may fail, yield or end the process.
//
//   QUIRE_TRY(os::hook("checkpoint.before_superblock"));
//
// In production no handler is set and a hook costs one relaxed load.
//
// Threads   set_hook_handler only while no engine runs
#pragma once

#include <string_view>

#include "base/atomic.hpp"
#include "quire/status.hpp"

namespace quire::os {

// A failure the handler returns is what the operation at the hook reports.
using HookHandler = Status (*)(std::string_view name, void* context);

struct HookState {
  Atomic<HookHandler> handler{nullptr};
  void* context = nullptr;
};
extern HookState hook_state;

void set_hook_handler(HookHandler handler, void* context) noexcept;

inline Status hook(std::string_view name) {
  const HookHandler handler = hook_state.handler.load(acquire);
  return handler == nullptr ? Status() : handler(name, hook_state.context);
}

}  // namespace quire::os
