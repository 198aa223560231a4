// Named hooks: the handler and its context.
#include "os/hook.hpp"

namespace quire::os {

HookState hook_state;

void set_hook_handler(HookHandler handler, void* context) noexcept {
  // The context is in place before a handler that uses it can be seen.
  hook_state.handler.store(nullptr, release);
  hook_state.context = context;
  hook_state.handler.store(handler, release);
}

}  // namespace quire::os
