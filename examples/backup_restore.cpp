// Backup, archive, restore: back to the moment before a mistake.
//
// The archive gets a copy of the whole log, so that a backup can be brought forward to any commit made since.
//
//   example_backup_restore [FILE]
#include <sys/stat.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "quire/database.hpp"

namespace {

void require(const quire::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.to_string().c_str());
  std::exit(1);
}

// Microseconds since 1970, as commits in the log have them.
std::uint64_t now_us() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(since).count());
}

}  // namespace

int main(int argc, char** argv) {
  const std::string path = argc > 1 ? argv[1] : "shop.qdb";
  const std::string backup = path + ".backup", archive = path + ".archive", restored = path + ".restored";
  std::remove(backup.c_str());
  std::remove(restored.c_str());
  mkdir(archive.c_str(), 0777);

  auto db = quire::Database::open(path, {.archive_dir = archive});
  require(db.status());
  require(db->keyspace()->put("apples", "10"));
  require(db->backup(backup));
  require(db->keyspace()->put("apples", "9"));
  require(db->keyspace()->put("pears", "5"));
  const std::uint64_t before = now_us();
  while (now_us() == before) continue;  // the mistake is made later, however fast the clock is
  require(db->keyspace()->erase("apples"));
  require(db->close());  // puts the end of the log into the archive

  auto report = quire::Database::restore(backup, archive, restored, {.wall_us = before});
  require(report.status());
  auto then = quire::Database::open(restored);
  require(then.status());
  auto apples = then->keyspace()->get("apples");
  require(apples.status());
  std::printf("%llu commits after the backup: %s apples again\n", static_cast<unsigned long long>(report->commits), apples->c_str());
  return report->more ? 0 : 1;
}
