// Commands on transactions: begin, commit, rollback, savepoints and locks in between, and what a commit promises.
//
// The words of SQL are understood too: rollback to savepoint NAME, release savepoint NAME, begin repeatable read.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/try.hpp"
#include "shell/entry_words.hpp"
#include "shell/open_options.hpp"
#include "shell/session.hpp"

namespace quire::shell {

namespace {

Outcome acknowledge(Session& session, Status status) {
  if (status.ok()) session.printer().done();
  return status;
}

// "read committed" as the one word that it is.
std::string joined(const Arguments& arguments, std::size_t first) {
  std::string text;
  for (std::size_t i = first; i < arguments.words.size(); ++i) text += (text.empty() ? "" : " ") + arguments.words[i].text;
  return text;
}

Outcome begin(Session& session, const Arguments& arguments) {
  const std::string how = joined(arguments, 0);
  if (how.empty() || how == "write") return acknowledge(session, session.begin(Access::write, {}));
  if (how == "read") return acknowledge(session, session.begin(Access::read, {}));
  const std::optional<Isolation> isolation = isolation_named(how.starts_with("write ") ? how.substr(6) : how);
  if (isolation) return acknowledge(session, session.begin(Access::write, isolation));
  if (how.starts_with("read ") && isolation_named(how.substr(5))) {
    return Outcome::wrong_usage("a transaction that only reads has a snapshot and no level");
  }
  return Outcome::wrong_usage("a transaction is for read, or for write with a level: " + std::string(isolation_names));
}

Outcome isolation(Session& session, const Arguments& arguments) {
  if (!arguments.words.empty()) {
    const std::optional<Isolation> named = isolation_named(joined(arguments, 0));
    if (!named) return Outcome::wrong_usage("a level is " + std::string(isolation_names));
    session.set_isolation(*named);
    session.printer().done();
    return {};
  }
  const std::string_view name = isolation_name(session.isolation());
  if (session.printer().json()) {
    session.printer().document({{"isolation", name}});
  } else {
    session.printer().line(name);
  }
  return {};
}

Outcome timeout(Session& session, const Arguments& arguments) {
  if (const Word* word = arguments.word(0)) {
    QUIRE_ASSIGN_USAGE(const std::uint64_t timeout_ms, parse_number(word->text, "a number of milliseconds"));
    session.set_lock_timeout_ms(static_cast<std::uint32_t>(std::min<std::uint64_t>(timeout_ms, UINT32_MAX)));
    session.printer().done();
  } else if (session.printer().json()) {
    session.printer().document({{"timeout_ms", session.lock_timeout_ms()}});
  } else {
    session.printer().line(std::to_string(session.lock_timeout_ms()));
  }
  return {};
}

Result<Range> range_to_lock(const Schema& schema, const Arguments& arguments) {
  const RangeWords words{.from = arguments.value("--from"), .to = arguments.value("--to"), .prefix = arguments.value("--prefix")};
  const bool some = words.from != nullptr || words.to != nullptr || words.prefix != nullptr;
  if (static_cast<int>(!arguments.words.empty()) + static_cast<int>(some) + static_cast<int>(arguments.has("--all")) != 1) {
    return Status(Code::invalid, "give a key, or --prefix P, or --from F and --to T, or --all");
  }
  if (!arguments.words.empty()) {
    QUIRE_ASSIGN(const std::string key, key_from_words(schema, arguments.words));
    return Range::closed(key, key);
  }
  return range_from_words(schema, words);
}

Outcome lock(Session& session, const Arguments& arguments) {
  QUIRE_TRY(session.can_lock());
  Transaction& tx = *session.transaction();
  QUIRE_ASSIGN(const KeyspaceInfo info, session.describe(tx, session.keyspace()));
  QUIRE_ASSIGN_USAGE(const Range range, range_to_lock(info.schema, arguments));
  const LockMode mode = arguments.has("--shared") ? LockMode::shared : LockMode::exclusive;
  return acknowledge(session, arguments.words.empty() ? tx.lock(info.name, range, mode) : tx.lock(info.name, *range.lower, mode));
}

// "[savepoint] [NAME]" from the word `first` on. A name that is the word savepoint itself is quoted.
Result<std::optional<std::string>> savepoint_name(const Arguments& arguments, std::size_t first) {
  const Word* word = arguments.word(first);
  if (word != nullptr && !word->quoted && word->text == "savepoint") word = arguments.word(++first);
  if (arguments.word(first + 1) != nullptr) return Status(Code::invalid, "one savepoint at a time");
  if (word == nullptr) return std::optional<std::string>();
  if (word->text.empty()) return Status(Code::invalid, "a savepoint's name is not empty");
  return std::optional<std::string>(word->text);
}

Outcome rollback(Session& session, const Arguments& arguments) {
  const Word* word = arguments.word(0);
  if (word == nullptr) return acknowledge(session, session.rollback());
  if (word->text != "to") return Outcome::wrong_usage("rollback takes back everything, rollback to [NAME] what was done since a savepoint");
  QUIRE_ASSIGN_USAGE(const std::optional<std::string> name, savepoint_name(arguments, 1));
  return acknowledge(session, session.rollback_to(name));
}

Outcome savepoint(Session& session, const Arguments& arguments) {
  const Word* word = arguments.word(0);
  if (word != nullptr && word->text.empty()) return Outcome::wrong_usage("a savepoint's name is not empty");
  return acknowledge(session, session.set_savepoint(word == nullptr ? "" : word->text));
}

Outcome release(Session& session, const Arguments& arguments) {
  QUIRE_ASSIGN_USAGE(const std::optional<std::string> name, savepoint_name(arguments, 0));
  return acknowledge(session, session.release(name));
}

std::vector<Command> savepoint_commands() {
  Command savepoint_command;
  savepoint_command.name = "savepoint";
  savepoint_command.usage = "[NAME]";
  savepoint_command.summary = "mark a point in the transaction to go back to";
  savepoint_command.help =
      "rollback to NAME takes back what was done since; the transaction goes on. Without a name it is the\n"
      "newest savepoint that is meant. A name may be used again: then the newer one counts until it is gone.";
  savepoint_command.examples = {"savepoint", "savepoint before_import", "rollback to before_import"};
  savepoint_command.words_max = 1;
  savepoint_command.run = savepoint;

  Command release_command;
  release_command.name = "release";
  release_command.usage = "[NAME]";
  release_command.summary = "forget a savepoint and those after it; the changes stay";
  release_command.help = "release savepoint NAME is understood too. Commit and rollback forget all of them.";
  release_command.examples = {"release", "release before_import"};
  release_command.words_max = 2;
  release_command.run = release;
  return {savepoint_command, release_command};
}

Outcome durability(Session& session, const Arguments& arguments) {
  const Word* word = arguments.word(0);
  if (word != nullptr) {
    const std::optional<Durability> named = durability_named(word->text);
    if (!named) return Outcome::wrong_usage("a commit's durability is " + std::string(durability_names));
    session.set_durability(*named);
    session.printer().done();
    return {};
  }
  const std::string_view name = durability_name(session.durability());
  if (session.printer().json()) {
    session.printer().document({{"durability", name}});
  } else {
    session.printer().line(name);
  }
  return {};
}

Command durability_command() {
  Command command;
  command.name = "durability";
  command.usage = "[sync|process|lazy]";
  command.summary = "show or set what a crash may take of a commit";
  command.help =
      "Of the open transaction and of all that follow in this session. sync: nothing. process: nothing when the\n"
      "program ends, however it ends; a power cut may take the last commits. lazy: what was committed in the last\n"
      "10 ms or so even then. Nothing is ever half there. Through --journal copy-on-write it is always sync.";
  command.examples = {"durability", "durability lazy"};
  command.words_max = 1;
  command.run = durability;
  return command;
}

Command lock_command() {
  Command command;
  command.name = "lock";
  command.usage = "KEY | --prefix P | [--from F] [--to T] | --all [--shared]";
  command.summary = "lock keys, there or not, until the transaction ends";
  command.help =
      "Nobody else changes them or locks them before; --shared lets others lock them\n"
      "too, as long as that is --shared as well. Waits for those who have changed or\n"
      "locked one of them. FROM is included, TO is not.";
  command.examples = {"lock user:101", "lock --prefix user: --shared", "lock --from a --to m", "lock --all"};
  command.options = {{"--prefix", "P"}, {"--from", "F"}, {"--to", "T"}, {"--all", ""}, {"--shared", ""}};
  command.run = lock;
  return command;
}

std::vector<Command> waiting_commands() {
  Command isolation_command;
  isolation_command.name = "isolation";
  isolation_command.usage = "[LEVEL]";
  isolation_command.summary = "show or set what transactions that write see of others";
  isolation_command.help =
      "Of those that this session begins from now on: read_uncommitted,\n"
      "read_committed, repeatable_read or serializable, which is the default.";
  isolation_command.examples = {"isolation", "isolation read_committed"};
  isolation_command.words_max = 2;
  isolation_command.completes = Completes::levels;
  isolation_command.run = isolation;

  Command timeout_command;
  timeout_command.name = "timeout";
  timeout_command.usage = "[MS]";
  timeout_command.summary = "show or set how many milliseconds to wait for other transactions";
  timeout_command.help = "Of those that this session begins from now on. 0 does not wait at all.";
  timeout_command.examples = {"timeout", "timeout 200"};
  timeout_command.words_max = 1;
  timeout_command.run = timeout;
  return {lock_command(), isolation_command, timeout_command};
}

}  // namespace

CommandGroup transaction_commands() {
  Command begin_command;
  begin_command.name = "begin";
  begin_command.usage = "[read | LEVEL]";
  begin_command.summary = "open a transaction; the prompt shows * (or @ for reading)";
  begin_command.help =
      "All commands until commit or rollback belong to it, over any keyspaces.\n"
      "Without it every command is a transaction of its own. begin read keeps the\n"
      "view of this moment and changes nothing. LEVEL is what a transaction that\n"
      "writes sees of others: read_uncommitted, read_committed, repeatable_read or\n"
      "serializable; without it, what isolation says.";
  begin_command.examples = {"begin", "begin read", "begin repeatable_read"};
  begin_command.words_max = 3;
  begin_command.completes = Completes::levels;
  begin_command.creates_file = true;
  begin_command.run = begin;

  Command commit_command;
  commit_command.name = "commit";
  commit_command.summary = "make the transaction's changes durable and visible";
  commit_command.help = "When it has said ok, the changes survive any crash, unless durability says less.";
  commit_command.examples = {"commit"};
  commit_command.words_max = 0;
  commit_command.run = [](Session& s, const Arguments&) { return acknowledge(s, s.commit()); };

  Command rollback_command;
  rollback_command.name = "rollback";
  rollback_command.aliases = {"abort"};
  rollback_command.usage = "[to [NAME]]";
  rollback_command.summary = "drop the transaction's changes, or those since a savepoint";
  rollback_command.help =
      "Leaving the shell with an open transaction does the same. rollback to NAME goes back to a savepoint, which stays,\n"
      "and rollback to to the newest one; the transaction goes on. rollback to savepoint NAME is understood too.";
  rollback_command.examples = {"rollback", "rollback to", "rollback to before_import"};
  rollback_command.words_max = 3;
  rollback_command.run = rollback;

  CommandGroup group{"Transactions", {begin_command, commit_command, rollback_command}};
  for (Command& command : savepoint_commands()) group.commands.push_back(std::move(command));
  for (Command& command : waiting_commands()) group.commands.push_back(std::move(command));
  group.commands.push_back(durability_command());
  return group;
}

}  // namespace quire::shell
