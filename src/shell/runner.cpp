// Runners: see runner.hpp.
#include "shell/runner.hpp"

#include <fmt/format.h>

#include "os/terminal.hpp"
#include "shell/line_editor.hpp"

namespace quire::shell {

using tools::Exit;
using tools::exit_code;

namespace {

// Ends the sessions; a failure of that counts only when nothing failed before.
Exit finish(Shell& shell, Exit so_far) {
  const Status status = shell.finish();
  if (!status.ok()) shell.printer().error(status);
  const Status flushed = shell.printer().flush();
  if (so_far != Exit::ok) return so_far;
  return status.ok() ? exit_code(flushed) : exit_code(status);
}

// Someone who forgot the quotes around a command sees what happened.
void hint_quotes(Shell& shell, std::span<const std::string> commands, std::size_t failed) {
  if (commands.size() < 2 || failed > 1) return;
  std::string together;
  for (const std::string& command : commands) together += (together.empty() ? "" : " ") + command;
  shell.printer().note(fmt::format("hint: every argument is one command; did you mean quire {} '{}'?", shell.path(), together));
}

}  // namespace

Exit run_arguments(Shell& shell, std::span<const std::string> commands) {
  for (std::size_t i = 0; i < commands.size() && !shell.quit_requested(); ++i) {
    const Outcome outcome = shell.run(commands[i]);
    if (outcome.ok()) continue;
    const bool bare = commands[i].find(' ') == std::string::npos;
    if (outcome.usage && bare) hint_quotes(shell, commands, i);
    return finish(shell, exit_code(outcome));
  }
  return finish(shell, Exit::ok);
}

Exit run_script(Shell& shell, std::istream& input, bool continue_on_error) {
  Exit first = Exit::ok;
  std::string line;
  for (std::uint64_t number = 1; !shell.quit_requested() && std::getline(input, line); ++number) {
    shell.set_error_context(fmt::format("line {}: ", number));
    const Outcome outcome = shell.run(line);
    if (outcome.ok()) continue;
    if (first == Exit::ok) first = exit_code(outcome);
    if (!continue_on_error || shell.printer().failed()) break;
  }
  shell.set_error_context({});
  return finish(shell, first);
}

Exit run_interactive(Shell& shell, const std::string& version, bool created) {
  Printer& printer = shell.printer();
  printer.note(fmt::format("Quire {}, {}{}, keyspace {}. Type help for commands, quit to leave.", version, shell.path(),
                           created ? " (new)" : "", default_keyspace));
  const std::string home = os::home_directory();
  const os::InterruptScope interrupts;
  LineEditor editor(home.empty() ? "" : home + "/.quire_history", [&](std::string_view line) { return complete(shell, line); });
  while (!shell.quit_requested()) {
    const std::optional<std::string> line = editor.read(shell.prompt());
    if (!line) {
      printer.note("");
      break;
    }
    const Outcome outcome = shell.run(*line);
    if (!outcome.ok() && printer.failed()) return finish(shell, Exit::failed);
  }
  return finish(shell, Exit::ok);
}

}  // namespace quire::shell
