// Runners: see runner.hpp.
#include "shell/runner.hpp"

#include <fmt/format.h>

#include "os/terminal.hpp"
#include "shell/line_editor.hpp"

namespace quire::shell {

using tools::Exit;
using tools::exit_code;

namespace {

// Ends the session; a failure of that counts only when nothing failed before.
Exit finish(Session& session, Exit so_far) {
  const Status status = session.finish();
  if (!status.ok()) session.printer().error(status);
  const Status flushed = session.printer().flush();
  if (so_far != Exit::ok) return so_far;
  return status.ok() ? exit_code(flushed) : exit_code(status);
}

// Someone who forgot the quotes around a command sees what happened.
void hint_quotes(Session& session, std::span<const std::string> commands, std::size_t failed) {
  if (commands.size() < 2 || failed > 1) return;
  std::string together;
  for (const std::string& command : commands) together += (together.empty() ? "" : " ") + command;
  session.printer().note(fmt::format("hint: every argument is one command; did you mean quire {} '{}'?", session.path(), together));
}

}  // namespace

Exit run_arguments(Session& session, std::span<const std::string> commands) {
  for (std::size_t i = 0; i < commands.size() && !session.quit_requested(); ++i) {
    const Outcome outcome = session.run(commands[i]);
    if (outcome.ok()) continue;
    const bool bare = commands[i].find(' ') == std::string::npos;
    if (outcome.usage && bare) hint_quotes(session, commands, i);
    return finish(session, exit_code(outcome));
  }
  return finish(session, Exit::ok);
}

Exit run_script(Session& session, std::istream& input, bool continue_on_error) {
  Exit first = Exit::ok;
  std::string line;
  for (std::uint64_t number = 1; !session.quit_requested() && std::getline(input, line); ++number) {
    session.set_error_context(fmt::format("line {}: ", number));
    const Outcome outcome = session.run(line);
    if (outcome.ok()) continue;
    if (first == Exit::ok) first = exit_code(outcome);
    if (!continue_on_error || session.printer().failed()) break;
  }
  session.set_error_context({});
  return finish(session, first);
}

Exit run_interactive(Session& session, const std::string& version, bool created) {
  Printer& printer = session.printer();
  printer.note(fmt::format("Quire {}, {}{}, keyspace {}. Type help for commands, quit to leave.", version, session.path(),
                           created ? " (new)" : "", session.keyspace()));
  const std::string home = os::home_directory();
  const os::InterruptScope interrupts;
  LineEditor editor(home.empty() ? "" : home + "/.quire_history", [&](std::string_view line) { return complete(session, line); });
  while (!session.quit_requested()) {
    const std::optional<std::string> line = editor.read(session.prompt());
    if (!line) {
      printer.note("");
      break;
    }
    const Outcome outcome = session.run(*line);
    if (!outcome.ok() && printer.failed()) return finish(session, Exit::failed);
  }
  return finish(session, Exit::ok);
}

}  // namespace quire::shell
