// Commands: the table and the splitting of arguments. See command.hpp.
//
// The usage line is part of the message, because whoever called a command wrongly needs nothing else, and
// an error stays one line for those who read it by program.
#include "shell/command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "tools/suggest.hpp"

namespace quire::shell {

namespace {

std::string folded(std::string_view name) {
  if (name.starts_with('.')) name.remove_prefix(1);
  std::string out(name);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

Status wrong(const Command& command, const std::string& what) {
  return Status(Code::invalid, fmt::format("{}: {}; usage: {}", command.name, what, usage_line(command)));
}

// "--limit", and "-o" where the command knows it: elsewhere -5 and - are words.
bool is_option(const Command& command, const Word& word) {
  if (word.quoted) return false;
  if (word.text.size() > 2 && word.text.starts_with("--")) return true;
  return std::any_of(command.options.begin(), command.options.end(), [&](const OptionSpec& o) { return !o.short_name.empty() && o.short_name == word.text; });
}

std::vector<std::string> option_names(const Command& command) {
  std::vector<std::string> names;
  for (const OptionSpec& option : command.options) names.push_back(option.name);
  return names;
}

}  // namespace

CommandTable::CommandTable() {
  CommandGroup files{"Files", {import_command(), export_command()}};
  groups_ = {data_commands(), keyspace_commands(), transaction_commands(), session_commands(), std::move(files), inspect_commands(), help_commands()};
}

const Command* CommandTable::find(std::string_view name) const {
  const std::string wanted = folded(name);
  for (const CommandGroup& group : groups_) {
    for (const Command& command : group.commands) {
      if (command.name == wanted) return &command;
      if (std::find(command.aliases.begin(), command.aliases.end(), wanted) != command.aliases.end()) return &command;
    }
  }
  return nullptr;
}

std::vector<std::string> CommandTable::names() const {
  std::vector<std::string> names;
  for (const CommandGroup& group : groups_) {
    for (const Command& command : group.commands) names.push_back(command.name);
  }
  return names;
}

std::string usage_line(const Command& command) {
  return command.usage.empty() ? command.name : command.name + " " + command.usage;
}

Result<Arguments> parse_arguments(const Command& command, std::span<const Word> words) {
  Arguments arguments;
  bool options_end = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const Word& word = words[i];
    if (!options_end && !word.quoted && word.text == "--") {
      options_end = true;
      continue;
    }
    if (options_end || !is_option(command, word)) {
      arguments.words.push_back(word);
      continue;
    }
    const std::size_t equals = word.text.find('=');
    const std::string typed = word.text.substr(0, equals);
    const auto spec = std::find_if(command.options.begin(), command.options.end(), [&](const OptionSpec& o) { return o.name == typed || o.short_name == typed; });
    if (spec == command.options.end()) {
      return wrong(command, fmt::format("unknown option {}{}", typed, tools::suggestion(typed, option_names(command))));
    }
    const std::string& name = spec->name;
    if (spec->parameter.empty() != (equals == std::string::npos) && spec->parameter.empty()) {
      return wrong(command, fmt::format("{} takes no value", name));
    }
    Word value;
    if (!spec->parameter.empty()) {
      if (equals != std::string::npos) {
        value.text = word.text.substr(equals + 1);
      } else if (i + 1 < words.size()) {
        value = words[++i];
      } else {
        return wrong(command, fmt::format("{} needs a value ({})", name, spec->parameter));
      }
    }
    if (!arguments.options.emplace(name, std::move(value)).second) return wrong(command, name + " is given twice");
  }
  const std::size_t count = arguments.words.size();
  if (count < command.words_min) return wrong(command, count == 0 ? "it needs arguments" : "an argument is missing");
  if (count > command.words_max) {
    return wrong(command, fmt::format("too many arguments at '{}'", arguments.words[command.words_max].text));
  }
  return arguments;
}

Result<std::uint64_t> parse_number(std::string_view text, std::string_view what) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc() && rest == end && !text.empty()) return number;
  return Status(Code::invalid, fmt::format("{} is a number, not '{}'", what, text));
}

}  // namespace quire::shell
