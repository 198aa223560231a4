// Superblocks: the two roots of a file, and the choice between them.
//
// A checkpoint publishes by writing the slot that its generation names (SB-1); the other slot keeps the
// checkpoint before. Each slot holds two copies, so one bad sector is survivable. The highest valid generation
// wins; when a whole slot is unreadable beside a valid one it counts as a torn publish (SB-2: a file
// that commits through checkpoints only has no further witness).
//
// Errors    corrupt (not ours, or damaged), unsupported (newer format or unknown required feature)
#pragma once

#include <string>

#include "base/ids.hpp"
#include "os/file.hpp"
#include "space/layout.hpp"

namespace quire::space {

inline constexpr std::uint64_t superblock_slot_count = 2;
inline constexpr std::uint32_t superblock_copies = 2;  // in a slot
inline constexpr std::uint64_t superblock_blocks = superblock_slot_count;  // one block each, 0 and 1

// The fields in memory. Reserved bytes are zero.
struct Superblock {
  std::uint32_t format = static_cast<std::uint32_t>(newest_format);
  std::uint32_t page_bytes = page::page_bytes_default;
  std::uint8_t flags = superblock_flag::clean;
  std::uint64_t required = 0;
  std::uint64_t optional = 0;
  Uuid uuid{};
  Epoch generation{};
  std::uint32_t incarnation = 0;
  TreeId next_tree{};
  Lsn checkpoint_lsn{};
  Xid next_xid{1};
  std::uint64_t clock = 0;
  PageId next_page{};
  std::uint64_t file_blocks = 0;
  std::uint8_t table_depth = 0;
  std::uint8_t bitmap_depth = 0;
  Entry table_root;
  Entry bitmap_root;
  Entry notes;  // first page of the checkpoint's notes
  Lsn source_lsn{};
  std::uint64_t created_us = 0;
};

// The 512 bytes of a superblock, checksum included.
void encode_superblock(const Superblock& superblock, MutableBytes into);

// The superblock in 512 bytes; `from` names the place in errors ("superblock A of x.qdb").
Result<Superblock> decode_superblock(Bytes bytes, const std::string& from);

// The newest valid superblock of a file. `path` is for messages.
Result<Superblock> read_superblock(os::File& file, const std::string& path);

// Writes the slot that the generation names, both copies. Durable only after the caller's sync.
Status write_superblock(os::File& file, const Superblock& superblock, std::string_view why = "other");

// Makes sure that what was read is durable before it is trusted (RC-1): after a kill or a failed sync the page
// cache can show a superblock that the disk does not have. The copies are rewritten one after the other, each
// synced, so that a power cut cannot tear both.
Status settle_superblock(os::File& file, const Superblock& superblock);

// All four copies of the file in text, valid or not, field by field.
Result<std::string> describe_superblocks(os::File& file);

}  // namespace quire::space
