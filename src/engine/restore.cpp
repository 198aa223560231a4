// Restore: a backup, brought forward by the archived log.
//
// It is the recovery of a copy of the backup that reads the archive in place of the log beside the file, and stops where it is
// told to. The copy gets its name when it is a closed database (fresh_file.hpp), so the target is absent or complete.
#include "base/try.hpp"
#include "engine/engine.hpp"
#include "engine/fresh_file.hpp"
#include "os/io_trace.hpp"

namespace quire::engine {

namespace {

constexpr std::size_t copy_bytes = std::size_t{1} << 20;
constexpr std::string_view segment_infix = "-wal.";

Status copy_file(os::File& from, os::File& into) {
  std::vector<std::byte> bytes(copy_bytes);
  for (std::uint64_t at = 0;;) {
    QUIRE_ASSIGN(const std::size_t got, from.read_at(at, bytes));
    if (got == 0) return into.sync();
    QUIRE_TRY(into.write_at(at, Bytes(bytes).first(got)));
    at += got;
  }
}

// Whose log the directory holds: an archive may have those of several databases.
Result<std::string> find_database(os::FileSystem& files, const std::string& archive, const space::Uuid& uuid) {
  QUIRE_ASSIGN(const std::vector<std::string> names, files.list(archive));
  std::string last;
  for (const std::string& name : names) {
    const std::size_t at = name.rfind(segment_infix);
    if (at == std::string::npos || name.substr(0, at) == last) continue;
    last = name.substr(0, at);
    QUIRE_ASSIGN(const std::vector<wal::ArchivedSegment> archived, wal::list_archive(files, archive, last));
    for (const wal::ArchivedSegment& segment : archived) {
      if (segment.file.state.ok() && segment.file.header.identity.uuid == uuid) return last;
    }
  }
  return Status(Code::not_found, "the directory " + archive + " holds no log of the database of the backup, uuid " + wal::uuid_text(uuid));
}

Status exists_already(const std::string& target) {
  return Status(Code::exists, "the file " + target + " exists already; a restore never replaces a file");
}

}  // namespace

Result<RestoreReport> Engine::restore(os::Environment& environment, const std::string& backup, const std::string& archive,
                                      const std::string& target_path, const RestorePoint& point) {
  os::FileSystem& files = environment.files;
  QUIRE_ASSIGN(const std::string target, files.resolve(target_path));
  QUIRE_ASSIGN(const bool there, files.exists(target));
  if (there) return exists_already(target);
  QUIRE_ASSIGN(const std::unique_ptr<os::File> source, files.open(backup, {}));
  QUIRE_TRY(source->lock(os::LockMode::shared));
  QUIRE_ASSIGN(const space::Superblock root, space::read_superblock(*source, backup));
  if ((root.flags & (space::superblock_flag::backup | space::superblock_flag::clean)) == 0) {
    return Status(Code::invalid, backup + " is neither a backup nor a database that was closed");
  }
  if (point.lsn && *point.lsn < root.checkpoint_lsn.raw) {
    return Status(Code::invalid, "LSN " + std::to_string(*point.lsn) + " is before the backup " + backup + ", which was made at LSN " +
                                     std::to_string(root.checkpoint_lsn.raw) + "; take an earlier backup");
  }
  Restore restore{.directory = archive, .database = {}, .until = {}, .found = {}};
  QUIRE_ASSIGN(restore.database, find_database(files, archive, root.uuid));
  if (point.lsn) restore.until.lsn = Lsn{*point.lsn};
  if (point.wall_us) restore.until.wall_us = *point.wall_us;

  QUIRE_ASSIGN(FreshFile fresh, FreshFile::create(environment, target, "restore"));
  {
    QUIRE_ASSIGN(std::unique_ptr<os::File> file, files.open(fresh.path(), {.write = true}));
    QUIRE_TRY(copy_file(*source, *file));
    Options options;
    options.mode = Mode::open;
    QUIRE_ASSIGN(const std::shared_ptr<Engine> engine, open_file(environment, std::move(file), fresh.path(), root, options, nullptr, &restore));
  }
  if (point.lsn && !restore.found.stopped && restore.found.last_commit.raw < *point.lsn) {
    return Status(Code::invalid, "the archive " + archive + " ends before LSN " + std::to_string(*point.lsn) + ": its last commit is at LSN " +
                                     std::to_string(restore.found.last_commit.raw));
  }
  Status named = fresh.give_name(FreshFile::Target::absent);
  if (named == Code::exists) return exists_already(target);
  QUIRE_TRY(std::move(named));
  QUIRE_TRY(files.sync_directory(os::directory_of(target)));
  return RestoreReport{restore.found.commits, restore.found.last_commit.raw, restore.found.last_commit_us, restore.found.stopped};
}

}  // namespace quire::engine
