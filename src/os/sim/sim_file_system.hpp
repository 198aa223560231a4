// SimFileSystem: files in memory whose crashes, faults and reorderings come from a seed.
//
// Every call is numbered and traced. Before it takes effect an observer may look, and may ask for the crash
// images that a power cut at this moment could leave, while the run goes on undisturbed.
//
//   SimFileSystem files({.seed = 7});
//   files.observe([&](const Operation& operation) {
//     if (!operation.changes) return;
//     CrashImages images(files, {.seed = operation.number, .budget = 20});
//     while (auto image = images.next()) check_recovery(*image);
//   });
//   run_workload(files);
//
// Paths are absolute; relative ones start at "/". Directories exist without being made.
//
// Invariants   1. crash, kill and the images built from them share no state with this object but unchanging
//                 chunks of bytes
//              2. with one thread, the same seed and the same calls give the same trace, faults and images
// Threads      a mutex guards everything; the observer runs outside it, in the calling thread. Set observer,
//              faults and stop while no engine runs. An image that another thread uses must not be used
//              while this object is (they share chunks)
// Errors       as os/file.hpp says, with texts like those of real files; io for every call after stop
#pragma once

#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "os/file.hpp"
#include "os/sim/device_profile.hpp"
#include "os/sim/fault.hpp"
#include "os/sim/sim_disk.hpp"
#include "os/sim/trace.hpp"
#include "os/sync.hpp"

namespace quire::os {

inline constexpr std::uint64_t unlimited_bytes = std::numeric_limits<std::uint64_t>::max();

struct SimOptions {
  std::uint64_t seed = 0;
  std::optional<DeviceProfile> profile = std::nullopt;  // else drawn from the seed
  std::uint64_t quota_bytes = unlimited_bytes;
  bool keep_trace = false;  // the text; the hash is always kept
};

class SimFile;

class SimFileSystem final : public FileSystem {
 public:
  using Observer = std::function<void(const Operation&)>;

  explicit SimFileSystem(const SimOptions& options = {});
  SimFileSystem(const SimOptions& options, SimDisk disk);
  ~SimFileSystem() override;

  // FileSystem
  Result<std::unique_ptr<File>> open(const std::string& path, OpenFile how) override;
  Status remove(const std::string& path) override;
  Status rename(const std::string& source, const std::string& target) override;
  Status rename_new(const std::string& source, const std::string& target) override;
  Result<bool> exists(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& directory) override;
  Status sync_directory(const std::string& directory) override;
  Result<std::string> resolve(const std::string& path) override;

  // Crash images. A new file system with the content a reboot may show, all of it durable; the same profile
  // and quota; operations counted from 1 again. See crash_images.hpp for many of them.
  std::unique_ptr<SimFileSystem> crash(Random& random) const;
  // What the next process finds when this one is killed and the machine goes on: everything that was
  // written, what was unsynced still unsynced. No locks, no files without a name.
  std::unique_ptr<SimFileSystem> kill() const;
  // A copy of the disk as it is now, for building images later.
  SimDisk freeze() const;

  // Operations.
  std::uint64_t operation_count() const;
  std::uint64_t trace_hash() const;
  std::string trace() const;
  void observe(Observer observer);  // null: no more
  // From operation `number` on nothing takes effect and every call fails with io: the process has ended.
  void stop_at(std::uint64_t number);
  void stop();
  bool has_stopped() const;

  // Faults.
  void inject(Fault fault);
  void clear_faults();
  std::uint64_t faults_fired() const;
  std::uint64_t interruptions() const;  // fired faults of kind interrupted
  void set_quota(std::uint64_t bytes);  // unlimited_bytes: none
  std::uint64_t quota_bytes() const;
  std::uint64_t used_bytes() const;

  // Looking and meddling, outside of the count of operations.
  DeviceProfile profile() const { return profile_; }
  std::uint64_t seed() const { return seed_; }
  Result<std::string> contents(const std::string& path) const;                   // as a read would show it
  Result<std::string> durable_contents(const std::string& path) const;           // what the medium holds
  void install(const std::string& path, std::string_view content);               // a durable file
  Status damage(const std::string& path, std::uint64_t offset, std::byte mask);  // flips bits for good
  void drop_caches();                                                            // clean content is read anew
  void sync_everything();
  std::uint64_t content_hash() const;
  std::vector<std::string> files() const;  // all paths, sorted
  std::size_t open_files() const;
  std::size_t locks_held() const;

 private:
  friend class SimFile;

  // What a call was told before it may take effect.
  struct Turn {
    Status refusal = {};
    std::optional<FaultKind> fault = std::nullopt;
  };
  struct Attempt {
    OperationKind kind;
    const std::string& path;
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
    Bytes detail = {};
    SimInode* inode = nullptr;
  };
  Turn begin(const Attempt& attempt) QUIRE_EXCLUDES(mutex_);
  std::optional<FaultKind> take_fault(const Attempt& attempt) QUIRE_REQUIRES(mutex_);
  // begin() for operations that no fault can half do: refusal, or the plain failure of a fault.
  Status begin_plain(const Attempt& attempt, const std::string& words) QUIRE_EXCLUDES(mutex_);

  struct Renaming {
    const std::string& source;
    const std::string& target;
    bool replace;
  };
  Status rename_to(const Renaming& what) QUIRE_EXCLUDES(mutex_);

  // The operations of SimFile.
  Result<std::size_t> read(SimInode& inode, const Attempt& attempt, MutableBytes into) QUIRE_EXCLUDES(mutex_);
  Status write(SimInode& inode, const Attempt& attempt) QUIRE_EXCLUDES(mutex_);
  Status write_with_fault(SimInode& inode, const Attempt& attempt, FaultKind fault) QUIRE_REQUIRES(mutex_);
  Status write_into_cache(SimInode& inode, std::uint64_t offset, Bytes from, const std::string& words)
      QUIRE_REQUIRES(mutex_);
  Status sync(SimInode& inode, const Attempt& attempt) QUIRE_EXCLUDES(mutex_);
  Result<std::uint64_t> size(SimInode& inode, const Attempt& attempt) QUIRE_EXCLUDES(mutex_);
  Status allocate(SimInode& inode, const Attempt& attempt) QUIRE_EXCLUDES(mutex_);
  Status truncate(SimInode& inode, const Attempt& attempt) QUIRE_EXCLUDES(mutex_);
  Status lock(SimInode& inode, const File& owner, const Attempt& attempt, LockMode mode) QUIRE_EXCLUDES(mutex_);
  void close(const SimInodePointer& inode, const File& owner) QUIRE_EXCLUDES(mutex_);
  // How many of `bytes` at `offset` the quota lets be written.
  std::uint64_t room_for(const SimInode& inode, std::uint64_t offset, std::uint64_t bytes) const QUIRE_REQUIRES(mutex_);
  std::unique_ptr<SimFileSystem> child(SimDisk disk, std::uint64_t seed) const QUIRE_REQUIRES(mutex_);

  // Constant.
  const std::uint64_t seed_;
  const DeviceProfile profile_;
  const std::uint64_t device_;  // part of the identity of files; no two file systems of a process share it
  Observer observer_;           // set while no engine runs

  mutable Mutex mutex_;
  SimDisk disk_ QUIRE_GUARDED_BY(mutex_);
  Random random_ QUIRE_GUARDED_BY(mutex_);
  Trace trace_ QUIRE_GUARDED_BY(mutex_);
  std::vector<Fault> faults_ QUIRE_GUARDED_BY(mutex_);
  std::uint64_t operation_count_ QUIRE_GUARDED_BY(mutex_) = 0;
  std::uint64_t stop_at_ QUIRE_GUARDED_BY(mutex_) = std::numeric_limits<std::uint64_t>::max();
  bool stopped_ QUIRE_GUARDED_BY(mutex_) = false;
  std::uint64_t faults_fired_ QUIRE_GUARDED_BY(mutex_) = 0;
  std::uint64_t interruptions_ QUIRE_GUARDED_BY(mutex_) = 0;
  std::uint64_t quota_bytes_ QUIRE_GUARDED_BY(mutex_);
  std::size_t open_files_ QUIRE_GUARDED_BY(mutex_) = 0;
  std::size_t locks_held_ QUIRE_GUARDED_BY(mutex_) = 0;
};

}  // namespace quire::os
