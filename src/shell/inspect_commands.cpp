// Commands that look inside: stats, verify, checkpoint, tree, page, dump.
//
// The work is done in tools/inspect; here are names, words and help. What they show is the committed state.
#include <optional>

#include "base/try.hpp"
#include "shell/session.hpp"
#include "tools/inspect.hpp"

namespace quire::shell {

namespace {

// The keyspace named by the first word, else the current one; it must exist.
Result<std::string> named_keyspace(Session& session, const Arguments& arguments) {
  const std::string name = arguments.words.empty() ? session.keyspace() : arguments.words[0].text;
  Outcome found = session.read([&](Transaction& tx) -> Outcome { return session.describe(tx, name).status(); });
  if (!found.ok()) return found.status;
  return name;
}

// These look at what is committed; a transaction's own changes are not in the tree yet.
Status no_changes_open(Session& session) {
  if (session.transaction() == nullptr || session.transaction()->access() == Access::read) return {};
  session.printer().note("note: the open transaction's changes are not in it");
  return {};
}

Outcome stats(Session& session, const Arguments& arguments) {
  std::optional<std::string> keyspace;
  if (!arguments.words.empty()) {
    QUIRE_ASSIGN(keyspace, named_keyspace(session, arguments));
  }
  QUIRE_TRY(no_changes_open(session));
  return tools::show_statistics(session.database(), session.printer(), keyspace);
}

Outcome tree(Session& session, const Arguments& arguments) {
  QUIRE_ASSIGN(const std::string keyspace, named_keyspace(session, arguments));
  QUIRE_TRY(no_changes_open(session));
  return tools::show_tree(session.database(), session.printer(), keyspace);
}

Outcome dump(Session& session, const Arguments& arguments) {
  QUIRE_ASSIGN(const std::string keyspace, named_keyspace(session, arguments));
  QUIRE_TRY(no_changes_open(session));
  return tools::show_dump(session.database(), session.printer(), keyspace);
}

Outcome page(Session& session, const Arguments& arguments) {
  if (arguments.words.empty()) return tools::show_pages(session.database(), session.printer());
  QUIRE_ASSIGN_USAGE(const std::uint64_t number, parse_number(arguments.words[0].text, "a page"));
  return tools::show_page(session.database(), session.printer(), number);
}

Command make(const char* name, const char* usage, const char* summary, const char* help, std::size_t words_max,
             Outcome (*run)(Session&, const Arguments&)) {
  Command command;
  command.name = name;
  command.usage = usage;
  command.summary = summary;
  command.help = help;
  command.examples = {name};
  command.words_max = words_max;
  command.run = run;
  return command;
}

}  // namespace

CommandGroup inspect_commands() {
  Command stats_command = make("stats", "[KEYSPACE]", "show numbers about the file, the memory and each keyspace",
                               "Piped, a number is a line: name, tab, value.", 1, stats);
  stats_command.completes = Completes::keyspaces;

  Command verify_command = make("verify", "", "read every page and check everything", "Says ok, or the first damage with its page.", 0,
                                [](Session& s, const Arguments&) -> Outcome { return tools::show_verify(s.database(), s.printer()); });
  verify_command.tells_time = true;

  Command checkpoint_command = make("checkpoint", "", "publish everything committed", "A commit has done so already.", 0,
                                    [](Session& s, const Arguments&) -> Outcome {
                                      QUIRE_TRY(s.database().checkpoint());
                                      s.printer().done();
                                      return {};
                                    });
  checkpoint_command.creates_file = true;

  Command tree_command = make("tree", "[KEYSPACE]", "draw a keyspace's tree", "A line a page; a large tree is summed up level by level.", 1, tree);
  tree_command.completes = Completes::keyspaces;

  Command page_command = make("page", "[N]", "show one page field by field, or list all pages",
                              "Page 0 shows the superblocks. Page numbers are those that tree and verify name.", 1, page);
  page_command.examples = {"page 7", "page"};

  Command dump_command = make("dump", "[KEYSPACE]", "show every page and entry of a keyspace", "Long: meant for a pipe.", 1, dump);
  dump_command.completes = Completes::keyspaces;

  return {"Inspection", {stats_command, verify_command, checkpoint_command, tree_command, page_command, dump_command}};
}

}  // namespace quire::shell
