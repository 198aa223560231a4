// Superblock and page-table entry on disk.
//
// The superblock is 512 bytes, stored twice in each of the two 4 KiB slots (blocks 0 and 1), at +0 and
// +2048, so that one bad sector does not lose it. An entry is 16 bytes: where a page lies, and the checksum of
// its image; the checksum is seeded with the file's uuid and the page's number, so that a stale,
// misdirected or swapped write does not pass for the right one.
#pragma once

#include <array>

#include "base/hash.hpp"
#include "base/ids.hpp"
#include "page/field.hpp"
#include "page/layout.hpp"

namespace quire::space {

using page::block_bytes;

// ---- superblock

inline constexpr page::Field superblock_fields[] = {
    {"magic", 0, 8},           {"format", 8, 4},          {"page_shift", 12, 1},      {"checksum_kind", 13, 1},
    {"flags", 14, 1},          {"reserved_15", 15, 1},    {"required", 16, 8},        {"optional", 24, 8},
    {"uuid", 32, 16},          {"generation", 48, 8},     {"incarnation", 56, 4},     {"next_tree_id", 60, 4},
    {"checkpoint_lsn", 64, 8}, {"next_xid", 72, 8},       {"clock", 80, 8},           {"next_page_id", 88, 8},
    {"file_blocks", 96, 8},    {"table_depth", 104, 1},   {"bitmap_depth", 105, 1},   {"reserved_106", 106, 6},
    {"table_root", 112, 16},   {"bitmap_root", 128, 16},  {"notes", 144, 16},
    {"source_lsn", 160, 8},    {"created_us", 168, 8},    {"reserved_176", 176, 328}, {"checksum", 504, 8},
};
inline constexpr std::uint32_t superblock_bytes = 512;
inline constexpr std::uint32_t superblock_copy_offset = 2048;
static_assert(page::packed(superblock_fields, 0, superblock_bytes), "the superblock has a gap or an overlap");
inline constexpr page::Layout superblock_layout{"superblock", superblock_bytes, superblock_fields};

inline constexpr std::string_view magic{"QUIRE\r\n\x1a", 8};

// Version history of the format.
enum class Format : std::uint32_t {
  first = 1,  // superblocks, page table, bitmap, B+ trees, overflow values; committed through checkpoints only
};
inline constexpr Format newest_format = Format::first;

enum class ChecksumKind : std::uint8_t { xxh3_64 = 1 };

namespace superblock_flag {
inline constexpr std::uint8_t clean = 1;
inline constexpr std::uint8_t backup = 2;
inline constexpr std::uint8_t logged = 4;  // commits after this state are in a log, from the checkpoint LSN on
}  // namespace superblock_flag

namespace sb {
#define QUIRE_SB(type, name) inline constexpr page::FieldAt<type> name{page::field(superblock_fields, #name)}
QUIRE_SB(std::uint32_t, format);
QUIRE_SB(std::uint8_t, page_shift);
QUIRE_SB(std::uint8_t, checksum_kind);
QUIRE_SB(std::uint8_t, flags);
QUIRE_SB(std::uint64_t, required);
QUIRE_SB(std::uint64_t, optional);
QUIRE_SB(std::uint64_t, generation);
QUIRE_SB(std::uint32_t, incarnation);
QUIRE_SB(std::uint32_t, next_tree_id);
QUIRE_SB(std::uint64_t, checkpoint_lsn);
QUIRE_SB(std::uint64_t, next_xid);
QUIRE_SB(std::uint64_t, clock);
QUIRE_SB(std::uint64_t, next_page_id);
QUIRE_SB(std::uint64_t, file_blocks);
QUIRE_SB(std::uint8_t, table_depth);
QUIRE_SB(std::uint8_t, bitmap_depth);
QUIRE_SB(std::uint64_t, source_lsn);
QUIRE_SB(std::uint64_t, created_us);
QUIRE_SB(std::uint64_t, checksum);
#undef QUIRE_SB
inline constexpr std::uint32_t magic_offset = page::field(superblock_fields, "magic").offset;
inline constexpr std::uint32_t uuid_offset = page::field(superblock_fields, "uuid").offset;
inline constexpr std::uint32_t table_root_offset = page::field(superblock_fields, "table_root").offset;
inline constexpr std::uint32_t bitmap_root_offset = page::field(superblock_fields, "bitmap_root").offset;
inline constexpr std::uint32_t notes_offset = page::field(superblock_fields, "notes").offset;
inline constexpr std::uint32_t checksum_offset = page::field(superblock_fields, "checksum").offset;
}  // namespace sb

// ---- page-table entry

inline constexpr page::Field entry_fields[] = {{"place", 0, 8}, {"checksum", 8, 8}};
inline constexpr std::uint32_t entry_bytes = 16;
static_assert(page::packed(entry_fields, 0, entry_bytes), "the entry has a gap or an overlap");
inline constexpr page::Layout entry_layout{"page-table entry", entry_bytes, entry_fields};

enum class EntryKind : std::uint8_t { free = 0, page = 1, undo = 2 };

// place: block:40 | length - 1:4 (blocks) | kind:4 | compression:4 | flags:4 | zero:8, from the low bits up.
struct Entry {
  std::uint64_t place = 0;
  std::uint64_t checksum = 0;

  static constexpr std::uint64_t has_free = std::uint64_t{1} << 52;  // inner entries: an entry below is free
  static constexpr std::uint64_t has_undo = std::uint64_t{1} << 53;  // inner entries: an entry below is undo
  static constexpr std::uint64_t block_max = (std::uint64_t{1} << 40) - 1;

  static Entry make(Block block, std::uint32_t blocks, EntryKind kind) noexcept {
    return {block.raw | std::uint64_t{blocks - 1} << 40 | static_cast<std::uint64_t>(kind) << 44, 0};
  }
  Block block() const noexcept { return Block{place & block_max}; }
  std::uint32_t blocks() const noexcept { return static_cast<std::uint32_t>(place >> 40 & 15) + 1; }
  EntryKind kind() const noexcept { return static_cast<EntryKind>(place >> 44 & 15); }
  std::uint32_t compression() const noexcept { return static_cast<std::uint32_t>(place >> 48 & 15); }
  bool free() const noexcept { return kind() == EntryKind::free; }
  std::uint64_t reserved() const noexcept { return place >> 54; }
  friend bool operator==(const Entry&, const Entry&) = default;
};

inline Entry load_entry(const std::byte* from) noexcept { return {load_le<std::uint64_t>(from), load_le<std::uint64_t>(from + 8)}; }
inline void store_entry(std::byte* to, Entry entry) noexcept {
  store_le(to, entry.place);
  store_le(to + 8, entry.checksum);
}

using Uuid = std::array<std::byte, 16>;

// The seed of a page's checksum: the file's uuid and the page's number.
inline std::uint64_t checksum_seed(const Uuid& uuid, std::uint64_t number) noexcept {
  return load_le<std::uint64_t>(uuid.data()) ^ swap_bytes(load_le<std::uint64_t>(uuid.data() + 8)) ^
         number * 0x9E3779B97F4A7C15ull;
}

// Table and bitmap pages have no PageId; their checksums are seeded with what they are and where they stand.
inline constexpr std::uint64_t table_page_number(std::uint32_t level, std::uint64_t index) {
  return std::uint64_t{1} << 63 | std::uint64_t{level} << 56 | index;
}
inline constexpr std::uint64_t bitmap_page_number(std::uint32_t level, std::uint64_t index) {
  return std::uint64_t{3} << 62 | std::uint64_t{level} << 56 | index;
}

}  // namespace quire::space
