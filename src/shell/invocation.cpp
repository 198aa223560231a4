// Invocation: see invocation.hpp.
//
// The first word that is not an option is a tool's name or else the database file, so a file that is named
// like a tool is written with its directory: ./verify.
#include "shell/invocation.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "shell/command.hpp"
#include "tools/amounts.hpp"

namespace quire::shell {

namespace {

constexpr std::uint64_t memory_limit_min = std::uint64_t{1} << 20;

struct Tool {
  const char* name;
  const char* usage;
  std::size_t words_min;  // after the file
  std::size_t words_max;
  bool behind_file;  // also understood as quire FILE TOOL
};

constexpr Tool tools_known[] = {
    {"verify", "FILE", 0, 0, false},         {"stats", "FILE [KEYSPACE]", 0, 1, true}, {"dump", "FILE [KEYSPACE]", 0, 1, true},
    {"page", "FILE [N] [--svg] [-o FILE]", 0, 1, true}, {"tree", "FILE [KEYSPACE] [--format FORMAT] [-o FILE] [--nodes N] [--keys N]", 0, 1, true},
    {"log", "FILE [--ops] [--from LSN] [--to LSN] [--archive DIR]", 0, 0, true},
};

// Options of tools, which are handed on as they were typed.
struct ToolOption {
  std::string_view name;
  bool has_value;
  bool of_log;  // else of tree and page
};

constexpr ToolOption tool_options_known[] = {
    {"--dot", false, false},   {"--svg", false, false},  {"--png", false, false}, {"--format", true, false},
    {"--output", true, false}, {"--nodes", true, false}, {"--keys", true, false}, {"--ops", false, true},
    {"--from", true, true},    {"--to", true, true},     {"--archive", true, true},
};

constexpr const char* help_text = R"(usage: quire FILE                       a shell on a database, which is made when it is not there
       quire FILE 'COMMAND' ...         run these commands and stop at the first failure
       quire FILE < SCRIPT              run a script, one command a line, # starts a comment
       quire TOOL FILE ...              verify, stats [KEYSPACE], dump [KEYSPACE], page [N],
                                        tree [KEYSPACE], log look at a database and change nothing
                                        (quire FILE tree cities --svg is understood too)
       quire bench [FILE]               measures this machine in a file that is removed afterwards

options:
  --json               every result as one JSON document a line, errors too
  --read-only          change nothing
  --continue           a script goes on after an error
  --page-size N        bytes in a page of a new file: 4096 to 65536 (default 8192)
  --memory-limit SIZE  memory for pages, such as 64M or 1G (default 256M)
  --rows N             rows that bench works with
  --trace-io[=FILE]    a line for every page read and written, and why, on standard error or in a file
  --format FORMAT      of tree and page: text, dot, svg, json or png; --dot, --svg and --png for short
  -o, --output FILE    where tree and page put the picture
  --nodes N, --keys N  how much tree draws before it sums up (help tree in the shell)
  --ops                log shows what transactions did, not only that they did
  --from, --to LSN     the part of the log that is shown
  --archive DIR        log shows the archived log of the database in this directory
  --version, --help

examples:
  quire demo.qdb
  quire demo.qdb 'put user:101 Ismail' 'get user:101'
  quire demo.qdb 'import cities.csv into cities key country,name,id'
  quire demo.qdb 'use cities' 'scan --prefix NO' | head
  quire verify demo.qdb
  quire tree demo.qdb cities -o cities.svg
  quire log demo.qdb --ops

exit codes: 0 ok, 1 not found or failed, 2 damaged or not a Quire file, 3 busy, 64 wrong usage
A file that is named like a tool is given as ./verify. In the shell, help lists the commands.
)";

ParsedInvocation wrong(const std::string& what, bool hint = true) {
  return {{}, fmt::format("error: {}{}\n", what, hint ? " (quire --help shows the usage)" : ""), tools::Exit::usage};
}

// quire FILE tree cities --svg: a tool's name behind the file counts as one in front of it, unless another command
// follows, which makes it a list of commands.
void move_tool_forward(Invocation& invocation) {
  std::vector<std::string>& words = invocation.arguments;
  const auto names_tool = [&](const Tool& tool) { return tool.name == words[0] && tool.behind_file; };
  if (words.empty() || std::none_of(std::begin(tools_known), std::end(tools_known), names_tool)) return;
  for (const Tool& tool : tools_known) {
    if (invocation.file == tool.name) return;
  }
  const CommandTable commands;
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (commands.find(words[i].substr(0, words[i].find(' '))) != nullptr) return;
  }
  if (words.size() == 1 && invocation.tool_options.empty() && commands.find(words[0]) != nullptr) return;
  std::swap(invocation.file, words[0]);
}

// A tool's name in front makes the next word the file. The text says what is wrong.
std::string split_tool(Invocation& invocation) {
  move_tool_forward(invocation);
  for (const Tool& tool : tools_known) {
    if (invocation.file != tool.name) continue;
    invocation.tool = tool.name;
    const std::size_t words = invocation.arguments.size();
    if (words < 1 + tool.words_min || words > 1 + tool.words_max) return fmt::format("usage: quire {} {}", tool.name, tool.usage);
    invocation.file = invocation.arguments[0];
    invocation.arguments.erase(invocation.arguments.begin());
    return {};
  }
  return {};
}

// Options of tools are handed to the shell's command of the same name, or to the tool, which know what they mean.
void add_tool_options(CLI::App& app, Invocation& invocation) {
  for (const ToolOption& option : tool_options_known) {
    const std::string name(option.name);
    if (!option.has_value) {
      app.add_flag_callback(name, [&invocation, name] { invocation.tool_options.push_back(name); });
      continue;
    }
    app.add_option_function<std::string>(name == "--output" ? "--output,-o" : name, [&invocation, name](const std::string& value) {
      invocation.tool_options.push_back(name);
      invocation.tool_options.push_back(value);
    });
  }
}

// What is wrong with the options, if anything.
std::string misplaced_option(const Invocation& invocation) {
  for (std::size_t i = 0; i < invocation.tool_options.size(); ++i) {
    const std::string& name = invocation.tool_options[i];
    const auto* option = std::find_if(std::begin(tool_options_known), std::end(tool_options_known), [&](const ToolOption& known) { return known.name == name; });
    const bool fits = option->of_log ? invocation.tool == "log" : invocation.tool == "tree" || invocation.tool == "page";
    if (!fits) return fmt::format("{} belongs to {}", name, option->of_log ? "log" : "tree and page");
    if (option->has_value) ++i;
  }
  return {};
}

}  // namespace

ParsedInvocation parse_invocation(int count, const char* const* arguments, const std::string& version) {
  CLI::App app;
  app.set_help_flag();
  Invocation invocation;
  std::string memory_limit;
  bool help = false;
  bool show_version = false;
  bool read_only = false;
  app.add_flag("--help,-h", help);
  app.add_flag("--version,-V", show_version);
  app.add_flag("--json", invocation.json);
  app.add_flag("--read-only,--readonly", read_only);
  app.add_flag("--continue", invocation.continue_on_error);
  app.add_option("--page-size", invocation.options.page_size);
  app.add_option("--memory-limit", memory_limit);
  app.add_option("--rows", invocation.bench_rows);
  // A flag takes its value behind = only, so that the word after it is the database.
  app.add_flag("--trace-io{-}", invocation.trace_io);
  add_tool_options(app, invocation);
  app.add_option("file", invocation.file);
  app.add_option("arguments", invocation.arguments);
  try {
    app.parse(count, arguments);
  } catch (const CLI::ParseError& error) {
    return wrong(error.what());
  }
  if (help || (count <= 1)) return {{}, help_text, help ? tools::Exit::ok : tools::Exit::usage};
  if (show_version) return {{}, fmt::format("quire {}\n", version), tools::Exit::ok};
  if (invocation.file.empty()) return wrong("a database file is missing");
  if (invocation.file == "bench") {
    if (invocation.arguments.size() > 1) return wrong("usage: quire bench [FILE] [--rows N]", false);
    invocation.tool = "bench";
    invocation.file = invocation.arguments.empty() ? "" : invocation.arguments[0];
  } else if (const std::string what = split_tool(invocation); !what.empty()) {
    return wrong(what, false);
  }
  if (!memory_limit.empty()) {
    const Result<std::uint64_t> bytes = tools::parse_byte_amount(memory_limit);
    if (!bytes.ok()) return wrong("--memory-limit: " + std::string(bytes.message()));
    if (*bytes < memory_limit_min) return wrong("--memory-limit is at least 1M");
    invocation.options.memory_limit = *bytes;
  }
  const std::uint32_t page_size = invocation.options.page_size;
  if (page_size != 0 && (page_size < 4096 || page_size > 65536 || (page_size & (page_size - 1)) != 0)) {
    return wrong("--page-size is 4096, 8192, 16384, 32768 or 65536");
  }
  if (const std::string what = misplaced_option(invocation); !what.empty()) return wrong(what);
  if (invocation.bench_rows != 0 && invocation.tool != "bench") return wrong("--rows belongs to bench");
  if (read_only || (!invocation.tool.empty() && invocation.tool != "bench")) invocation.options.mode = Mode::read_only;
  return {std::move(invocation), {}, tools::Exit::ok};
}

}  // namespace quire::shell
