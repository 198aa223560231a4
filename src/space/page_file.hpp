// PageFile: reads and writes page images, with their checksums.
//
// Every image is found through an entry, which also holds its checksum; a mismatch is damage, reported with
// file, page and place. Images are whole blocks.
//
// Threads   may be used from several threads at once; counters are relaxed
// Errors    corrupt (checksum, impossible entry, truncated), io and full as the file says
#pragma once

#include <memory>
#include <string>

#include "base/atomic.hpp"
#include "os/file.hpp"
#include "space/superblock.hpp"

namespace quire::space {

struct IoCounters {
  Atomic<std::uint64_t> pages_read{0};
  Atomic<std::uint64_t> pages_written{0};
  Atomic<std::uint64_t> bytes_written{0};
  Atomic<std::uint64_t> syncs{0};
};

// Why an image is read or written, for os::IoObserver: one word, and the epoch it belongs to.
struct IoReason {
  std::string_view word = "other";
  Epoch epoch{};
};

class PageFile {
 public:
  PageFile(std::unique_ptr<os::File> file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}

  // Set once when the superblock is known.
  void configure(std::uint32_t page_bytes, const Uuid& uuid) noexcept;

  std::uint32_t page_bytes() const noexcept { return page_bytes_; }
  std::uint32_t page_blocks() const noexcept { return page_bytes_ / block_bytes; }
  const std::string& path() const noexcept { return path_; }
  const Uuid& uuid() const noexcept { return uuid_; }
  os::File& file() noexcept { return *file_; }
  IoCounters& counters() noexcept { return counters_; }

  // Reads the image that `entry` describes into a page-sized buffer and checks it. `number` is the PageId, or
  // table_page_number and the like; `what` names the page in errors ("page 17").
  Status read(Entry entry, std::uint64_t number, const std::string& what, MutableBytes into, IoReason why = {});

  // The checksum that belongs into the entry of this image.
  std::uint64_t checksum(Bytes image, std::uint64_t number) const noexcept {
    return hash64(image, checksum_seed(uuid_, number));
  }

  // Writes consecutive images starting at `first`. Those of pages say themselves which they are; another one has a
  // number as in read.
  Status write(Block first, Bytes images, IoReason why = {}, std::uint64_t number = 0);
  Status sync(IoReason why = {});
  // What no sync has made durable yet, about: writes beside a sync count as not covered by it.
  std::uint64_t unsynced_bytes() const noexcept { return counters_.bytes_written.load(relaxed) - synced_bytes_.load(relaxed); }
  Status truncate(std::uint64_t bytes, IoReason why = {});
  // Writes the superblock's slot; durable after sync().
  Status publish(const Superblock& superblock, IoReason why = {});
  // See settle_superblock.
  Status settle(const Superblock& superblock);
  // A page leaves memory.
  void tell_drop(Entry entry, Bytes image) const;

 private:
  // Constant after configure.
  std::unique_ptr<os::File> file_;
  std::string path_;
  std::uint32_t page_bytes_ = 0;
  Uuid uuid_{};
  IoCounters counters_;
  Atomic<std::uint64_t> synced_bytes_{0};  // of what was written
};

}  // namespace quire::space
