// The program quire: opens a database and gives it to the shell or to a tool.
//
// Standard input that is no terminal is a script. Results are pretty when standard output is a terminal.
#include <fmt/format.h>

#include <filesystem>
#include <iostream>
#include <memory>
#include <span>

#include "base/try.hpp"
#include "os/environment.hpp"
#include "os/terminal.hpp"
#include "shell/invocation.hpp"
#include "shell/lexer.hpp"
#include "shell/progress.hpp"
#include "shell/runner.hpp"
#include "shell/shell.hpp"
#include "tools/bench.hpp"
#include "tools/inspect.hpp"
#include "tools/io_trace.hpp"
#include "tools/log.hpp"
#include "tools/restore.hpp"

#ifndef QUIRE_VERSION
#define QUIRE_VERSION "0"
#endif

namespace quire::shell {

namespace {

using tools::Exit;
using tools::Form;

constexpr std::string_view memory_path = ":memory:";
constexpr std::uint64_t recovery_shown_us = 500'000;
// Long enough to look at who waits for whom, and to type in the other session.
constexpr std::uint32_t patience_of_people_ms = 60'000;

// Whether one of the commands is reason enough to make a file that is not there.
bool creates_file(std::span<const std::string> commands) {
  const CommandTable table;
  for (const std::string& line : commands) {
    const Result<std::vector<Word>> words = split_words(line);
    if (!words.ok() || words->empty()) continue;
    const Command* command = table.find((*words)[0].text);
    if (command != nullptr && command->creates_file) return true;
  }
  return false;
}

bool is_missing(const std::string& path) {
  std::error_code error;
  return path != memory_path && std::filesystem::status(path, error).type() == std::filesystem::file_type::not_found;
}

Result<Database> open(const Invocation& invocation) {
  if (invocation.file == memory_path) return Database::open_in_memory(invocation.options);
  Progress progress(std::cerr, os::is_terminal(os::Stream::error), os::terminal_columns(), fmt::format("recovering {}", invocation.file), 0, recovery_shown_us);
  Options options = invocation.options;
  options.on_recovery = [&](const RecoveryProgress& now) { progress.update_bytes(now.bytes_done, now.bytes_total); };
  Result<Database> database = Database::open(invocation.file, options);
  progress.finish();
  if (database == Code::not_found && is_missing(invocation.file)) return Status(Code::not_found, fmt::format("no database '{}'", invocation.file));
  return database;
}

Outcome show_log(const Invocation& invocation, Printer& printer) {
  tools::LogRequest request{.file = invocation.file, .archive = invocation.options.archive_dir};
  for (std::size_t i = 0; i < invocation.tool_options.size(); ++i) {
    const std::string& option = invocation.tool_options[i];
    if (option == "--ops") {
      request.ops = true;
      continue;
    }
    QUIRE_ASSIGN_USAGE((option == "--from" ? request.from : request.to), parse_number(invocation.tool_options[++i], "an LSN"));
  }
  return tools::show_log(os::system_environment().files, request, printer);
}

Outcome restore(const Invocation& invocation, Printer& printer) {
  tools::RestoreRequest request{invocation.file, invocation.arguments[0], invocation.arguments[1], {}};
  for (std::size_t i = 0; i + 1 < invocation.tool_options.size(); i += 2) {
    const std::string& value = invocation.tool_options[i + 1];
    if (request.point.lsn || request.point.wall_us) return Outcome::wrong_usage("give one of --to-lsn and --to-time");
    if (invocation.tool_options[i] == "--to-lsn") {
      QUIRE_ASSIGN_USAGE(request.point.lsn, parse_number(value, "an LSN"));
    } else {
      QUIRE_ASSIGN_USAGE(request.point.wall_us, tools::parse_utc(value));
    }
  }
  return tools::restore_database(request, printer);
}

Outcome run_tool(const Invocation& invocation, Printer& printer) {
  if (invocation.tool == "log") return show_log(invocation, printer);
  if (invocation.tool == "restore") return restore(invocation, printer);
  if (invocation.tool == "bench") return tools::run_bench({invocation.file, invocation.bench_rows, invocation.options}, printer);
  QUIRE_ASSIGN(Database database, open(invocation));
  Shell shell(std::move(database), invocation.file, printer);
  std::string command = invocation.tool;
  for (const std::string& word : invocation.arguments) command += " " + quote_word(word);
  for (const std::string& word : invocation.tool_options) command += " " + (word.starts_with("--") ? word : quote_word(word));
  return shell.console().run(command);
}

Exit tool_exit(const Invocation& invocation, Printer& printer) {
  // A session prints its own errors; opening and the other tools do not.
  const unsigned errors_before = printer.errors();
  const Outcome outcome = run_tool(invocation, printer);
  if (!outcome.ok() && printer.errors() == errors_before) printer.error(outcome.status);
  const Status flushed = printer.flush();
  return outcome.ok() ? tools::exit_code(flushed) : tools::exit_code(outcome);
}

Exit shell_exit(Invocation invocation, Printer& printer) {
  const bool interactive = invocation.arguments.empty() && os::is_terminal(os::Stream::input);
  const bool missing = is_missing(invocation.file);
  if (missing && !invocation.arguments.empty() && invocation.options.mode == Mode::create && !creates_file(invocation.arguments)) {
    invocation.options.mode = Mode::open;
  }
  Result<Database> database = open(invocation);
  if (!database.ok()) {
    printer.error(database.status());
    const Status ignored = printer.flush();
    return tools::exit_code(database.status());
  }
  Shell shell(std::move(database).value(), invocation.file, printer);
  shell.set_durability(invocation.options.durability);
  if (interactive) {
    shell.set_lock_timeout_ms(patience_of_people_ms);
    return run_interactive(shell, QUIRE_VERSION, missing);
  }
  if (!invocation.arguments.empty()) return run_arguments(shell, invocation.arguments);
  return run_script(shell, std::cin, invocation.continue_on_error);
}

int run(int count, const char* const* arguments) {
  ParsedInvocation parsed = parse_invocation(count, arguments, QUIRE_VERSION);
  if (!parsed.invocation) {
    (parsed.exit == Exit::ok ? std::cout : std::cerr) << parsed.text << std::flush;
    return static_cast<int>(parsed.exit);
  }
  std::ios::sync_with_stdio(false);
  std::cin.tie(nullptr);
  const Form form = parsed.invocation->json ? Form::json : os::is_terminal(os::Stream::output) ? Form::pretty : Form::raw;
  Printer printer(form, std::cout, std::cerr, os::terminal_columns());
  std::unique_ptr<tools::IoTrace> trace;
  if (!parsed.invocation->trace_io.empty()) {
    Result<std::unique_ptr<tools::IoTrace>> opened = tools::IoTrace::open(parsed.invocation->trace_io);
    if (!opened.ok()) {
      printer.error(opened.status());
      const Status ignored = printer.flush();
      return static_cast<int>(tools::exit_code(opened.status()));
    }
    trace = std::move(opened).value();
  }
  const bool tool = !parsed.invocation->tool.empty();
  return static_cast<int>(tool ? tool_exit(*parsed.invocation, printer) : shell_exit(std::move(*parsed.invocation), printer));
}

}  // namespace

}  // namespace quire::shell

int main(int count, char** arguments) { return quire::shell::run(count, arguments); }
