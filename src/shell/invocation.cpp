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
#include "shell/open_options.hpp"

namespace quire::shell {

namespace {

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
    {"restore", "BACKUP ARCHIVE_DIR TARGET [--to-lsn LSN | --to-time TIME]", 2, 2, false},
};

// Options of tools, which are handed on as they were typed.
struct ToolOption {
  std::string_view name;
  bool has_value;
  std::string_view tools;  // "tree and page"
};

constexpr std::string_view pictures = "tree and page";

constexpr ToolOption tool_options_known[] = {
    {"--dot", false, pictures},   {"--svg", false, pictures},  {"--png", false, pictures},    {"--format", true, pictures},
    {"--output", true, pictures}, {"--nodes", true, pictures}, {"--keys", true, pictures},    {"--ops", false, "log"},
    {"--from", true, "log"},      {"--to", true, "log"},       {"--to-lsn", true, "restore"}, {"--to-time", true, "restore"},
};

constexpr const char* help_text = R"(usage: quire FILE                       a shell on a database, which is made when it is not there
       quire FILE 'COMMAND' ...         run these commands and stop at the first failure
       quire FILE < SCRIPT              run a script, one command a line, # starts a comment
       quire TOOL FILE ...              verify, stats [KEYSPACE], dump [KEYSPACE], page [N],
                                        tree [KEYSPACE], log look at a database and change nothing
                                        (quire FILE tree cities --svg is understood too)
       quire restore BACKUP ARCHIVE_DIR TARGET
                                        makes TARGET from a backup and the archived log
       quire bench [FILE]               measures this machine in a file that is removed afterwards

options:
  --json               every result as one JSON document a line, errors too
  --read-only          change nothing
  --continue           a script goes on after an error
  --page-size N        bytes in a page of a new file: 4096 to 65536 (default 8192)
  --memory-limit SIZE  memory for pages, such as 64M or 1G (default 256M)
  --durability CLASS   what a crash may take of a commit: sync nothing (default), process what a power cut
                       catches, lazy also the last 10 ms of a process that is killed
  --journal KIND       how commits reach the disk: log (default) or copy-on-write
  --log-limit SIZE     the log's upper bound, such as 64M or 1G (default 1G)
  --archive DIR        of the shell: copies the whole log into this directory; of log: shows what is there
  --rows N             rows that bench works with
  --trace-io[=FILE]    a line for every page read and written, and why, on standard error or in a file
  --format FORMAT      of tree and page: text, dot, svg, json or png; --dot, --svg and --png for short
  -o, --output FILE    where tree and page put the picture
  --nodes N, --keys N  how much tree draws before it sums up (help tree in the shell)
  --ops                log shows what transactions did, not only that they did
  --from, --to LSN     the part of the log that is shown
  --to-lsn LSN         restore ends with the commit at this LSN, as log shows them
  --to-time TIME       restore ends with the last commit not later than this: '2026-03-01 12:00:00.5' in UTC,
                       or microseconds since 1970
  --version, --help

examples:
  quire demo.qdb
  quire demo.qdb 'put user:101 Ismail' 'get user:101'
  quire demo.qdb 'import cities.csv into cities key country,name,id'
  quire demo.qdb 'use cities' 'scan --prefix NO' | head
  quire verify demo.qdb
  quire tree demo.qdb cities -o cities.svg
  quire log demo.qdb --ops
  quire --archive logs demo.qdb 'put a 1' 'backup monday.qdb' 'put a 2'
  quire restore monday.qdb logs friday.qdb --to-time '2026-03-06 17:00:00'

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
std::string misplaced_option(const Invocation& invocation, const OpenWords& words) {
  const bool opens_for_writing = invocation.tool.empty() || invocation.tool == "bench";
  const bool of_commits = !words.durability.empty() || !words.journal.empty() || !words.log_limit.empty();
  if (of_commits && !opens_for_writing) return "--durability, --journal and --log-limit belong to the shell and bench";
  if (!invocation.options.archive_dir.empty() && !invocation.tool.empty() && invocation.tool != "log") return "--archive belongs to the shell and log";
  if (invocation.bench_rows != 0 && invocation.tool != "bench") return "--rows belongs to bench";
  for (std::size_t i = 0; i < invocation.tool_options.size(); ++i) {
    const std::string& name = invocation.tool_options[i];
    const auto* option = std::find_if(std::begin(tool_options_known), std::end(tool_options_known), [&](const ToolOption& known) { return known.name == name; });
    const bool fits = option->tools == pictures ? invocation.tool == "tree" || invocation.tool == "page" : invocation.tool == option->tools;
    if (!fits) return fmt::format("{} belongs to {}", name, option->tools);
    if (option->has_value) ++i;
  }
  return {};
}

// Everything but the words; `flags` are what decides before the rest counts.
struct Flags {
  bool help = false;
  bool show_version = false;
  bool read_only = false;
};

void add_options(CLI::App& app, Invocation& invocation, OpenWords& words, Flags& flags) {
  app.set_help_flag();
  app.add_flag("--help,-h", flags.help);
  app.add_flag("--version,-V", flags.show_version);
  app.add_flag("--json", invocation.json);
  app.add_flag("--read-only,--readonly", flags.read_only);
  app.add_flag("--continue", invocation.continue_on_error);
  app.add_option("--page-size", invocation.options.page_size);
  app.add_option("--memory-limit", words.memory_limit);
  app.add_option("--durability", words.durability);
  app.add_option("--journal", words.journal);
  app.add_option("--log-limit", words.log_limit);
  app.add_option("--archive", invocation.options.archive_dir);
  app.add_option("--rows", invocation.bench_rows);
  // A flag takes its value behind = only, so that the word after it is the database.
  app.add_flag("--trace-io{-}", invocation.trace_io);
  add_tool_options(app, invocation);
  app.add_option("file", invocation.file);
  app.add_option("arguments", invocation.arguments);
}

}  // namespace

ParsedInvocation parse_invocation(int count, const char* const* arguments, const std::string& version) {
  CLI::App app;
  Invocation invocation;
  OpenWords words;
  Flags flags;
  add_options(app, invocation, words, flags);
  try {
    app.parse(count, arguments);
  } catch (const CLI::ParseError& error) {
    return wrong(error.what());
  }
  if (flags.help || (count <= 1)) return {{}, help_text, flags.help ? tools::Exit::ok : tools::Exit::usage};
  if (flags.show_version) return {{}, fmt::format("quire {}\n", version), tools::Exit::ok};
  if (invocation.file.empty()) return wrong("a database file is missing");
  if (invocation.file == "bench") {
    if (invocation.arguments.size() > 1) return wrong("usage: quire bench [FILE] [--rows N]", false);
    invocation.tool = "bench";
    invocation.file = invocation.arguments.empty() ? "" : invocation.arguments[0];
  } else if (const std::string what = split_tool(invocation); !what.empty()) {
    return wrong(what, false);
  }
  if (const std::string what = read_open_options(words, invocation.options); !what.empty()) return wrong(what);
  if (const std::string what = misplaced_option(invocation, words); !what.empty()) return wrong(what);
  if (flags.read_only || (!invocation.tool.empty() && invocation.tool != "bench")) invocation.options.mode = Mode::read_only;
  return {std::move(invocation), {}, tools::Exit::ok};
}

}  // namespace quire::shell
