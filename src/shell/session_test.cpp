// Session: whole commands on a database in memory, in each form of output, and completion.
//
// Several sessions are in sessions_test.cpp. How the program behaves as a process is tested by tests/scripts/shell_*.sh.
#include "shell/shell.hpp"

#include <gtest/gtest.h>

#include <sstream>

#include "shell/completion.hpp"
#include "shell/runner.hpp"

namespace quire::shell {
namespace {

using tools::Exit;
using tools::Form;

struct Fixture {
  explicit Fixture(Form form = Form::raw)
      : printer(form, out, error), shell(Database::open_in_memory().value(), "dir/demo.qdb", printer) {}

  // Output of a command and then its error.
  std::string run(const std::string& line) {
    out.str("");
    error.str("");
    const Outcome outcome = shell.run(line);
    last = exit_code(outcome);
    return out.str() + error.str();
  }

  std::ostringstream out;
  std::ostringstream error;
  Printer printer;
  Shell shell;
  Exit last = Exit::ok;
};

TEST(session, runs_commands_with_raw_output) {
  Fixture f;
  EXPECT_EQ(f.run("put k 'a b'"), "");
  EXPECT_EQ(f.run(".GET k"), "a b\n");
  EXPECT_EQ(f.run("scan"), "k\ta b\n");
  EXPECT_EQ(f.run("get x"), "error: no key 'x' in keyspace default\n");
  EXPECT_EQ(f.last, Exit::failed);
  EXPECT_EQ(f.run("get"), "error: get: it needs arguments; usage: get KEY [--for-update] [--hex]\n");
  EXPECT_EQ(f.last, Exit::usage);
  EXPECT_EQ(f.run("# nothing"), "");
  EXPECT_EQ(f.run(""), "");
}

TEST(session, speaks_to_people) {
  Fixture f(Form::pretty);
  EXPECT_EQ(f.run("put k v"), "ok\n");
  EXPECT_EQ(f.run("put esc \"\\x1b[2J\""), "ok\n");
  EXPECT_EQ(f.run("get esc"), "\\x1b[2J\n") << "a value must not steer the terminal";
  EXPECT_EQ(f.run("scan --keys-only"), "key\n---\nesc\nk\n(2 rows)\n");
  EXPECT_EQ(f.run("scan --prefix none"), "(0 rows)\n");
}

TEST(session, writes_one_document_a_command_as_json) {
  Fixture f(Form::json);
  EXPECT_EQ(f.run("create t key a value b"), "{\"ok\":true}\n");
  EXPECT_EQ(f.run("use t"), "{\"ok\":true}\n");
  EXPECT_EQ(f.run("put 1 1.5"), "{\"ok\":true}\n");
  EXPECT_EQ(f.run("put x NULL"), "{\"ok\":true}\n");
  EXPECT_EQ(f.run("scan"), "[{\"a\":1,\"b\":1.5},{\"a\":\"x\",\"b\":null}]\n");
  EXPECT_EQ(f.run("scan --prefix none"), "[]\n");
  EXPECT_EQ(f.run("nonsense"), "{\"error\":{\"code\":\"usage\",\"message\":\"unknown command 'nonsense'\"}}\n");
}

TEST(session, keeps_quoted_words_text_and_bare_ones_typed) {
  Fixture f;
  f.run("create t key a value b");
  f.run("use t");
  EXPECT_EQ(f.run("put 42 number"), "");
  EXPECT_EQ(f.run("put '42' text"), "");
  EXPECT_EQ(f.run("scan"), "42\tnumber\n\"42\"\ttext\n");
  EXPECT_EQ(f.run("get 42"), "number\n");
  EXPECT_EQ(f.run("get \"42\""), "text\n");
  EXPECT_EQ(f.run("get '\"42\"'"), "text\n") << "as scan shows it";
  EXPECT_EQ(f.run("put x'00ff' blob"), "");
  EXPECT_EQ(f.run("get x'00ff'"), "blob\n");
  EXPECT_EQ(f.run("count --prefix 4*"), "1\n") << "a prefix of text";
}

TEST(session, selects_ranges_of_composite_keys) {
  Fixture f;
  f.run("create t key a,b value c");
  f.run("use t");
  for (const char* line : {"put NO Os 1", "put NO Oslo 2", "put NO Bergen 3", "put N x 4", "put SE Os 5", "put NO,12 6"}) EXPECT_EQ(f.run(line), "");
  EXPECT_EQ(f.run("scan --prefix NO --keys-only"), "NO,12\nNO,Bergen\nNO,Os\nNO,Oslo\n");
  EXPECT_EQ(f.run("scan --prefix N* --limit 2 --keys-only"), "N,x\nNO,12\n");
  EXPECT_EQ(f.run("scan --prefix NO,Os* --keys-only"), "NO,Os\nNO,Oslo\n");
  EXPECT_EQ(f.run("scan --prefix NO,Os --keys-only"), "NO,Os\n");
  EXPECT_EQ(f.run("scan NO,C SE --keys-only"), "NO,Os\nNO,Oslo\n");
  EXPECT_EQ(f.run("scan NO,C --reverse --keys-only"), "SE,Os\nNO,Oslo\nNO,Os\n");
  EXPECT_EQ(f.run("scan NO,C --prefix NO").substr(0, 49), "error: scan: give either --prefix or from and to;");
  EXPECT_EQ(f.run("scan NO,a,b").substr(0, 46), "error: scan: the key has 2 columns (a,b), give");
}

TEST(session, shows_keyspace_and_transaction_in_the_prompt) {
  Fixture f;
  EXPECT_EQ(f.shell.prompt(), "demo.qdb> ");
  f.run("create t");
  f.run("use t");
  f.run("begin");
  EXPECT_EQ(f.shell.prompt(), "demo.qdb:t*> ");
  EXPECT_EQ(f.run("begin"), "error: a transaction is open already; commit or rollback ends it\n");
  f.run("put a b");
  EXPECT_EQ(f.run("rollback"), "");
  EXPECT_EQ(f.run("count"), "0\n");
  f.run("begin read");
  EXPECT_EQ(f.shell.prompt(), "demo.qdb:t@> ");
  f.run("put a b");
  EXPECT_EQ(f.last, Exit::failed);
  EXPECT_EQ(f.run("commit"), "");
  f.run("drop t");
  EXPECT_EQ(f.shell.prompt(), "demo.qdb> ");
}

TEST(session, says_what_was_removed_and_compacted_to_people_only) {
  for (const Form form : {Form::raw, Form::json, Form::pretty}) {
    Fixture f(form);
    const auto expected = [&](const std::string& pretty) { return form == Form::raw ? "" : form == Form::json ? "{\"ok\":true}\n" : pretty; };
    f.run("put a1 x");
    f.run("put a2 x");
    f.run("put b1 x");
    EXPECT_EQ(f.run("del --prefix a"), expected("ok: 2 rows removed\n"));
    const std::string compacted = f.run("compact");
    if (form != Form::pretty) {
      EXPECT_EQ(compacted, expected(""));
    }
    EXPECT_EQ(compacted.starts_with("ok: the file had "), form == Form::pretty);
  }
}

TEST(session, goes_back_to_savepoints) {
  Fixture f;
  f.run("begin");
  f.run("put a 1");
  EXPECT_EQ(f.run("savepoint one"), "");
  f.run("put a 2");
  EXPECT_EQ(f.run("savepoint two"), "");
  f.run("put a 3");
  EXPECT_EQ(f.run("rollback to two"), "");
  EXPECT_EQ(f.run("get a"), "2\n");
  f.run("del a");
  EXPECT_EQ(f.run("ROLLBACK to savepoint one"), "") << "as in SQL";
  EXPECT_EQ(f.run("get a"), "1\n");
  EXPECT_EQ(f.run("rollback to two"), "error: no savepoint 'two' in this transaction\n") << "it went with what was done since one";
  EXPECT_EQ(f.last, Exit::failed);
  f.run("put a 4");
  EXPECT_EQ(f.run("rollback to one"), "") << "it stays";
  f.run("put b 5");
  EXPECT_EQ(f.run("release savepoint one"), "");
  EXPECT_EQ(f.run("rollback to"), "error: this transaction has no savepoint\n");
  EXPECT_EQ(f.run("commit"), "");
  EXPECT_EQ(f.run("scan"), "a\t1\nb\t5\n");
}

TEST(session, finds_the_newest_savepoint_without_a_name_or_of_a_name) {
  Fixture f;
  f.run("begin");
  f.run("savepoint again");
  f.run("put a 1");
  f.run("savepoint again");
  f.run("put b 1");
  f.run("savepoint");
  f.run("put c 1");
  EXPECT_EQ(f.run("rollback to"), "");
  EXPECT_EQ(f.run("scan --keys-only"), "a\nb\n");
  EXPECT_EQ(f.run("release"), "");
  EXPECT_EQ(f.run("rollback to again"), "");
  EXPECT_EQ(f.run("scan --keys-only"), "a\n");
  EXPECT_EQ(f.run("release again"), "") << "the older one of that name counts again";
  EXPECT_EQ(f.run("rollback to again"), "");
  EXPECT_EQ(f.run("scan --keys-only"), "");
  f.run("savepoint 'savepoint'");
  EXPECT_EQ(f.run("rollback to 'savepoint'"), "");
  EXPECT_EQ(f.run("rollback"), "");
}

TEST(session, says_where_savepoints_make_no_sense) {
  Fixture f;
  EXPECT_EQ(f.run("savepoint a"), "error: no transaction is open; a savepoint is a point in one, and begin opens one\n");
  EXPECT_EQ(f.run("rollback to a"), "error: no transaction is open; savepoints end with theirs\n");
  EXPECT_EQ(f.run("release"), "error: no transaction is open; savepoints end with theirs\n");
  f.run("begin");
  f.run("savepoint a");
  f.run("commit");
  f.run("begin");
  EXPECT_EQ(f.run("rollback to a"), "error: this transaction has no savepoint\n") << "it was another one's";
  EXPECT_EQ(f.run("rollback a"),
            "error: rollback: rollback takes back everything, rollback to [NAME] what was done since a savepoint; usage: rollback [to [NAME]]\n");
  EXPECT_EQ(f.last, Exit::usage);
  EXPECT_EQ(f.run("rollback to a b"), "error: rollback: one savepoint at a time; usage: rollback [to [NAME]]\n");
  EXPECT_EQ(f.run("savepoint ''"), "error: savepoint: a savepoint's name is not empty; usage: savepoint [NAME]\n");
  f.run("rollback");
  f.run("begin read");
  EXPECT_EQ(f.run("savepoint a"), "error: a transaction that only reads has nothing to go back from\n");
}

TEST(session, tells_of_a_transaction_that_is_left_open) {
  Fixture f;
  f.run("begin");
  f.run("put a b");
  EXPECT_FALSE(f.shell.finish().ok());
}

TEST(session, has_help_for_every_command) {
  Fixture f;
  for (const std::string& name : f.shell.commands().names()) {
    const std::string text = f.run("help " + name);
    EXPECT_EQ(text.substr(0, 7 + name.size()), "usage: " + name);
    const Command* command = f.shell.commands().find(name);
    EXPECT_FALSE(command->summary.empty()) << name;
    EXPECT_FALSE(command->examples.empty()) << name;
    EXPECT_NE(f.run("help").find(command->summary), std::string::npos) << name;
  }
}

TEST(script, stops_at_the_first_error_unless_told_to_go_on) {
  for (const bool go_on : {false, true}) {
    Fixture f;
    std::istringstream script("put a 1\nget none\nbogus\nput b 2\ncount\n");
    EXPECT_EQ(run_script(f.shell, script, go_on), Exit::failed);
    EXPECT_EQ(f.out.str(), go_on ? "2\n" : "");
    EXPECT_TRUE(f.error.str().starts_with("error: line 2: no key 'none' in keyspace default\n"));
  }
}

TEST(completion, offers_what_fits_the_place) {
  Fixture f;
  f.run("create cities");
  f.run("create 'two words'");
  const auto offered = [&](std::string_view line) { return complete(f.shell, line).candidates; };
  using Names = std::vector<std::string>;
  EXPECT_EQ(offered("sc"), Names{"scan"});
  EXPECT_EQ(offered(".sta"), Names{".stats"});
  EXPECT_EQ(offered("use c"), Names{"cities"});
  EXPECT_EQ(offered("use "), (Names{"\"two words\"", "cities", "default"}));
  EXPECT_EQ(offered("scan --l"), Names{"--limit"});
  EXPECT_EQ(offered("help im"), Names{"import"});
  EXPECT_EQ(offered("import x.csv into d"), Names{"default"});
  EXPECT_EQ(offered("import x.csv i"), Names{"into"});
  EXPECT_TRUE(offered("get x").empty());
  EXPECT_EQ(complete(f.shell, "use ci").start, 4u);
  EXPECT_EQ(common_beginning({"import", "inspect"}), "i");
  EXPECT_EQ(common_beginning({"æb", "ça"}), "") << "not half of a character";
}

}  // namespace
}  // namespace quire::shell
