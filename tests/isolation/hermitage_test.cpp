// The scenes of Hermitage at every isolation level: which anomaly happens, and what prevents it.
//
// Goal     docs/isolation.md tells what the levels let happen; this is what fills its table, and fails when it is no longer true
// Method   scenes as of Martin Kleppmann's Hermitage (github.com/ept/hermitage), played in sessions (sessions.hpp). A session whose call
//          waits does its next steps when it goes on; one that meets a conflict or a deadlock rolls back and is done
#include <gmock/gmock.h>

#include <deque>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>

#include "isolation/sessions.hpp"
#include "support/golden.hpp"

namespace quire::test {
namespace {

// How a scene went: results by the names that its steps give them, and who committed.
struct Played {
  std::map<std::string, std::string> results;
  std::map<std::string, bool> committed;
  bool waited = false;  // one of the observers
  bool conflict = false;
  bool deadlock = false;
  std::string transcript;

  bool both() const { return committed.at("1") && committed.at("2"); }
  const std::string& operator[](const std::string& name) const { return results.at(name); }
};

struct Scene {
  const char* name;
  const char* what;
  const char* observers;  // whose waiting prevents it
  std::vector<const char*> steps;  // SESSION COMMAND [-> NAME OF ITS RESULT]; who comes for the first time begins
  std::function<bool(const Played&)> happens;
};

std::vector<Scene> scenes() {
  return {
      {"G0", "two overwrite each other's rows crosswise", "12",
       {"1 put 1 11", "2 put 1 12", "1 put 2 21", "1 commit", "2 put 2 22", "2 commit", "3 scan -> last", "3 commit"},
       [](const Played& p) { return p["last"] == "1=11 2=22" || p["last"] == "1=12 2=21"; }},
      {"G1a", "reads what is rolled back later", "2",
       {"1 put 1 101", "2 get 1 -> seen", "1 rollback", "2 get 1", "2 commit"},
       [](const Played& p) { return p["seen"] == "101"; }},
      {"G1b", "reads what its writer goes on to change", "2",
       {"1 put 1 101", "2 get 1 -> seen", "1 put 1 11", "1 commit", "2 get 1", "2 commit"},
       [](const Played& p) { return p["seen"] == "101"; }},
      {"G1c", "each reads what the other has not committed", "12",
       {"1 put 1 11", "2 put 2 22", "1 get 2 -> first", "2 get 1 -> second", "1 commit", "2 commit"},
       [](const Played& p) { return p.both() && p["first"] == "22" && p["second"] == "11"; }},
      {"OTV", "sees one row of a commit, and the other row from before", "3",
       {"1 put 1 11", "1 put 2 19", "2 put 1 12", "1 commit", "3 scan -> early", "2 put 2 18", "3 scan", "2 commit", "3 scan -> late", "3 commit"},
       [](const Played& p) { return p["early"] == "1=12 2=19" || p["late"] == "1=12 2=19"; }},
      {"PMP", "a second search finds a row that somebody has added", "12",
       {"1 where 30", "2 insert 3 30", "2 commit", "1 where 3 -> found", "1 commit"},
       [](const Played& p) { return p["found"] == "3=30"; }},
      {"PMP-write", "erases by a search that has become another", "12",
       {"2 where 20 -> seen", "1 add 10", "1 commit", "2 del_where 20 -> erased", "2 commit"},
       [](const Played& p) { return p.committed.at("2") && p["seen"] == "2=20" && p["erased"] == "erased 1"; }},
      {"P4", "lost update: both read, both write", "12",
       {"1 get 1", "2 get 1", "1 put 1 11", "2 put 1 12", "1 commit", "2 commit"},
       [](const Played& p) { return p.both(); }},
      {"G-single", "read skew: one row before a commit, another after it", "12",
       {"1 get 1 -> first", "2 get 1", "2 get 2", "2 put 1 12", "2 put 2 18", "2 commit", "1 get 2 -> second", "1 commit"},
       [](const Played& p) { return p["first"] == "10" && p["second"] == "18"; }},
      {"G-single, dependencies", "the same with searches", "12",
       {"1 where 5 -> first", "2 put 1 12", "2 commit", "1 where 3 -> second", "1 commit"},
       [](const Played& p) { return p["first"] == "1=10 2=20" && p["second"] == "1=12"; }},
      {"G-single, write 1", "reads before a commit, and erases by what came after it", "12",
       {"1 get 1 -> first", "2 scan", "2 put 1 12", "2 put 2 18", "2 commit", "1 del_where 20 -> erased", "1 commit"},
       [](const Played& p) { return p.committed.at("1") && p["first"] == "10" && p["erased"] == "erased none"; }},
      {"G-single, write 2", "overwrites a row that was erased since it was read", "12",
       {"1 get 1", "2 scan", "2 put 1 12", "1 del_where 20", "2 put 2 18", "1 commit", "2 commit"},
       [](const Played& p) { return p.both(); }},
      {"G2-item", "write skew: both read both rows, each changes one", "12",
       {"1 get 1", "1 get 2", "2 get 1", "2 get 2", "1 put 1 11", "2 put 2 21", "1 commit", "2 commit"},
       [](const Played& p) { return p.both(); }},
      {"G2", "the same with searches: each adds what the other looked for", "12",
       {"1 where 3", "2 where 3", "1 insert 3 30", "2 insert 4 42", "1 commit", "2 commit"},
       [](const Played& p) { return p.both(); }},
      {"G2, two edges", "write skew that shows in a third, which only reads", "123",
       {"1 scan -> first", "2 put 2 25", "2 commit", "3 scan -> third", "3 commit", "1 put 1 0", "1 commit"},
       [](const Played& p) { return p.committed.at("1") && p["first"] == "1=10 2=20" && p["third"] == "1=10 2=25"; }},
  };
}

class Player {
 public:
  Player(const Scene& scene, const std::string& level) : scene_(scene), level_(level), db_(Database::open_in_memory({.lock_timeout_ms = 60'000}).value()), sessions_(db_) {}

  Played play() {
    EXPECT_TRUE(db_.update([](Transaction& tx) {
      const Status first = tx.put(default_keyspace, "1", "10");
      return first.ok() ? tx.put(default_keyspace, "2", "20") : first;
    }).ok());
    for (const char* session : {"1", "2", "3"}) played_.committed[session] = false;
    for (const char* step : scene_.steps) {
      std::istringstream words(step);
      Step next;
      words >> next.session >> std::ws;
      std::getline(words, next.command);
      const std::size_t arrow = next.command.find(" -> ");
      if (arrow != std::string::npos) {
        next.name = next.command.substr(arrow + 4);
        next.command.resize(arrow);
        played_.results[next.name] = "nothing";
      }
      if (!queues_.contains(next.session)) {
        EXPECT_EQ(sessions_.step(next.session, "begin " + level_), "ok");
      }
      queues_[next.session].push_back(next);
      while (go_on()) {
      }
    }
    for (const auto& [session, queue] : queues_) EXPECT_TRUE(queue.empty()) << scene_.name << " at " << level_ << ": session " << session << " is stuck";
    return std::move(played_);
  }

 private:
  struct Step {
    std::string session;
    std::string command;
    std::string name;
    bool begun = false;
  };

  // Takes each session as far as it comes; false when nobody has moved.
  bool go_on() {
    for (auto& [session, queue] : queues_) {
      if (given_up_.contains(session)) queue.clear();
      if (queue.empty()) continue;
      Step& step = queue.front();
      const std::string result = step.begun ? sessions_.result(session) : sessions_.step(session, step.command);
      if (step.begun && result == "waits") continue;
      played_.transcript += "  " + session + ": " + step.command + (step.begun ? ", after waiting: " : ": ") + result + "\n";
      step.begun = true;
      if (result == "waits") {
        played_.waited |= std::string(scene_.observers).find(session) != std::string::npos;
      } else {
        finish(step, result);
      }
      return true;
    }
    return false;
  }

  void finish(const Step& step, const std::string& result) {
    const std::string session = step.session;
    if (!step.name.empty()) played_.results[step.name] = result;
    if (step.command == "commit") played_.committed[session] = result == "ok";
    played_.conflict |= result == "conflict";
    played_.deadlock |= result == "deadlock";
    queues_[session].pop_front();
    if (result == "conflict" || result == "deadlock") given_up_.insert(session);
    if (result == "conflict") {
      EXPECT_EQ(sessions_.step(session, "rollback"), "ok");
    }
  }

  const Scene& scene_;
  const std::string level_;
  Database db_;
  Sessions sessions_;
  std::map<std::string, std::deque<Step>> queues_;
  std::set<std::string> given_up_;
  Played played_;
};

constexpr const char* levels[] = {"read_uncommitted", "read_committed", "repeatable_read", "serializable"};

std::string outcome(const Scene& scene, const Played& played) {
  if (scene.happens(played)) return "**happens**";
  if (played.deadlock) return "deadlock";
  if (played.conflict) return "conflict";
  return played.waited ? "waits" : "snapshot";
}

std::string table(std::string& transcripts) {
  std::string text = "| scene | | read_uncommitted | read_committed | repeatable_read | serializable |\n|---|---|---|---|---|---|\n";
  for (const Scene& scene : scenes()) {
    text += std::string("| ") + scene.name + " | " + scene.what + " |";
    for (const char* level : levels) {
      const Played played = Player(scene, level).play();
      const std::string came = outcome(scene, played);
      text += " " + came + " |";
      transcripts += std::string(scene.name) + ", " + level + ": " + came + "\n" + played.transcript + "\n";
    }
    text += "\n";
  }
  return text;
}

// The document with the table between its markers replaced.
std::string document_with(const std::string& table) {
  constexpr std::string_view begin = "<!-- hermitage: written by ./dev golden -->\n";
  constexpr std::string_view end = "<!-- end of hermitage -->";
  std::ifstream file(std::string(QUIRE_SOURCE_DIR) + "/docs/isolation.md", std::ios::binary);
  std::ostringstream read;
  read << file.rdbuf();
  std::string text = read.str();
  const std::size_t from = text.find(begin);
  const std::size_t to = text.find(end);
  if (from == std::string::npos || to == std::string::npos) return "docs/isolation.md lacks the markers of the table";
  return text.replace(from + begin.size(), to - from - begin.size(), "\n" + table + "\n");
}

TEST(hermitage, is_the_table_of_the_document) {
  std::string transcripts;
  const std::string found = table(transcripts);
  EXPECT_EQ(golden_difference("docs/isolation.md", document_with(found)), "");
  EXPECT_EQ(golden_difference("tests/isolation/testdata/hermitage.txt", transcripts), "");
}

// What must hold whatever the document says.
TEST(hermitage, forbids_what_each_level_must_forbid) {
  const std::map<std::string, int> least = {{"G0", 0},       {"G1a", 1},      {"G1b", 1},
                                            {"G1c", 1},      {"OTV", 1},      {"PMP", 2},
                                            {"PMP-write", 2}, {"P4", 2},       {"G-single", 2},
                                            {"G-single, dependencies", 2}, {"G-single, write 1", 2}, {"G-single, write 2", 2},
                                            {"G2-item", 3},  {"G2", 3},       {"G2, two edges", 3}};
  for (const Scene& scene : scenes()) {
    for (int level = 0; level < 4; ++level) {
      const bool happens = scene.happens(Player(scene, levels[level]).play());
      EXPECT_EQ(happens, level < least.at(scene.name)) << scene.name << " at " << levels[level];
    }
  }
}

}  // namespace
}  // namespace quire::test
