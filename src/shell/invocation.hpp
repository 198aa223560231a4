// Invocation: what the arguments of the program ask for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "quire/options.hpp"
#include "tools/outcome.hpp"

namespace quire::shell {

struct Invocation {
  std::string tool;                    // empty: the shell
  std::string file;                    // may be empty for bench
  std::vector<std::string> arguments;  // commands of the shell, or words of the tool
  std::vector<std::string> tool_options;  // of tree and page, as typed
  bool json = false;
  bool continue_on_error = false;
  std::string trace_io;                // a file, - is the error stream; empty: no trace
  std::uint64_t bench_rows = 0;        // 0: as many as some seconds allow
  Options options;
};

// What parsing came to: an invocation, or a text to print and an exit code.
struct ParsedInvocation {
  std::optional<Invocation> invocation;
  std::string text;
  tools::Exit exit = tools::Exit::ok;
};

ParsedInvocation parse_invocation(int count, const char* const* arguments, const std::string& version);

}  // namespace quire::shell
