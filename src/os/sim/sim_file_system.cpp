// SimFileSystem: names, the numbering of calls, faults, and what a test may look at.
//
// begin() is the heart: number, trace, observer, stop, fault, in this order. The observer runs before the
// effect and outside the mutex, so that it may build crash images or stop the run.
#include "os/sim/sim_file_system.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "base/try.hpp"
#include "os/describe.hpp"
#include "os/identity.hpp"
#include "os/path.hpp"
#include "os/sim/crash_picks.hpp"
#include "os/sim/sim_file.hpp"

namespace quire::os {

namespace {

bool changes_disk(OperationKind kind) noexcept {
  switch (kind) {
    case OperationKind::read:
    case OperationKind::size:
    case OperationKind::lock:
    case OperationKind::exists:
    case OperationKind::list: return false;
    default: return true;
  }
}

Status not_found(const std::string& words) { return Status(Code::not_found, words + ": No such file (simulated)"); }

}  // namespace

SimFileSystem::SimFileSystem(const SimOptions& options)
    : SimFileSystem(options, SimDisk(options.profile.value_or(DeviceProfile::draw(options.seed)))) {}

SimFileSystem::SimFileSystem(const SimOptions& options, SimDisk disk)
    : seed_(options.seed),
      profile_(disk.profile()),
      device_(next_memory_device()),
      disk_(std::move(disk)),
      random_(options.seed ^ 0x73696d75u),
      quota_bytes_(options.quota_bytes) {
  QUIRE_ASSERT(profile_.sector_bytes == 512 || profile_.sector_bytes == 4096);
  trace_.keep_text(options.keep_trace);
}

SimFileSystem::~SimFileSystem() {
  QUIRE_ASSERT(open_files() == 0);  // a SimFile must not outlive its file system
}

SimFileSystem::Turn SimFileSystem::begin(const Attempt& attempt) {
  const Status ended(Code::io, std::string("cannot ") + operation_name(attempt.kind) + " " + attempt.path +
                                   ": the simulated process has ended");
  Operation operation{.number = 0,
                      .kind = attempt.kind,
                      .path = attempt.path,
                      .offset = attempt.offset,
                      .bytes = attempt.bytes,
                      .changes = changes_disk(attempt.kind)};
  {
    Lock held(mutex_);
    stopped_ = stopped_ || operation_count_ + 1 >= stop_at_;
    if (stopped_) return {.refusal = ended, .fault = std::nullopt};
    operation.number = ++operation_count_;
    trace_.add(operation, attempt.detail);
  }
  if (observer_) observer_(operation);
  Lock held(mutex_);
  if (stopped_) return {.refusal = ended, .fault = std::nullopt};
  return {.refusal = Status(), .fault = take_fault(attempt)};
}

Status SimFileSystem::begin_plain(const Attempt& attempt, const std::string& words) {
  Turn turn = begin(attempt);
  QUIRE_TRY(std::move(turn.refusal));
  if (!turn.fault.has_value()) return {};
  if (turn.fault == FaultKind::no_descriptors) {
    return Status(Code::io, words + ": Too many open files (simulated)");
  }
  return Status(Code::io, words + ": Input/output error (simulated)");
}

Result<std::unique_ptr<File>> SimFileSystem::open(const std::string& path, OpenFile how) {
  const std::string whole = normalized_path(path);
  const std::string words = cannot(how.create ? "create" : "open", whole);
  if ((how.create && !how.write) || (how.must_not_exist && !how.create)) {
    return Status(Code::invalid, words + ": creating needs writing, must_not_exist needs create");
  }
  QUIRE_TRY(begin_plain({.kind = OperationKind::open, .path = whole}, words));
  Lock held(mutex_);
  SimInodePointer inode = disk_.find(whole);
  if (inode == nullptr && disk_.is_directory(whole)) {
    return Status(Code::invalid, words + ": it is a directory, not a regular file");
  }
  if (inode != nullptr && how.must_not_exist) return Status(Code::exists, words + ": File exists (simulated)");
  if (inode == nullptr && !how.create) return not_found(words);
  if (inode == nullptr) inode = disk_.create(whole);
  ++inode->handles;
  ++open_files_;
  return std::unique_ptr<File>(std::make_unique<SimFile>(
      *this, SimFile::Opened{.inode = inode, .path = whole, .write = how.write, .device = device_}));
}

Status SimFileSystem::remove(const std::string& path) {
  const std::string whole = normalized_path(path);
  QUIRE_TRY(begin_plain({.kind = OperationKind::remove, .path = whole}, cannot("remove", whole)));
  Lock held(mutex_);
  if (disk_.find(whole) == nullptr) return not_found(cannot("remove", whole));
  disk_.remove(whole);
  return {};
}

Status SimFileSystem::rename(const std::string& source, const std::string& target) {
  return rename_to({.source = source, .target = target, .replace = true});
}

Status SimFileSystem::rename_new(const std::string& source, const std::string& target) {
  return rename_to({.source = source, .target = target, .replace = false});
}

Status SimFileSystem::rename_to(const Renaming& what) {
  const std::string from = normalized_path(what.source);
  const std::string to = normalized_path(what.target);
  const std::string words = cannot_rename(from, to);
  QUIRE_TRY(begin_plain({.kind = OperationKind::rename, .path = from, .detail = as_bytes(to)}, words));
  Lock held(mutex_);
  if (disk_.find(from) == nullptr) return not_found(words);
  if (disk_.is_directory(to)) return Status(Code::io, words + ": Is a directory (simulated)");
  if (!what.replace && disk_.find(to) != nullptr) return Status(Code::exists, words + ": File exists (simulated)");
  disk_.rename(from, to);
  return {};
}

Result<bool> SimFileSystem::exists(const std::string& path) {
  const std::string whole = normalized_path(path);
  QUIRE_TRY(begin_plain({.kind = OperationKind::exists, .path = whole}, cannot("look for", whole)));
  Lock held(mutex_);
  return disk_.find(whole) != nullptr || disk_.is_directory(whole);
}

Result<std::vector<std::string>> SimFileSystem::list(const std::string& directory) {
  const std::string whole = normalized_path(directory);
  QUIRE_TRY(begin_plain({.kind = OperationKind::list, .path = whole}, cannot("list", whole)));
  Lock held(mutex_);
  return disk_.names_in(whole);
}

Status SimFileSystem::sync_directory(const std::string& directory) {
  const std::string whole = normalized_path(directory);
  QUIRE_TRY(begin_plain({.kind = OperationKind::sync_directory, .path = whole}, cannot("sync the directory", whole)));
  Lock held(mutex_);
  disk_.sync_directory(whole);
  return {};
}

Result<std::string> SimFileSystem::resolve(const std::string& path) { return normalized_path(path); }

std::unique_ptr<SimFileSystem> SimFileSystem::crash(Random& random) const {
  Lock held(mutex_);
  const std::uint64_t seed = random.next();
  return child(random_crash(disk_, random), seed);
}

std::unique_ptr<SimFileSystem> SimFileSystem::kill() const {
  Lock held(mutex_);
  return child(disk_.clone(), seed_ ^ operation_count_);
}

SimDisk SimFileSystem::freeze() const {
  Lock held(mutex_);
  return disk_.clone();
}

std::unique_ptr<SimFileSystem> SimFileSystem::child(SimDisk disk, std::uint64_t seed) const {
  const SimOptions options{.seed = seed, .profile = profile_, .quota_bytes = quota_bytes_, .keep_trace = false};
  return std::make_unique<SimFileSystem>(options, std::move(disk));
}

Result<std::string> SimFileSystem::contents(const std::string& path) const {
  Lock held(mutex_);
  const SimInodePointer inode = disk_.find(normalized_path(path));
  if (inode == nullptr) return not_found(cannot("look into", path));
  return inode->cached().to_string();
}

Result<std::string> SimFileSystem::durable_contents(const std::string& path) const {
  Lock held(mutex_);
  const SimInodePointer inode = disk_.find(normalized_path(path));
  if (inode == nullptr) return not_found(cannot("look into", path));
  return inode->durable().to_string();
}

void SimFileSystem::install(const std::string& path, std::string_view content) {
  Lock held(mutex_);
  const std::string whole = normalized_path(path);
  SimInodePointer inode = disk_.find(whole);
  if (inode == nullptr) inode = disk_.create(whole);
  disk_.resize(*inode, 0);
  disk_.write(*inode, 0, as_bytes(content));
  inode->take_chunks(0, content.size());
  disk_.sync(*inode);
  disk_.sync_directory(directory_of(whole));
}

Status SimFileSystem::damage(const std::string& path, std::uint64_t offset, std::byte mask) {
  Lock held(mutex_);
  const SimInodePointer inode = disk_.find(normalized_path(path));
  if (inode == nullptr) return not_found(cannot("damage", path));
  inode->flip(offset, mask);
  return {};
}

void SimFileSystem::drop_caches() {
  Lock held(mutex_);
  disk_.drop_caches();
}

void SimFileSystem::sync_everything() {
  Lock held(mutex_);
  disk_.sync_all();
}

void SimFileSystem::observe(Observer observer) { observer_ = std::move(observer); }

void SimFileSystem::stop_at(std::uint64_t number) {
  Lock held(mutex_);
  stop_at_ = number;
}

void SimFileSystem::stop() {
  Lock held(mutex_);
  stopped_ = true;
}

void SimFileSystem::set_quota(std::uint64_t bytes) {
  Lock held(mutex_);
  quota_bytes_ = bytes;
}

std::uint64_t SimFileSystem::quota_bytes() const {
  Lock held(mutex_);
  return quota_bytes_;
}
bool SimFileSystem::has_stopped() const {
  Lock held(mutex_);
  return stopped_;
}
std::uint64_t SimFileSystem::operation_count() const {
  Lock held(mutex_);
  return operation_count_;
}
std::uint64_t SimFileSystem::trace_hash() const {
  Lock held(mutex_);
  return trace_.hash();
}
std::string SimFileSystem::trace() const {
  Lock held(mutex_);
  return trace_.text();
}
std::uint64_t SimFileSystem::used_bytes() const {
  Lock held(mutex_);
  return disk_.taken_chunks() * chunk_bytes;
}
std::uint64_t SimFileSystem::content_hash() const {
  Lock held(mutex_);
  return disk_.content_hash();
}
std::vector<std::string> SimFileSystem::files() const {
  Lock held(mutex_);
  return disk_.paths();
}
std::size_t SimFileSystem::open_files() const {
  Lock held(mutex_);
  return open_files_;
}
std::size_t SimFileSystem::locks_held() const {
  Lock held(mutex_);
  return locks_held_;
}

}  // namespace quire::os
