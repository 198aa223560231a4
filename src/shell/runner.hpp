// Runners: the three ways of feeding commands to a session.
//
// Each returns the exit code of the process. A transaction left open is rolled back; if it was for
// writing, that is a failure.
#pragma once

#include <istream>
#include <span>
#include <string>

#include "shell/session.hpp"
#include "tools/outcome.hpp"

namespace quire::shell {

// Each argument is one command; stops at the first failure.
tools::Exit run_arguments(Session& session, std::span<const std::string> commands);

// One command a line; stops at the first failure unless told to go on. Errors name the line.
tools::Exit run_script(Session& session, std::istream& input, bool continue_on_error);

// A person at a terminal. `created`: the file is new.
tools::Exit run_interactive(Session& session, const std::string& version, bool created);

}  // namespace quire::shell
