// Device profile: what a simulated disk and its file system promise, and what they do when they fail.
//
// A run draws one from its seed, so that many seeds cover the kinds of devices that exist. What a profile
// leaves open is decided anew for every crash image.
#pragma once

#include <cstdint>
#include <string>

namespace quire::os {

// What can become of a sector that was being written when the power went.
enum class Tearing {
  never,          // old or new: power-safe overwrite of whole sectors
  written_bytes,  // the bytes that were written may hold anything, their neighbours in the sector keep
  whole_sector,   // the whole sector may hold anything, synced neighbours included
};

// Which names created, renamed or removed since the directory was synced survive.
enum class DirectoryDurability {
  strict,      // none
  journaled,   // the first k, in order; syncing a file keeps its own name too (ext4, xfs)
  any_subset,  // each one or not; a rename is always atomic
};

// What becomes of pending data when writing them out fails (FaultKind::io_error). Some or all of the data
// are lost in each case, and nothing tells which.
enum class FailedSync {
  dropped,   // sync fails; the cache shows the new data, marked clean: the next sync succeeds without them
  late,      // a write succeeds and what is pending gets lost in the background; the next sync of the file
             // fails, the one after it succeeds. A fault that hits a sync does as `dropped`
  reverted,  // sync fails, and the cache shows what is on the medium
};

struct DeviceProfile {
  std::uint32_t sector_bytes = 4096;  // 512 or 4096
  bool ordered = false;               // a crash image is a prefix of the operations, names included
  Tearing tearing = Tearing::never;
  DirectoryDurability directory = DirectoryDurability::any_subset;
  FailedSync failed_sync = FailedSync::dropped;

  // Never draws whole_sector: the log packs records into sectors (storage.md 6), so Quire needs synced
  // neighbours to survive. A test that wants it says so.
  static DeviceProfile draw(std::uint64_t seed);

  std::string to_string() const;
};

}  // namespace quire::os
