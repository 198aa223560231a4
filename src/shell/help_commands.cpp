// Commands help and quit.
//
// Help is made from the command table, so that it cannot lack a command; as JSON it serves programs that
// want to know what this version understands.
#include <fmt/format.h>

#include <algorithm>

#include "shell/shell.hpp"
#include "tools/suggest.hpp"

namespace quire::shell {

namespace {

void print_overview(Printer& printer, const CommandTable& table) {
  std::size_t width = 0;
  for (const std::string& name : table.names()) width = std::max(width, name.size());
  for (const CommandGroup& group : table.groups()) {
    printer.line(group.title);
    for (const Command& command : group.commands) printer.line(fmt::format("  {:<{}}  {}", command.name, width, command.summary));
  }
  printer.line("");
  printer.line("help COMMAND shows usage and examples. Quote words with blanks: 'two words', \"with\\ttab\".");
}

void print_command(Printer& printer, const Command& command) {
  printer.line("usage: " + usage_line(command));
  printer.line("");
  std::string summary = command.summary;
  if (!summary.empty() && summary[0] >= 'a' && summary[0] <= 'z') summary[0] = static_cast<char>(summary[0] - 'a' + 'A');
  printer.line(summary + ".");
  if (!command.help.empty()) printer.line(command.help);
  printer.line("");
  for (const std::string& example : command.examples) printer.line("  " + example);
  if (!command.aliases.empty()) {
    printer.line("");
    printer.line(fmt::format("Also: {}", fmt::join(command.aliases, ", ")));
  }
}

tools::Document document_of(const Command& command) {
  return {{"command", command.name}, {"usage", usage_line(command)}, {"summary", command.summary}, {"help", command.help}, {"examples", command.examples}};
}

Outcome help(Session& session, const Arguments& arguments) {
  Printer& printer = session.printer();
  const CommandTable& table = session.commands();
  if (arguments.words.empty()) {
    if (!printer.json()) {
      print_overview(printer, table);
      return {};
    }
    tools::Document list = tools::Document::array();
    for (const CommandGroup& group : table.groups()) {
      for (const Command& command : group.commands) list.push_back(document_of(command));
    }
    printer.document(list);
    return {};
  }
  const std::string& name = arguments.words[0].text;
  const Command* command = table.find(name);
  if (command == nullptr) {
    return Status(Code::not_found, fmt::format("no command '{}'{}", name, tools::suggestion(name, table.names())));
  }
  if (printer.json()) {
    printer.document(document_of(*command));
  } else {
    print_command(printer, *command);
  }
  return {};
}

}  // namespace

CommandGroup help_commands() {
  Command help_command;
  help_command.name = "help";
  help_command.aliases = {"?"};
  help_command.usage = "[COMMAND]";
  help_command.summary = "list the commands, or explain one";
  help_command.examples = {"help", "help import"};
  help_command.words_max = 1;
  help_command.completes = Completes::commands;
  help_command.of_shell = true;
  help_command.run = help;

  Command quit_command;
  quit_command.name = "quit";
  quit_command.aliases = {"exit", "q"};
  quit_command.summary = "leave (Ctrl-D does too)";
  quit_command.help = "Open transactions are rolled back.";
  quit_command.examples = {"quit"};
  quit_command.words_max = 0;
  quit_command.of_shell = true;
  quit_command.run = [](Session& session, const Arguments&) -> Outcome {
    session.shell().request_quit();
    return {};
  };
  return {"Shell", {help_command, quit_command}};
}

}  // namespace quire::shell
