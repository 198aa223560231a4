// Superblocks: encoding, checking, choosing.
//
// All four copies of a file are read; the valid one with the highest generation counts. A file without any copy of ours
// gets a message that says what it is instead.
#include "space/superblock.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "base/assert.hpp"
#include "base/try.hpp"
#include "os/io_trace.hpp"

namespace quire::space {

namespace {

std::uint64_t checksum_of(const std::byte* bytes) noexcept { return hash64({bytes, sb::checksum_offset}); }

std::string slot_name(std::uint64_t slot) { return slot == 0 ? "superblock A" : "superblock B"; }

// One copy as it was read.
struct Copy {
  std::uint64_t slot;
  std::uint32_t offset;
  Bytes bytes;
};

bool has_magic(Bytes bytes) { return as_text(bytes.subspan(sb::magic_offset, magic.size())) == magic; }

bool all_zero(Bytes bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

// What a file without a single superblock copy of ours most likely is.
Status not_ours(Bytes head, const std::string& path) {
  const std::string_view text = as_text(head);
  if (text.starts_with("SQLite format 3")) {
    return Status(Code::corrupt, path + " is not a Quire database: it is a file in SQLite's format");
  }
  if (all_zero(head)) {
    return Status(Code::corrupt, path + " is not a Quire database, or was overwritten: both superblocks are zeros");
  }
  return Status(Code::corrupt, path + " is not a Quire database: no superblock begins with Quire's magic");
}

std::vector<Copy> copies_in(Bytes head) {
  std::vector<Copy> copies;
  for (std::uint64_t slot = 0; slot < superblock_slot_count; ++slot) {
    for (std::uint32_t i = 0; i < superblock_copies; ++i) {
      const std::uint64_t offset = slot * block_bytes + i * superblock_copy_offset;
      copies.push_back({slot, static_cast<std::uint32_t>(offset), head.subspan(offset, superblock_bytes)});
    }
  }
  return copies;
}

// The first two blocks, zero-filled where the file ends before them.
Result<std::vector<std::byte>> read_head(os::File& file) {
  std::vector<std::byte> head(superblock_slot_count * block_bytes);
  QUIRE_ASSIGN(const std::size_t got, file.read_at(0, head));
  std::fill(head.begin() + static_cast<std::ptrdiff_t>(got), head.end(), std::byte{0});
  os::tell_io([&] { return os::IoEvent{.operation = "read", .kind = "superblock", .name = "A and B", .bytes = head.size(), .reason = "open"}; });
  return head;
}

void tell_write(const Superblock& s, std::uint64_t offset, std::uint64_t bytes, std::string_view why) {
  os::tell_io([&] {
    const std::string slot = s.generation.raw % superblock_slot_count == 0 ? "A" : "B";
    return os::IoEvent{.operation = "write", .kind = "superblock", .name = slot, .offset = offset, .bytes = bytes, .reason = why, .epoch = s.generation.raw};
  });
}

Status check_values(const Superblock& s, const std::string& from) {
  if (s.required != 0) {
    return Status(Code::unsupported, from + " asks for features this version does not have (bits " +
                                         std::to_string(s.required) + "); use a newer Quire");
  }
  if (!page::is_page_size(s.page_bytes)) {
    return Status(Code::corrupt, from + ": page size " + std::to_string(s.page_bytes) + " is not one of 4096 to 65536");
  }
  if (s.file_blocks < superblock_blocks || s.file_blocks > Entry::block_max) {
    return Status(Code::corrupt, from + ": " + std::to_string(s.file_blocks) + " blocks in the file are impossible");
  }
  return Status();
}

}  // namespace

void encode_superblock(const Superblock& s, MutableBytes into) {
  QUIRE_ASSERT(into.size() == superblock_bytes);
  QUIRE_ASSERT(page::is_page_size(s.page_bytes));
  std::byte* p = into.data();
  std::fill(into.begin(), into.end(), std::byte{0});
  copy_bytes(p + sb::magic_offset, magic);
  sb::format.set(p, s.format);
  sb::page_shift.set(p, static_cast<std::uint8_t>(std::countr_zero(s.page_bytes)));
  sb::checksum_kind.set(p, static_cast<std::uint8_t>(ChecksumKind::xxh3_64));
  sb::flags.set(p, s.flags);
  sb::required.set(p, s.required);
  sb::optional.set(p, s.optional);
  std::copy(s.uuid.begin(), s.uuid.end(), p + sb::uuid_offset);
  sb::generation.set(p, s.generation.raw);
  sb::incarnation.set(p, s.incarnation);
  sb::next_tree_id.set(p, s.next_tree.raw);
  sb::checkpoint_lsn.set(p, s.checkpoint_lsn.raw);
  sb::next_xid.set(p, s.next_xid.raw);
  sb::clock.set(p, s.clock);
  sb::next_page_id.set(p, s.next_page.raw);
  sb::file_blocks.set(p, s.file_blocks);
  sb::table_depth.set(p, s.table_depth);
  sb::bitmap_depth.set(p, s.bitmap_depth);
  store_entry(p + sb::table_root_offset, s.table_root);
  store_entry(p + sb::bitmap_root_offset, s.bitmap_root);
  store_entry(p + sb::notes_offset, s.notes);
  sb::source_lsn.set(p, s.source_lsn.raw);
  sb::created_us.set(p, s.created_us);
  sb::checksum.set(p, checksum_of(p));
}

Result<Superblock> decode_superblock(Bytes bytes, const std::string& from) {
  QUIRE_ASSERT(bytes.size() == superblock_bytes);
  const std::byte* p = bytes.data();
  if (!has_magic(bytes)) return Status(Code::corrupt, from + " does not begin with Quire's magic");
  // Before the format is believed: magic, format and checksum keep their places in every format, so that a
  // damaged copy does not pass for one of a newer format.
  if (sb::checksum.get(p) != checksum_of(p)) return Status(Code::corrupt, from + " fails its checksum");
  if (sb::format.get(p) > static_cast<std::uint32_t>(newest_format)) {
    return Status(Code::unsupported, from + " has format " + std::to_string(sb::format.get(p)) +
                                         "; this version reads up to format " +
                                         std::to_string(static_cast<std::uint32_t>(newest_format)) + ", use a newer Quire");
  }
  Superblock s;
  s.format = sb::format.get(p);
  const std::uint8_t shift = sb::page_shift.get(p);
  s.page_bytes = shift < 32 ? std::uint32_t{1} << shift : 0;
  s.flags = sb::flags.get(p);
  s.required = sb::required.get(p);
  s.optional = sb::optional.get(p);
  std::copy_n(p + sb::uuid_offset, s.uuid.size(), s.uuid.begin());
  s.generation = Epoch{sb::generation.get(p)};
  s.incarnation = sb::incarnation.get(p);
  s.next_tree = TreeId{sb::next_tree_id.get(p)};
  s.checkpoint_lsn = Lsn{sb::checkpoint_lsn.get(p)};
  s.next_xid = Xid{sb::next_xid.get(p)};
  s.clock = sb::clock.get(p);
  s.next_page = PageId{sb::next_page_id.get(p)};
  s.file_blocks = sb::file_blocks.get(p);
  s.table_depth = sb::table_depth.get(p);
  s.bitmap_depth = sb::bitmap_depth.get(p);
  s.table_root = load_entry(p + sb::table_root_offset);
  s.bitmap_root = load_entry(p + sb::bitmap_root_offset);
  s.notes = load_entry(p + sb::notes_offset);
  s.source_lsn = Lsn{sb::source_lsn.get(p)};
  s.created_us = sb::created_us.get(p);
  QUIRE_TRY(check_values(s, from));
  return s;
}

Result<Superblock> read_superblock(os::File& file, const std::string& path) {
  QUIRE_ASSIGN(const std::vector<std::byte> head, read_head(file));
  QUIRE_ASSIGN(const std::uint64_t bytes, file.size());
  std::optional<Superblock> best;
  Status first_failure;
  bool ours = false;
  for (const Copy& copy : copies_in(head)) {
    if (!has_magic(copy.bytes)) continue;
    ours = true;
    const std::string name = slot_name(copy.slot) + " of " + path;
    Result<Superblock> decoded = decode_superblock(copy.bytes, name);
    // SB-1: a generation has one slot. In the other one it is a misdirected write.
    if (decoded.ok() && decoded->generation.raw % superblock_slot_count != copy.slot) {
      decoded = Status(Code::corrupt, name + " is in the wrong slot for its generation " + std::to_string(decoded->generation.raw));
    }
    if (!decoded.ok()) {
      if (first_failure.ok() || decoded.code() == Code::unsupported) first_failure = decoded.status();
    } else if (!best || best->generation < decoded->generation) {
      best = *decoded;
    }
  }
  if (!ours) return not_ours(head, path);
  // A format that is newer than ours in any copy decides: the file may have been upgraded a moment ago.
  if (!best || first_failure == Code::unsupported) return first_failure;
  if (bytes < best->file_blocks * block_bytes) {
    return Status(Code::corrupt, path + " is truncated: " + std::to_string(bytes) + " bytes, at least " +
                                     std::to_string(best->file_blocks * block_bytes) + " expected");
  }
  return *best;
}

Status write_superblock(os::File& file, const Superblock& superblock, std::string_view why) {
  std::vector<std::byte> slot(block_bytes);
  for (std::uint32_t i = 0; i < superblock_copies; ++i) {
    encode_superblock(superblock, MutableBytes(slot).subspan(i * superblock_copy_offset, superblock_bytes));
  }
  const std::uint64_t offset = superblock.generation.raw % superblock_slot_count * block_bytes;
  QUIRE_TRY(file.write_at(offset, slot));
  tell_write(superblock, offset, block_bytes, why);
  return Status();
}

Status settle_superblock(os::File& file, const Superblock& superblock) {
  std::vector<std::byte> copy(superblock_bytes);
  encode_superblock(superblock, copy);
  const std::uint64_t slot = superblock.generation.raw % superblock_slot_count * block_bytes;
  for (std::uint32_t i = superblock_copies; i-- > 0;) {
    const std::uint64_t offset = slot + i * superblock_copy_offset;
    QUIRE_TRY(file.write_at(offset, copy));
    tell_write(superblock, offset, copy.size(), "settle");
    QUIRE_TRY(file.sync());
    os::tell_io([&] { return os::IoEvent{.operation = "sync", .kind = "file", .name = {}, .reason = "settle"}; });
  }
  return Status();
}

Result<std::string> describe_superblocks(os::File& file) {
  QUIRE_ASSIGN(const std::vector<std::byte> head, read_head(file));
  std::string text;
  for (const Copy& copy : copies_in(head)) {
    text += slot_name(copy.slot) + " at byte " + std::to_string(copy.offset) + ": ";
    Result<Superblock> decoded = decode_superblock(copy.bytes, "it");
    text += decoded.ok() ? "valid\n" : std::string(decoded.message()) + "\n";
    if (!has_magic(copy.bytes) || copy.offset % block_bytes != 0) continue;
    for (const page::Field& field : superblock_fields) {
      if (field.bytes > 8 || field.name.starts_with("reserved") || field.name == "magic") continue;
      std::uint64_t value = 0;
      std::memcpy(&value, copy.bytes.data() + field.offset, field.bytes);
      text += "  " + std::string(field.name) + std::string(22 - field.name.size(), ' ') + std::to_string(value) + "\n";
    }
  }
  return text;
}

}  // namespace quire::space
