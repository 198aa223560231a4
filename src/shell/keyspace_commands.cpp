// Commands on keyspaces: keyspaces, use, create, drop, keyspace.
//
// `keyspace create X` and `create X` are the same; the long form is what people of other systems try.
#include <fmt/format.h>

#include "base/try.hpp"
#include "shell/column_list.hpp"
#include "shell/entry_words.hpp"
#include "shell/session.hpp"
#include "tools/amounts.hpp"
#include "tools/escape.hpp"
#include "tools/row_table.hpp"

namespace quire::shell {

namespace {

void print_keyspaces(Printer& printer, const std::vector<KeyspaceInfo>& all) {
  if (printer.json()) {
    tools::Document list = tools::Document::array();
    for (const KeyspaceInfo& info : all) {
      list.push_back({{"name", info.name}, {"count", info.count}, {"key_columns", info.schema.key_columns},
                      {"value_columns", info.schema.value_columns}});
    }
    return printer.document(list);
  }
  tools::RowTable table(printer, {"keyspace", "entries", "key", "value"});
  for (const KeyspaceInfo& info : all) {
    const std::string key = join_names(info.schema.key_columns);
    const std::string value = join_names(info.schema.value_columns);
    if (printer.pretty()) {
      const bool plain = info.schema.plain();
      table.add({{tools::escape(info.name), false}, {tools::group_digits(info.count), true},
                 {plain ? "bytes" : tools::escape(key), false}, {plain ? "bytes" : tools::escape(value), false}});
    } else {
      printer.line(fmt::format("{}\t{}\t{}\t{}", tools::escape(info.name), info.count, tools::escape(key), tools::escape(value)));
    }
  }
  table.finish();
}

Outcome list_keyspaces(Session& session, const Arguments&) {
  return session.read([&](Transaction& tx) -> Outcome {
    QUIRE_ASSIGN(const std::vector<KeyspaceInfo> all, tx.keyspaces());
    print_keyspaces(session.printer(), all);
    return {};
  });
}

Outcome use(Session& session, const Arguments& arguments) {
  const std::string& name = arguments.words[0].text;
  Outcome outcome = session.read([&](Transaction& tx) -> Outcome { return session.describe(tx, name).status(); });
  if (!outcome.ok()) return outcome;
  session.set_keyspace(name);
  // At a terminal the prompt says it.
  if (session.printer().json()) session.printer().done();
  return {};
}

// [key COLUMN,...] [value COLUMN,...]
Result<Schema> schema_from_words(std::span<const Word> words) {
  Schema schema;
  std::vector<std::string>* target = nullptr;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (!words[i].quoted && words[i].text == "key") {
      target = &schema.key_columns;
    } else if (!words[i].quoted && words[i].text == "value" && !schema.key_columns.empty()) {
      target = &schema.value_columns;
    } else if (target == nullptr) {
      return Status(Code::invalid, fmt::format("'{}' is neither 'key COLUMN,...' nor 'value COLUMN,...'", words[i].text));
    } else {
      QUIRE_TRY(append_column_names(*target, words[i]));
    }
  }
  if (target != nullptr && schema.key_columns.empty()) return Status(Code::invalid, "the key needs a column");
  QUIRE_TRY(check_columns(schema));
  return schema;
}

Outcome create(Session& session, std::span<const Word> words) {
  if (words.empty()) return Outcome::wrong_usage("a name is missing");
  QUIRE_ASSIGN_USAGE(const Schema schema, schema_from_words(words.subspan(1)));
  Outcome outcome = session.write([&](Transaction& tx) -> Outcome {
    Status created = tx.create_keyspace(words[0].text, schema);
    if (created == Code::exists) return Status(Code::exists, fmt::format("keyspace '{}' is already there", tools::escape(words[0].text)));
    return created;
  });
  if (outcome.ok()) session.printer().done();
  return outcome;
}

Outcome drop(Session& session, std::span<const Word> words) {
  if (words.size() != 1) return Outcome::wrong_usage("it needs one name");
  const std::string& name = words[0].text;
  Outcome outcome = session.write([&](Transaction& tx) -> Outcome {
    QUIRE_ASSIGN(const KeyspaceInfo info, session.describe(tx, name));
    return tx.drop_keyspace(info.name);
  });
  if (!outcome.ok()) return outcome;
  if (session.keyspace() == name) session.set_keyspace(std::string(default_keyspace));
  session.printer().done();
  return {};
}

Outcome keyspace(Session& session, const Arguments& arguments) {
  if (arguments.words.empty()) return list_keyspaces(session, arguments);
  const std::span<const Word> rest = std::span(arguments.words).subspan(1);
  const std::string& action = arguments.words[0].text;
  if (action == "create") return create(session, rest);
  if (action == "drop") return drop(session, rest);
  if (action == "list" && rest.empty()) return list_keyspaces(session, arguments);
  if (action == "use" && rest.size() == 1) return use(session, Arguments{{rest[0]}, {}});
  return Outcome::wrong_usage(fmt::format("'{}' is not one of create, drop, use, list", action));
}

}  // namespace

CommandGroup keyspace_commands() {
  Command list_command;
  list_command.name = "keyspaces";
  list_command.aliases = {"tables"};
  list_command.summary = "list the keyspaces, their entries and columns";
  list_command.help = "Piped, a keyspace is a line: name, entries, key columns, value columns, separated by tabs.";
  list_command.examples = {"keyspaces"};
  list_command.words_max = 0;
  list_command.run = list_keyspaces;

  Command use_command;
  use_command.name = "use";
  use_command.usage = "KEYSPACE";
  use_command.summary = "choose the keyspace that commands work on";
  use_command.help = "Every database has the keyspace default, which is chosen at the start.";
  use_command.examples = {"use cities", "use default"};
  use_command.words_min = use_command.words_max = 1;
  use_command.completes = Completes::keyspaces;
  use_command.run = use;

  Command create_command;
  create_command.name = "create";
  create_command.usage = "KEYSPACE [key COLUMN,... [value COLUMN,...]]";
  create_command.summary = "make a keyspace, of plain bytes or with columns";
  create_command.help = "Keys with columns are ordered column by column, numbers by their value.";
  create_command.examples = {"create notes", "create people key country,id value name,age"};
  create_command.words_min = 1;
  create_command.creates_file = true;
  create_command.run = [](Session& s, const Arguments& a) { return create(s, a.words); };

  Command drop_command;
  drop_command.name = "drop";
  drop_command.usage = "KEYSPACE";
  drop_command.summary = "remove a keyspace with all its entries";
  drop_command.help = "There is no question asked; inside a transaction, rollback brings it back.";
  drop_command.examples = {"drop notes"};
  drop_command.words_min = drop_command.words_max = 1;
  drop_command.completes = Completes::keyspaces;
  drop_command.run = [](Session& s, const Arguments& a) { return drop(s, a.words); };

  Command keyspace_command;
  keyspace_command.name = "keyspace";
  keyspace_command.usage = "create|drop|use|list ...";
  keyspace_command.summary = "the same commands under one name";
  keyspace_command.help = "keyspace create X is create X, and so on; keyspace alone lists them.";
  keyspace_command.examples = {"keyspace create notes", "keyspace drop notes"};
  keyspace_command.creates_file = true;
  keyspace_command.run = keyspace;

  return {"Keyspaces", {list_command, use_command, create_command, drop_command, keyspace_command}};
}

}  // namespace quire::shell
