// SimInode: one simulated file: what the medium holds, what the cache holds, and the changes between.
//
// A change is pending from the operation until a sync. Pending changes are kept apart, each with the number
// of its operation, so that a crash can keep any of them:
//   sectors   per 4 KiB chunk, the content of the chunk after each write that touched it, with the range
//             written. A sector has as many versions as writes touched it. Contents share memory with the
//             cache, so a pending write costs one copied chunk.
//   sizes     the size after each operation that changed it, in order. A file system journals sizes, so a
//             crash keeps the first k of them, whatever it keeps of the sectors.
//
// A crash image is composed by asking a Pick for every choice: slot by slot, in a fixed order.
//
// Invariants   1. cached = durable with all pending changes applied, until a fault made them differ
//              2. version ranges are not empty and lie within the chunk; sequences rise within a chunk
// Threads      guarded by the file system
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "base/random.hpp"
#include "os/file.hpp"
#include "os/mem/chunked_bytes.hpp"
#include "os/sim/device_profile.hpp"

namespace quire::os {

// One thing about which a crash decides.
struct Slot {
  enum class Kind { size, sector, name };
  Kind kind = Kind::sector;
  bool can_tear = false;
  // The operations that made its versions, oldest first. Choice 0 is none of them, choice i the i-th one
  // (for Kind::size and journaled names: the first i of them), choice count + 1, if it can tear, a torn mix.
  std::span<const std::uint64_t> sequences;

  std::uint32_t newest() const noexcept { return static_cast<std::uint32_t>(sequences.size()); }
  std::uint32_t torn() const noexcept { return newest() + 1; }
  std::uint32_t alternatives() const noexcept { return newest() + (can_tear ? 2u : 1u); }
  // The choice that holds everything up to and including operation `sequence`.
  std::uint32_t until(std::uint64_t sequence) const noexcept;
};

// Decides about slots. Called once per slot, in order.
class Pick {
 public:
  virtual ~Pick() = default;
  virtual std::uint32_t choose(const Slot& slot) = 0;
};

struct ChunkVersion {
  std::uint64_t sequence = 0;
  std::uint32_t begin = 0;  // the bytes of the chunk that were written
  std::uint32_t end = 0;
  ChunkPointer content;  // the chunk afterwards
};

struct SizeChange {
  std::uint64_t sequence = 0;
  std::uint64_t bytes = 0;
};

struct HeldSimLock {
  const File* owner = nullptr;
  LockMode mode = LockMode::shared;
};

class SimInode {
 public:
  explicit SimInode(std::uint64_t number) noexcept : number_(number) {}

  std::uint64_t number() const noexcept { return number_; }
  const ChunkedBytes& cached() const noexcept { return cached_; }
  const ChunkedBytes& durable() const noexcept { return durable_; }
  bool has_pending() const noexcept { return !pending_chunks_.empty() || !pending_sizes_.empty(); }
  std::uint64_t newest_pending() const noexcept;

  // Changes of the cache that become pending.
  void write(std::uint64_t sequence, std::uint64_t offset, Bytes from, const DeviceProfile& profile);
  void resize(std::uint64_t sequence, std::uint64_t bytes);

  // A change of the cache that the medium never hears of.
  void write_cache_only(std::uint64_t offset, Bytes from) { cached_.write(offset, from); }

  // Makes the changes of operations up to `sequence` durable.
  void flush_until(std::uint64_t sequence, const DeviceProfile& profile);

  // A writeback that fails: some pending sectors reach the medium, perhaps none; the rest is forgotten.
  // Sizes reach it, as metadata are journaled apart.
  void lose_pending(Random& random, const DeviceProfile& profile);

  // The cache forgets clean content and reads the medium again.
  void drop_cache(const DeviceProfile& profile);

  // Medium, cache and pending content at once.
  void flip(std::uint64_t offset, std::byte mask);

  // The content after a crash, as `pick` decides.
  ChunkedBytes compose(Pick& pick, const DeviceProfile& profile, std::uint64_t tear_seed) const;

  // What a machine that goes on running keeps when a process ends: all of it, but no locks.
  std::shared_ptr<SimInode> clone() const;

  // A file that holds `content` durably, with nothing pending.
  static std::shared_ptr<SimInode> settled(const SimInode& source, ChunkedBytes content);

  // Space. A chunk of the file takes space once written or reserved.
  std::uint64_t missing_chunks(std::uint64_t offset, std::uint64_t bytes) const noexcept;
  void take_chunks(std::uint64_t offset, std::uint64_t bytes);
  std::uint64_t taken_chunks() const noexcept { return taken_count_; }

  // Guarded by the file system, used by it alone.
  std::vector<HeldSimLock> locks;
  std::uint32_t handles = 0;
  bool late_failure = false;

 private:
  struct Sector;
  struct Placing {
    std::uint32_t choice = 0;
    std::uint64_t end = 0;  // of the file, as far as this change reaches
  };
  struct TornPlacing {
    std::uint64_t end = 0;
    std::uint64_t seed = 0;
    Tearing tearing = Tearing::never;
  };
  template <class Visit>
  void for_each_sector(const DeviceProfile& profile, Visit&& visit) const;
  void record_versions(std::uint64_t sequence, std::uint64_t offset, std::uint64_t bytes, const DeviceProfile& profile);
  std::uint64_t visible_end(const ChunkedBytes& content, const ChunkVersion& version,
                            std::size_t sizes_kept) const noexcept;
  static void put_sector(ChunkedBytes& content, const Sector& sector, Placing placing);
  static void put_torn(ChunkedBytes& content, const Sector& sector, TornPlacing placing);
  void forget_until(std::uint64_t sequence);
  void give_back_behind(std::uint64_t bytes);

  const std::uint64_t number_;
  ChunkedBytes durable_;
  ChunkedBytes cached_;
  std::map<std::uint64_t, std::vector<ChunkVersion>> pending_chunks_;
  std::vector<SizeChange> pending_sizes_;
  std::vector<bool> taken_;
  std::uint64_t taken_count_ = 0;
};

}  // namespace quire::os
