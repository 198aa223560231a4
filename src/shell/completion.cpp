// Completion: see completion.hpp.
//
// The word before the cursor is completed by its place: the first one as a command, one that starts with
// -- as an option, one after `into` as a keyspace, others as their command says.
#include "shell/completion.hpp"

#include <algorithm>
#include <filesystem>

#include "os/environment.hpp"
#include "shell/open_options.hpp"

namespace quire::shell {

namespace {

// Those that are committed: the session may be waiting, and its transaction would have to lock what it reads.
std::vector<std::string> keyspace_names(Shell& shell) {
  std::vector<std::string> names;
  const Result<std::vector<KeyspaceInfo>> all = shell.database().keyspaces();
  if (!all.ok()) return names;
  for (const KeyspaceInfo& info : *all) names.push_back(quote_word(info.name));
  return names;
}

std::vector<std::string> session_names(const Shell& shell) {
  std::vector<std::string> names;
  for (const auto& session : shell.sessions()) names.push_back(quote_word(session->name()));
  return names;
}

std::vector<std::string> level_names(const std::string& command) {
  std::vector<std::string> names;
  if (command == "begin") names.emplace_back("read");
  for (const Isolation level : isolations) names.emplace_back(isolation_name(level));
  return names;
}

// Files and, with a slash at the end, directories.
std::vector<std::string> file_names(const std::string& begun) {
  const std::size_t slash = begun.rfind('/');
  const std::string directory = slash == std::string::npos ? "" : begun.substr(0, slash + 1);
  const Result<std::vector<std::string>> entries = os::system_environment().files.list(directory.empty() ? "." : directory);
  std::vector<std::string> names;
  if (!entries.ok()) return names;
  const bool hidden_too = begun.size() > directory.size() && begun[directory.size()] == '.';
  for (const std::string& entry : *entries) {
    if (entry.starts_with('.') && !hidden_too) continue;
    std::error_code error;
    names.push_back(directory + entry + (std::filesystem::is_directory(directory + entry, error) ? "/" : ""));
  }
  return names;
}

std::vector<std::string> option_names(const Command& command) {
  std::vector<std::string> names;
  for (const OptionSpec& option : command.options) names.push_back(option.name);
  return names;
}

std::vector<std::string> words_of(Shell& shell, const std::vector<std::string>& before, const std::string& begun) {
  if (before.empty()) return shell.commands().names();
  const Command* command = shell.commands().find(before[0]);
  if (command == nullptr) return {};
  if (begun.starts_with("--")) return option_names(*command);
  if (before.size() > 1 && before.back() == "into") return keyspace_names(shell);
  if (command->name == "export" && before.size() == 2) return keyspace_names(shell);
  switch (command->completes) {
    case Completes::nothing: return {};
    case Completes::keyspaces: return keyspace_names(shell);
    case Completes::commands: return shell.commands().names();
    case Completes::sessions: return session_names(shell);
    case Completes::levels: return level_names(command->name);
    case Completes::files: return before.size() == 1 ? file_names(begun) : std::vector<std::string>{"into", "key"};
  }
  return {};
}

}  // namespace

Completions complete(Shell& shell, std::string_view line) {
  std::vector<std::string> before;
  Completions result;
  for (std::size_t at = 0;;) {
    at = std::min(line.find_first_not_of(" \t", at), line.size());
    const std::size_t end = std::min(line.find_first_of(" \t", at), line.size());
    result.start = at;
    if (end == line.size()) break;
    before.emplace_back(line.substr(at, end - at));
    at = end;
  }
  std::string begun(line.substr(result.start));
  const bool dotted = before.empty() && begun.starts_with('.');
  for (std::string& word : words_of(shell, before, dotted ? begun.substr(1) : begun)) {
    if (dotted) word.insert(0, ".");
    if (word.starts_with(begun)) result.candidates.push_back(std::move(word));
  }
  std::sort(result.candidates.begin(), result.candidates.end());
  result.ends_word = result.candidates.size() == 1 && !result.candidates[0].ends_with('/');
  return result;
}

std::string common_beginning(const std::vector<std::string>& candidates) {
  if (candidates.empty()) return {};
  std::string common = candidates[0];
  for (const std::string& candidate : candidates) {
    std::size_t length = 0;
    while (length < common.size() && length < candidate.size() && common[length] == candidate[length]) ++length;
    common.resize(length);
  }
  // Not in the middle of a character.
  while (!common.empty() && common.size() < candidates[0].size() && (static_cast<unsigned char>(candidates[0][common.size()]) & 0xc0) == 0x80) common.pop_back();
  return common;
}

}  // namespace quire::shell
