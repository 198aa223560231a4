// Registry: one engine per file and process.
//
// A file is known by device and inode, whatever path names it. The engine closes when its last handle goes; an open
// that comes at that moment waits until the file is free.
//
// Threads   any
// Errors    as Engine::open; busy when the file is open here for reading only and asked for writing
#pragma once

#include <memory>
#include <string>

#include "engine/engine.hpp"

namespace quire::engine {

Result<std::shared_ptr<Engine>> open_shared(os::Environment& environment, const std::string& path, const Options& options);

}  // namespace quire::engine
