// Commands on transactions: begin, commit, rollback, savepoints in between, and what a commit promises.
//
// The words of SQL are understood too: rollback to savepoint NAME, release savepoint NAME.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/try.hpp"
#include "shell/open_options.hpp"
#include "shell/session.hpp"

namespace quire::shell {

namespace {

Outcome acknowledge(Session& session, Status status) {
  if (status.ok()) session.printer().done();
  return status;
}

Outcome begin(Session& session, const Arguments& arguments) {
  Access access = Access::write;
  if (const Word* word = arguments.word(0)) {
    if (word->text != "read" && word->text != "write") return Outcome::wrong_usage("a transaction is for read or write");
    if (word->text == "read") access = Access::read;
  }
  return acknowledge(session, session.begin(access));
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

}  // namespace

CommandGroup transaction_commands() {
  Command begin_command;
  begin_command.name = "begin";
  begin_command.usage = "[read]";
  begin_command.summary = "open a transaction; the prompt shows * (or @ for reading)";
  begin_command.help =
      "All commands until commit or rollback belong to it, over any keyspaces. Without it every command is\n"
      "a transaction of its own. begin read keeps the view of this moment.";
  begin_command.examples = {"begin", "begin read"};
  begin_command.words_max = 1;
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
  group.commands.push_back(durability_command());
  return group;
}

}  // namespace quire::shell
