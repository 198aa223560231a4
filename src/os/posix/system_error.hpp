// System errors: from errno to a Status whose code says what a program can do about it.
#pragma once

#include <string>

#include "quire/status.hpp"

namespace quire::os {

// `attempt` is what was tried ("cannot open /x"); the system's words for `error` follow it.
Status system_error(int error, const std::string& attempt);

}  // namespace quire::os
