// Several sessions in one shell: waiting in turn, deadlocks, what each level of isolation sees, who is listed, how it ends.
//
// Goal     the shell never hangs, and says the same in every run
// Method   transcripts with prompts as at a terminal, against testdata/sessions_*.txt (`./dev golden` rewrites them); times are taken
//          out, and blanks and lines of tables squeezed. Other forms of output, timeouts and the end by hand
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <sstream>

#include "os/environment.hpp"
#include "shell/completion.hpp"
#include "shell/runner.hpp"
#include "shell/shell.hpp"
#include "support/golden.hpp"

namespace quire::shell {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using tools::Exit;
using tools::Form;

struct Scene {
  explicit Scene(Form form = Form::pretty)
      : printer(form, out, out), shell(std::make_unique<Shell>(Database::open_in_memory().value(), "demo.qdb", printer)) {
    shell->set_lock_timeout_ms(60'000);
  }

  // What the command and those that have finished say.
  std::string run(const std::string& line) {
    out.str("");
    last = exit_code(shell->run(line));
    return out.str();
  }
  std::string transcript(std::initializer_list<const char*> lines) {
    std::string text;
    for (const char* line : lines) {
      text += shell->prompt() + line + "\n";
      text += run(line);
    }
    out.str("");
    const Status ended = shell->finish();
    text += out.str() + "(" + ended.to_string() + ")\n";
    return text;
  }

  std::ostringstream out;
  Printer printer;
  std::unique_ptr<Shell> shell;
  Exit last = Exit::ok;
};

std::string without_times(std::string text) {
  text = std::regex_replace(text, std::regex("[0-9]+(\\.[0-9]+)? (ms|s)\\b"), "# ms");
  text = std::regex_replace(text, std::regex("\n\\(# ms\\)"), "");  // a slow machine
  text = std::regex_replace(text, std::regex("-{3,}"), "---");
  return std::regex_replace(text, std::regex(" {2,}"), "  ");
}

std::string golden(const std::string& name, const std::string& text) {
  return test::golden_difference("src/shell/testdata/sessions_" + name + ".txt", without_times(text));
}

TEST(sessions, wait_in_turn) {
  Scene scene;
  EXPECT_EQ(golden("in_turn", scene.transcript({"put k 0", "begin", "put k 1", "session b", "put k 2", "get k", "locks", "session c", "begin", "put k 3",
                                                "session", "transactions", "session a", "commit", "session b", "get k", "session c", "get k", "commit", "get k"})),
            "");
}

TEST(sessions, one_of_those_that_wait_for_each_other_gives_way) {
  Scene scene;
  EXPECT_EQ(golden("deadlock", scene.transcript({"begin", "put a 1", "put c 1", "session b", "begin", "put b 2", "session a", "put b 1", "session b", "put a 2",
                                                 "get a", "session a", "commit", "scan"})),
            "");
}

TEST(sessions, the_victim_may_be_the_one_that_was_waiting) {
  Scene scene;
  EXPECT_EQ(golden("waiting_victim", scene.transcript({"begin", "put a 1", "session b", "begin", "put b 2", "put c 2", "session a", "put b 1", "session b",
                                                       "put a 2", "session a", "commit", "session b", "commit", "scan"})),
            "");
}

TEST(sessions, see_what_their_isolation_lets_them_see) {
  Scene scene;
  EXPECT_EQ(golden("isolation", scene.transcript({"put k old", "session b", "isolation read committed", "isolation", "begin", "get k", "session c",
                                                  "begin repeatable_read", "get k", "session d", "begin read_uncommitted", "session e", "begin read", "session a",
                                                  "begin", "put k new", "session d", "get k", "session b", "get k", "session a", "commit", "session b", "get k",
                                                  "commit", "session c", "get k", "put k mine", "snapshots", "session e", "get k", "commit", "session c", "rollback"})),
            "");
}

TEST(sessions, lock_keys_and_ranges) {
  Scene scene;
  EXPECT_EQ(golden("locks", scene.transcript({"lock k", "create cities key country,name", "begin", "lock user:1", "lock --prefix user: --shared", "lock --from x",
                                              "get k --for-update", "use cities", "lock NO Oslo --shared", "lock --prefix NO", "lock --prefix 'SE,St*'", "lock NO Oslo --all",
                                              "locks", "session b", "begin", "put user:2 1", "locks", "session a", "rollback", "locks", "begin read", "lock NO Oslo"})),
            "");
}

TEST(sessions, have_each_their_keyspace_and_transaction) {
  Scene scene;
  scene.run("create t");
  EXPECT_EQ(scene.shell->prompt(), "demo.qdb> ");
  scene.run("use t");
  scene.run("begin");
  scene.run("session b");
  EXPECT_EQ(scene.shell->prompt(), "b demo.qdb> ");
  EXPECT_EQ(scene.run("commit"), "error: no transaction is open; begin opens one\n");
  scene.run("session a");
  EXPECT_EQ(scene.shell->prompt(), "a demo.qdb:t*> ");
  scene.run("put k v");
  scene.run("session b");
  scene.run("use t");
  EXPECT_EQ(scene.run("count"), "0\n");
  scene.run("session a");
  EXPECT_THAT(scene.run("tree"), HasSubstr("leaf")) << "its own transaction is not in its way";
  EXPECT_EQ(scene.run("commit"), "ok\n");
}

// A different key each: locking is by row, also through the shell's look at the keyspace.
TEST(sessions, that_change_different_rows_do_not_wait) {
  Scene scene;
  for (const char* line : {"begin", "put a 1", "get a", "session b", "begin", "put b 1", "get b", "del b", "session c", "begin", "put c 1"}) {
    EXPECT_EQ(scene.run(line).find("waits"), std::string::npos) << line;
    EXPECT_EQ(scene.last, Exit::ok) << line;
  }
  scene.run("session a");
  EXPECT_EQ(scene.run("commit"), "ok\n");
}

TEST(sessions, wait_no_longer_than_they_are_told) {
  Scene scene;
  scene.run("begin");
  scene.run("put k 1");
  scene.run("session b");
  EXPECT_EQ(scene.run("timeout"), "60000\n");
  scene.run("timeout 50");
  scene.run("begin");
  scene.run("put j 1");
  EXPECT_THAT(scene.run("put k 2"), StartsWith("b: put k 2 waits for transaction 1 (session a)\n"));
  std::string late;
  for (int i = 0; i < 2000 && late.empty(); ++i) {
    os::sleep_us(10'000);
    late = scene.run("");
  }
  EXPECT_THAT(late, StartsWith("b: put k 2\nerror: waited "));
  EXPECT_EQ(scene.last, Exit::failed);
  EXPECT_EQ(scene.shell->prompt(), "b demo.qdb*> ") << "the transaction goes on";
  EXPECT_EQ(scene.run("commit"), "ok\n");
  scene.run("timeout 0");
  EXPECT_THAT(scene.run("put k 2"), StartsWith("error: does not wait for exclusive lock on key \"k\""));
}

TEST(sessions, say_in_other_forms_that_they_wait) {
  for (const Form form : {Form::raw, Form::json}) {
    Scene scene(form);
    scene.run("begin");
    scene.run("put k 1");
    scene.run("session b");
    scene.run("begin");
    const bool json = form == Form::json;
    EXPECT_EQ(scene.run("get k"), json ? "{\"session\":\"b\",\"waits\":\"get k waits for transaction 1 (session a)\"}\n"
                                       : "note: b: get k waits for transaction 1 (session a)\n");
    EXPECT_EQ(scene.last, Exit::ok);
    EXPECT_EQ(scene.run("get k").substr(0, json ? 10 : 7), json ? "{\"error\":{" : "error: ");
    EXPECT_EQ(scene.last, Exit::busy);
    EXPECT_EQ(scene.run("session a"), json ? "{\"ok\":true}\n" : "");
    EXPECT_EQ(scene.run("commit"), json ? "{\"ok\":true}\n{\"session\":\"b\",\"finished\":\"get k\"}\n{\"key\":\"k\",\"value\":\"1\"}\n" : "1\n");
    EXPECT_THAT(scene.run("transactions"), json ? HasSubstr("\"isolation\":\"serializable\"") : HasSubstr("2\tb\t\tserializable\t"));
    EXPECT_THAT(scene.run("locks"), json ? HasSubstr("\"keys\":\"k\"") : HasSubstr("default\tk\tk\ttrue\tk\ttrue\tshared\t2\tb\ttrue\t\t\n"));
  }
}

TEST(sessions, of_a_script_stop_it_at_a_failure_of_any) {
  for (const bool go_on : {false, true}) {
    Scene scene(Form::raw);
    std::istringstream script("begin\nput a 1\nsession b\nbegin\nput b 2\nput c 2\nsession a\nput b 1\nsession b\nput a 2\ncount\ncommit\n");
    EXPECT_EQ(run_script(*scene.shell, script, go_on), Exit::failed);
    EXPECT_THAT(scene.out.str(), HasSubstr("error: line 8: deadlock of 2: "));
    EXPECT_THAT(scene.out.str(), HasSubstr("; the transaction was rolled back\n"));
    EXPECT_EQ(scene.out.str().find("\n3\n") != std::string::npos, go_on);
  }
}

TEST(sessions, that_still_wait_at_the_end_go_on_and_are_ended) {
  Scene scene;
  for (const char* line : {"begin", "put k 1", "session b", "begin", "put k 2", "session c", "put k 3"}) scene.run(line);
  scene.out.str("");
  const Status ended = scene.shell->finish();
  EXPECT_EQ(ended.to_string(), "interrupted: session a: the open transaction was not committed; its changes are dropped; "
                               "session b: the open transaction was not committed; its changes are dropped");
  EXPECT_EQ(scene.out.str(), "b: put k 2\nok\nc: put k 3\nok\n");
}

TEST(sessions, that_wait_do_not_hold_up_a_shell_that_is_given_up) {
  Scene scene;
  for (const char* line : {"begin", "put k 1", "session b", "begin", "put k 2", "session c", "begin", "put k 3"}) scene.run(line);
  const std::uint64_t start = os::system_environment().clock.monotonic_us();
  scene.shell.reset();
  EXPECT_LT(os::system_environment().clock.monotonic_us() - start, 30'000'000u) << "nobody waited for a timeout";
}

TEST(sessions, are_offered_by_name) {
  Scene scene;
  scene.run("session other");
  EXPECT_EQ(complete(*scene.shell, "session o").candidates, std::vector<std::string>{"other"});
  EXPECT_EQ(complete(*scene.shell, "begin rea").candidates, (std::vector<std::string>{"read", "read_committed", "read_uncommitted"}));
  EXPECT_EQ(complete(*scene.shell, "isolation s").candidates, std::vector<std::string>{"serializable"});
  EXPECT_EQ(complete(*scene.shell, "lock --sh").candidates, std::vector<std::string>{"--shared"});
  EXPECT_EQ(scene.run("session ''"), "error: session: a session's name is not empty; usage: session [NAME]\n");
  EXPECT_EQ(scene.run("begin read serializable").substr(0, 60), "error: begin: a transaction that only reads has a snapshot a");
}

}  // namespace
}  // namespace quire::shell
