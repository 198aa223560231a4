// Programs: running another one without a shell, and what the surroundings say.
//
// The program is looked up in PATH and gets its words as they are: nothing is quoted, expanded or split.
//
// Threads   any
// Errors    not_found when PATH has no such program; io when it cannot be started or talked to
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "quire/status.hpp"

namespace quire::os {

struct ProgramResult {
  int exit_code = 0;   // 128 + the signal that ended it
  std::string output;
  std::string errors;
};

// Runs `words` (the program's name first) with `input` on its standard input until it ends.
Result<ProgramResult> run_program(const std::vector<std::string>& words, std::string_view input);

// $TMPDIR, else ".".
std::string temporary_directory();

}  // namespace quire::os
