// Threads that begin at the same moment, each with a session of its own.
#pragma once

#include <functional>

#include "bench/engine.hpp"

namespace quire::bench {

using SessionWork = std::function<void(unsigned thread, Session& session)>;

// Each thread opens a session and prepares; when all have, all work; returns when all are done. Throws what the first
// of those that failed has thrown.
void work_together(Engine& engine, unsigned threads, const SessionWork& prepare, const SessionWork& work);

}  // namespace quire::bench
