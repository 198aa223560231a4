// Commands on transactions: begin, commit, rollback.
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
  commit_command.help = "When it has said ok, the changes survive any crash.";
  commit_command.examples = {"commit"};
  commit_command.words_max = 0;
  commit_command.run = [](Session& s, const Arguments&) { return acknowledge(s, s.commit()); };

  Command rollback_command;
  rollback_command.name = "rollback";
  rollback_command.aliases = {"abort"};
  rollback_command.summary = "drop the transaction's changes";
  rollback_command.help = "Leaving the shell with an open transaction does the same.";
  rollback_command.examples = {"rollback"};
  rollback_command.words_max = 0;
  rollback_command.run = [](Session& s, const Arguments&) { return acknowledge(s, s.rollback()); };

  return {"Transactions", {begin_command, commit_command, rollback_command}};
}

}  // namespace quire::shell
