// Recovery: a program that crashes itself, once per durability class, and what the next opening finds.
//
// A child process commits and is killed in the middle, without closing anything. Nothing is lost with sync and process;
// lazy may lose the last moments before the kill, and that end only.
//
//   example_recovery [FILE]
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "quire/database.hpp"

namespace {

constexpr int commits = 2000;

// Commits 1 to `commits` after a durable 0, and dies with one more transaction open. Never returns.
void write_and_die(const std::string& path, quire::Durability durability) {
  auto db = quire::Database::open(path, {.durability = durability});
  if (!db.ok()) _exit(1);
  for (int i = 0; i <= commits; ++i) {
    const quire::Status done = db->update([&](quire::Transaction& tx) {
      if (i == 0) tx.set_durability(quire::Durability::sync);  // what earlier runs left is gone
      return tx.put("default", "last", std::to_string(i));
    });
    if (!done.ok()) _exit(1);
  }
  auto open = db->begin();
  if (!open.ok() || !open->put("default", "last", "never committed").ok()) _exit(1);
  kill(getpid(), SIGKILL);
}

// The number of the last commit that is there after the crash; -1: an error.
int survivor(const std::string& path) {
  auto db = quire::Database::open(path);  // recovers
  if (!db.ok() || !db->verify().ok()) return std::fprintf(stderr, "%s\n", db.status().to_string().c_str()), -1;
  auto last = db->keyspace()->get("last");
  return last.ok() ? std::stoi(*last) : -1;
}

}  // namespace

int main(int argc, char** argv) {
  using quire::Durability;
  const std::string path = argc > 1 ? argv[1] : "recovery.qdb";
  for (const auto& [name, durability] : {std::pair("sync", Durability::sync), {"process", Durability::process}, {"lazy", Durability::lazy}}) {
    const pid_t child = fork();
    if (child == 0) write_and_die(path, durability);
    int ended = 0;
    if (child < 0 || waitpid(child, &ended, 0) != child || !WIFSIGNALED(ended)) return 1;
    const int last = survivor(path);
    std::printf("%s: of %d commits %d survived kill -9\n", name, commits, last);
    if (last < 0 || (durability != Durability::lazy && last != commits)) return 1;
  }
}
