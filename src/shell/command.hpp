// Commands: what the shell can be told, as a table.
//
// A command declares its words and options; the table splits a line accordingly, so that handlers see
// words and options and every wrong call is answered in one way. Names are found in any case and with a
// leading dot.
//
// Threads   constant after it is made
// Errors    wrong usage, with the command's usage line
#pragma once

#include <functional>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shell/lexer.hpp"
#include "tools/outcome.hpp"

// As QUIRE_ASSIGN for what the user typed: a failure is wrong usage.
#define QUIRE_ASSIGN_USAGE(declaration, expression) \
  QUIRE_ASSIGN_USAGE_NAMED(QUIRE_JOIN(quire_usage_, __LINE__), declaration, expression)
#define QUIRE_ASSIGN_USAGE_NAMED(result, declaration, expression)                     \
  auto result = (expression);                                                         \
  if (!result.ok()) return ::quire::tools::Outcome::wrong_usage(std::move(result).status()); \
  declaration = std::move(result).value()

namespace quire::shell {

class Session;
using tools::Outcome;

// What tab offers for a command's words.
enum class Completes { nothing, keyspaces, files, commands, sessions, levels };

struct OptionSpec {
  std::string name;       // "--limit"
  std::string parameter;  // "N", empty for a switch
  std::string short_name = {};  // "-o"
};

// The words and options of one line, without the command's name.
struct Arguments {
  std::vector<Word> words;
  std::map<std::string, Word, std::less<>> options;

  const Word* word(std::size_t index) const { return index < words.size() ? &words[index] : nullptr; }
  bool has(std::string_view option) const { return options.find(option) != options.end(); }
  const Word* value(std::string_view option) const {
    const auto it = options.find(option);
    return it == options.end() ? nullptr : &it->second;
  }
};

inline constexpr std::size_t any_number = std::numeric_limits<std::size_t>::max();

struct Command {
  std::string name;
  std::vector<std::string> aliases;
  std::string usage;    // after the name: "KEY VALUE"
  std::string summary;  // half a line
  std::string help;     // paragraphs
  std::vector<std::string> examples;
  std::vector<OptionSpec> options;
  std::size_t words_min = 0;
  std::size_t words_max = any_number;
  bool creates_file = false;  // worth making a database file that is not there
  bool tells_time = false;    // says itself how long it took
  bool of_shell = false;      // has nothing to do with the session, so it runs also while that waits
  Completes completes = Completes::nothing;
  std::function<Outcome(Session&, const Arguments&)> run;
};

struct CommandGroup {
  std::string title;
  std::vector<Command> commands;
};

class CommandTable {
 public:
  CommandTable();

  // Null when there is none of this name.
  const Command* find(std::string_view name) const;
  const std::vector<CommandGroup>& groups() const noexcept { return groups_; }
  // All names without aliases.
  std::vector<std::string> names() const;

 private:
  std::vector<CommandGroup> groups_;
};

// "put KEY VALUE".
std::string usage_line(const Command& command);

// Splits the words after the command's name into words and options.
Result<Arguments> parse_arguments(const Command& command, std::span<const Word> words);

// The number a word stands for; invalid otherwise.
Result<std::uint64_t> parse_number(std::string_view text, std::string_view what);

CommandGroup data_commands();
CommandGroup keyspace_commands();
CommandGroup transaction_commands();
CommandGroup session_commands();
Command import_command();
Command export_command();
CommandGroup inspect_commands();
CommandGroup help_commands();

}  // namespace quire::shell
