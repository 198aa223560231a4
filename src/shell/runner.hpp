// Runners: the three ways of feeding commands to a shell.
//
// Each returns the exit code of the process. Transactions left open are rolled back; if one was for
// writing, that is a failure.
#pragma once

#include <istream>
#include <span>
#include <string>

#include "shell/shell.hpp"
#include "tools/outcome.hpp"

namespace quire::shell {

// Each argument is one command; stops at the first failure.
tools::Exit run_arguments(Shell& shell, std::span<const std::string> commands);

// One command a line; stops at the first failure unless told to go on. Errors name the line.
tools::Exit run_script(Shell& shell, std::istream& input, bool continue_on_error);

// A person at a terminal. `created`: the file is new.
tools::Exit run_interactive(Shell& shell, const std::string& version, bool created);

}  // namespace quire::shell
