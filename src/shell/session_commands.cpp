// Commands on sessions, and on who is at work: session, transactions, locks, snapshots.
//
// They have nothing to do with the current session's transaction, so they also run while that waits, and see it waiting.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/try.hpp"
#include "shell/entry_text.hpp"
#include "shell/open_options.hpp"
#include "shell/shell.hpp"
#include "tools/amounts.hpp"
#include "tools/escape.hpp"
#include "tools/row_table.hpp"

namespace quire::shell {

namespace {

using tools::Document;
using Rows = std::vector<std::vector<tools::Cell>>;

void print_table(Printer& printer, std::vector<std::string> heads, Rows rows, std::string_view thing) {
  tools::RowTable table(printer, std::move(heads));
  const std::size_t count = rows.size();
  for (std::vector<tools::Cell>& row : rows) table.add(std::move(row));
  table.finish();
  printer.line("(" + tools::count_of(count, thing) + ")");
}

// A line for each object, its values separated by tabs; null is empty.
void print_raw(Printer& printer, const Document& all) {
  for (const Document& object : all) {
    std::string line;
    for (const auto& [name, value] : object.items()) {
      if (&value != &object.front()) line += '\t';
      if (!value.is_null()) line += value.is_string() ? tools::escape(value.get<std::string>()) : tools::to_line(value);
    }
    printer.line(line);
  }
}

// "1 (a)": a transaction's number and its session.
std::string name_of(Shell& shell, std::uint64_t number) {
  const std::string owner = shell.owner_of_transaction(number);
  return std::to_string(number) + (owner.empty() ? "" : " (" + owner + ")");
}

std::string waits_for(Shell& shell, std::uint64_t number, std::uint64_t waited_us) {
  return fmt::format("{}, {}", number == 0 ? "?" : name_of(shell, number), tools::time_amount(waited_us));
}

Document text_or_null(const std::string& text) { return text.empty() ? Document() : Document(text); }
Document number_or_null(std::uint64_t number) { return number == 0 ? Document() : Document(number); }

// ---- session

Document session_document(Shell& shell, SessionThread& session) {
  const SessionView view = session.view();
  return {{"session", session.name()}, {"current", &session == &shell.current()}, {"keyspace", view.keyspace}, {"isolation", view.isolation},
          {"transaction", number_or_null(session.transaction_number())}, {"waits", text_or_null(shell.wait_of(session))}};
}

Outcome list_sessions(Shell& shell, Printer& printer) {
  Document all = Document::array();
  Rows rows;
  for (const auto& session : shell.sessions()) {
    all.push_back(session_document(shell, *session));
    const SessionView view = session->view();
    const std::uint64_t number = session->transaction_number();
    const std::optional<TransactionInfo> wait = shell.wait_info(*session);
    const bool here = session.get() == &shell.current();
    rows.push_back({{std::string(here ? "> " : "  ") + tools::escape(session->name()), false}, {tools::escape(view.keyspace), false}, {view.isolation, false},
                    {number != 0 ? std::to_string(number) : view.transaction, false},
                    {wait ? waits_for(shell, wait->waits_for, wait->waited_us) : "", false}, {wait ? tools::escape(session->line()) : "", false}});
  }
  if (printer.json()) {
    printer.document(all);
  } else if (printer.pretty()) {
    print_table(printer, {"session", "keyspace", "isolation", "transaction", "waits for", "command"}, std::move(rows), "session");
  } else {
    print_raw(printer, all);
  }
  return {};
}

Outcome session(Session& console, const Arguments& arguments) {
  const Word* word = arguments.word(0);
  if (word == nullptr) return list_sessions(console.shell(), console.printer());
  if (word->text.empty()) return Outcome::wrong_usage("a session's name is not empty");
  console.shell().use(word->text);
  // At a terminal the prompt says it.
  if (console.printer().json()) console.printer().done();
  return {};
}

// ---- transactions

Outcome transactions(Session& console, const Arguments&) {
  Shell& shell = console.shell();
  Printer& printer = console.printer();
  QUIRE_ASSIGN(const std::vector<TransactionInfo> all, shell.database().transactions());
  Document list = Document::array();
  Rows rows;
  for (const TransactionInfo& info : all) {
    list.push_back({{"transaction", info.number}, {"session", text_or_null(shell.owner_of_transaction(info.number))}, {"xid", number_or_null(info.xid)},
                    {"isolation", isolation_name(info.isolation)}, {"age_us", info.age_us}, {"changes", info.changes}, {"doing", info.doing},
                    {"waits_for", info.waiting ? Document(info.waits_for) : Document()}, {"waited_us", info.waiting ? Document(info.waited_us) : Document()},
                    {"wants", text_or_null(info.wants)}});
    rows.push_back({{name_of(shell, info.number), false}, {std::string(isolation_name(info.isolation)), false}, {tools::time_amount(info.age_us), true},
                    {tools::group_digits(info.changes), true}, {info.doing, false},
                    {info.waiting ? waits_for(shell, info.waits_for, info.waited_us) : "", false}});
  }
  if (printer.json()) {
    printer.document(list);
  } else if (printer.pretty()) {
    print_table(printer, {"transaction", "isolation", "age", "changes", "doing", "waits for"}, std::move(rows), "transaction");
  } else {
    print_raw(printer, list);
  }
  return {};
}

// ---- locks

Document bound_or_null(const Schema& schema, const std::optional<std::string>& bound) { return bound ? Document(bound_text(schema, *bound)) : Document(); }

Outcome locks(Session& console, const Arguments&) {
  Shell& shell = console.shell();
  Printer& printer = console.printer();
  QUIRE_ASSIGN(const std::vector<LockInfo> all, shell.database().locks());
  QUIRE_ASSIGN(const std::vector<KeyspaceInfo> keyspaces, shell.database().keyspaces());
  std::map<std::string, Schema> schemas;
  for (const KeyspaceInfo& info : keyspaces) schemas.emplace(info.name, info.schema);
  Document list = Document::array();
  Rows rows;
  for (const LockInfo& info : all) {
    const Schema& schema = schemas[info.keyspace];
    const std::string mode = info.mode == LockMode::shared ? "shared" : "exclusive";
    const std::string keys = info.keyspace.empty() ? "the list of keyspaces" : range_text(schema, info.range);
    list.push_back({{"keyspace", text_or_null(info.keyspace)}, {"keys", keys}, {"lower", bound_or_null(schema, info.range.lower)},
                    {"lower_inclusive", info.range.lower_inclusive}, {"upper", bound_or_null(schema, info.range.upper)},
                    {"upper_inclusive", info.range.upper_inclusive}, {"mode", mode}, {"transaction", info.transaction},
                    {"session", text_or_null(shell.owner_of_transaction(info.transaction))}, {"held", info.held},
                    {"waits_for", info.held ? Document() : Document(info.waits_for)}, {"waited_us", info.held ? Document() : Document(info.waited_us)}});
    rows.push_back({{tools::escape(info.keyspace), false}, {keys, false}, {mode, false}, {name_of(shell, info.transaction), false},
                    {info.held ? "holds it" : "waits for " + waits_for(shell, info.waits_for, info.waited_us), false}});
  }
  if (printer.json()) {
    printer.document(list);
  } else if (printer.pretty()) {
    print_table(printer, {"keyspace", "keys", "mode", "transaction", "state"}, std::move(rows), "lock");
  } else {
    print_raw(printer, list);
  }
  return {};
}

// ---- snapshots

Outcome snapshots(Session& console, const Arguments&) {
  Shell& shell = console.shell();
  Printer& printer = console.printer();
  QUIRE_ASSIGN(const std::vector<SnapshotInfo> all, shell.database().snapshots());
  Document list = Document::array();
  Rows rows;
  for (const SnapshotInfo& info : all) {
    const std::string owner = info.transaction != 0 ? shell.owner_of_transaction(info.transaction) : shell.owner_of_thread(info.thread);
    list.push_back({{"transaction", number_or_null(info.transaction)}, {"session", text_or_null(owner)}, {"thread", info.thread}, {"age_us", info.age_us},
                    {"commits_behind", info.commits_behind}, {"oldest", info.oldest}});
    const std::string who = info.transaction != 0 ? "transaction " + std::to_string(info.transaction) : std::string("reader");
    rows.push_back({{who + (owner.empty() ? "" : " (" + owner + ")"), false}, {tools::time_amount(info.age_us), true},
                    {tools::group_digits(info.commits_behind), true}, {info.oldest ? "oldest" : "", false}});
  }
  if (printer.json()) {
    printer.document(list);
  } else if (printer.pretty()) {
    print_table(printer, {"snapshot of", "age", "commits behind", ""}, std::move(rows), "snapshot");
  } else {
    print_raw(printer, list);
  }
  return {};
}

Command make(const char* name, const char* summary, const char* help, Outcome (*run)(Session&, const Arguments&)) {
  Command command;
  command.name = name;
  command.summary = summary;
  command.help = help;
  command.examples = {name};
  command.words_max = 0;
  command.of_shell = true;
  command.run = run;
  return command;
}

}  // namespace

CommandGroup session_commands() {
  Command session_command = make("session", "go to another session of this shell, or list them",
                                 "A session has its own keyspace, transaction and isolation, as if it were\n"
                                 "another program. One that is not there is made; the first is called a. When a\n"
                                 "command has to wait for another session, the shell says so and goes on; what\n"
                                 "came of it is shown before the next prompt.",
                                 session);
  session_command.usage = "[NAME]";
  session_command.words_max = 1;
  session_command.examples = {"session", "session b"};
  session_command.completes = Completes::sessions;

  Command transactions_command = make("transactions", "list open transactions that write, and whom they wait for",
                                      "Numbers are those that messages name. Piped, a transaction is a line: number,\n"
                                      "session, xid, isolation, age in microseconds, changes, what it is doing, whom\n"
                                      "it waits for, since how many microseconds, and what it wants.",
                                      transactions);
  Command locks_command = make("locks", "list locks, who holds them and who waits",
                               "A row that a transaction has changed is locked by it, and is listed when\n"
                               "somebody waits for it. Piped, a lock is a line: keyspace, keys, lower bound,\n"
                               "whether it is included, upper bound, whether it is included, mode,\n"
                               "transaction, session, whether it is held, whom it waits for, since how many\n"
                               "microseconds.",
                               locks);
  Command snapshots_command = make("snapshots", "list what readers see the database by, the oldest first",
                                   "What the oldest one may still need is not cleared away. Piped, a snapshot is a\n"
                                   "line: transaction (empty: a reader), session, thread, age in microseconds,\n"
                                   "commits since, whether it is the oldest.",
                                   snapshots);
  return {"Sessions", {session_command, transactions_command, locks_command, snapshots_command}};
}

}  // namespace quire::shell
