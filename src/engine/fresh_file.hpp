// FreshFile: a file that is built in full before it gets its path.
//
//   QUIRE_ASSIGN(FreshFile fresh, FreshFile::create(environment, path, "backup"));
//   QUIRE_ASSIGN(auto file, files.open(fresh.path(), {.write = true}));   // ... written and synced
//   QUIRE_TRY(fresh.give_name(FreshFile::Target::absent));
//
// It is built beside the path as `.quire-<hash of the name>-<random>` and renamed when it is whole, so the path shows
// nothing or all of it. From its creation to its rename it is locked; what bears such a name without a lock was left by a
// crash, and the next create() for the path removes it. Several may be under way for one path, in any process.
//
// Owner     removes the file when it ends without having got its name
// Threads   one
// Errors    as the file system says; exists from give_name: the path is taken, and what is there is untouched
#pragma once

#include <memory>
#include <string>

#include "os/environment.hpp"

namespace quire::engine {

class FreshFile {
 public:
  // `why`: the word for the trace of input and output; not copied.
  static Result<FreshFile> create(os::Environment& environment, const std::string& path, const char* why);
  FreshFile(FreshFile&& other) noexcept = default;
  FreshFile& operator=(FreshFile&&) = delete;
  ~FreshFile();

  const std::string& path() const noexcept { return path_; }

  enum class Target { absent, replaced };
  Status give_name(Target target);

 private:
  FreshFile(os::FileSystem& files, std::string target, std::string path, std::unique_ptr<os::File> locked, const char* why)
      : files_(files), target_(std::move(target)), path_(std::move(path)), locked_(std::move(locked)), why_(why) {}

  os::FileSystem& files_;
  std::string target_;
  std::string path_;
  std::unique_ptr<os::File> locked_;  // holds the lock; null when moved from or named
  const char* why_;
};

}  // namespace quire::engine
