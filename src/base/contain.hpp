// Contain: where the memory of the machine runs out, an exception becomes a Status.
//
//   return contain_no_memory([&] { return writer.put(key, value); }, [&]() noexcept { engine.poison(); });
//
// Nothing in the public interface throws, and std::bad_alloc is what the standard library throws on its own. It is caught at the
// public calls, in destructors that work, and where a thread begins; in between it unwinds. Code that keeps something to be given
// back - a latch, the gate, a slot, a mutex - therefore keeps it in an object of a scope.
//
// Errors   no_memory, without a message, which would take memory
#pragma once

#include <new>
#include <utility>

#include "quire/status.hpp"

namespace quire {

// What `work` returns, a Status or a Result. When memory runs out `give_up` is called, which must not need any.
template <class Work, class GiveUp>
auto contain_no_memory(Work&& work, GiveUp&& give_up, Code code = Code::no_memory) -> decltype(work()) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    give_up();
    return Status(code);
  }
}

template <class Work>
auto contain_no_memory(Work&& work) -> decltype(work()) {
  return contain_no_memory(std::forward<Work>(work), []() noexcept {});
}

}  // namespace quire
