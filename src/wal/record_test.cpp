// Goal: a record that is encoded comes back as it was, and nothing else passes for a record.
// Method: one record of every type round-trips; every bit of each is flipped and every truncation tried; records of another
//         LSN, incarnation or database are refused; content that encoding never writes is refused.
#include "wal/record.hpp"

#include <gtest/gtest.h>

#include "base/try.hpp"
#include "wal/test_log.hpp"

namespace quire::wal {
namespace {

constexpr Lsn place{4096};

OpBuffer some_ops() {
  OpBuffer ops;
  ops.put(TreeId{3}, 1, as_bytes("key"), as_bytes("value"));
  ops.erase(TreeId{3}, 2, as_bytes("other"));
  return ops;
}

std::vector<std::pair<Xid, RecordBody>> all_types(const OpBuffer& ops) {
  auto all = one_of_each(ops, 42);
  all.emplace_back(Xid{0}, MarkRecord{Lsn{4000}});
  all.emplace_back(Xid{0}, PadRecord{});
  return all;
}

std::vector<std::byte> encoded(Xid xid, const RecordBody& body, const LogIdentity& identity = test_identity()) {
  std::vector<std::byte> bytes(record_bytes(body), std::byte{0xEE});
  const std::uint32_t pad_length = type_of(body) == RecordType::pad ? 640 : 0;
  encode_record(bytes, {.lsn = place, .xid = xid, .pad_length = pad_length}, body, identity);
  return bytes;
}

// What a reader does with bytes at an LSN.
Result<Record> decoded(Bytes bytes, Lsn lsn = place, const LogIdentity& identity = test_identity()) {
  if (bytes.size() < record_header_bytes) return Status(Code::corrupt, "short");
  QUIRE_ASSIGN(const RecordHead head, check_record_header(bytes, lsn, identity));
  if (bytes.size() < head.checked_bytes) return Status(Code::corrupt, "short");
  if (!checksum_is_right(bytes.first(head.checked_bytes), identity)) return Status(Code::corrupt, "checksum");
  return parse_record(bytes.first(head.checked_bytes));
}

TEST(record, of_every_type_comes_back_as_it_was) {
  const OpBuffer ops = some_ops();
  std::vector<bool> seen_types(record_type_count);
  for (const auto& [xid, body] : all_types(ops)) {
    const std::vector<std::byte> bytes = encoded(xid, body);
    const Record back = decoded(bytes).value();
    EXPECT_EQ(back.lsn, place);
    EXPECT_EQ(back.xid, xid);
    EXPECT_EQ(back.type(), type_of(body));
    EXPECT_EQ(back.end.raw, place.raw + (back.type() == RecordType::pad ? 640 : bytes.size()));
    EXPECT_EQ(seen(back), seen(Record{back.lsn, back.end, xid, body}));
    EXPECT_EQ(encoded(xid, back.body), bytes) << record_type_name(back.type());
    seen_types[static_cast<std::size_t>(back.type())] = true;
  }
  EXPECT_EQ(std::count(seen_types.begin(), seen_types.end(), true), static_cast<std::ptrdiff_t>(record_type_count - 1));
}

TEST(record, keeps_every_field_of_a_commit_and_a_chunk) {
  const OpBuffer ops = some_ops();
  const auto commit_bytes_ = encoded(Xid{9}, CommitRecord{1, 2, Lsn{3}, 4, ops.count(), ops.bytes()});
  const auto commit = std::get<CommitRecord>(decoded(commit_bytes_).value().body);
  EXPECT_EQ(commit.timestamp, 1u);
  EXPECT_EQ(commit.wall_us, 2u);
  EXPECT_EQ(commit.last_chunk, Lsn{3});
  EXPECT_EQ(commit.chunk_count, 4u);
  EXPECT_EQ(commit.op_count, 2u);
  EXPECT_EQ(as_text(commit.ops), as_text(ops.bytes()));
  const auto chunk_bytes_ = encoded(Xid{9}, ChunkRecord{Lsn{8}, ops.count(), 6, ops.bytes()});
  const auto chunk = std::get<ChunkRecord>(decoded(chunk_bytes_).value().body);
  EXPECT_EQ(chunk.previous_chunk, Lsn{8});
  EXPECT_EQ(chunk.first_operation, 6u);
  const auto checkpoint = std::get<CheckpointRecord>(decoded(encoded({}, CheckpointRecord{Epoch{7}, Lsn{80}})).value().body);
  EXPECT_EQ(checkpoint.generation, Epoch{7});
  EXPECT_EQ(checkpoint.checkpoint_lsn, Lsn{80});
}

TEST(record, is_refused_with_any_bit_flipped_or_byte_missing) {
  const OpBuffer ops = some_ops();
  for (const auto& [xid, body] : all_types(ops)) {
    std::vector<std::byte> bytes = encoded(xid, body);
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      bytes[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
      EXPECT_FALSE(decoded(bytes).ok()) << record_type_name(type_of(body)) << " bit " << bit;
      bytes[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
    }
    for (std::size_t length = 0; length < bytes.size(); ++length) EXPECT_FALSE(decoded(Bytes(bytes).first(length)).ok());
    EXPECT_TRUE(decoded(bytes).ok());
  }
}

TEST(record, counts_at_its_own_lsn_and_in_its_own_log_only) {
  const std::vector<std::byte> bytes = encoded(Xid{1}, AbortRecord{});
  EXPECT_TRUE(decoded(bytes).ok());
  EXPECT_FALSE(decoded(bytes, Lsn{place.raw + 4096}).ok());
  EXPECT_FALSE(decoded(bytes, place, test_identity(2)).ok());
  LogIdentity foreign = test_identity();
  foreign.uuid[15] ^= std::byte{1};
  EXPECT_FALSE(decoded(bytes, place, foreign).ok());
}

// Right checksum, content that we never write.
TEST(record, is_refused_with_senseless_content) {
  const auto spoiled = [](std::vector<std::byte> bytes, std::size_t at, std::byte value) {
    bytes[at] = value;
    const auto sum = static_cast<std::uint32_t>(hash64(Bytes(bytes).subspan(4), test_identity().seed()));
    store_le(bytes.data(), sum);
    return decoded(bytes);
  };
  const OpBuffer ops = some_ops();
  const auto commit = encoded(Xid{1}, CommitRecord{1, 2, no_lsn, 0, ops.count(), ops.bytes()});
  EXPECT_TRUE(spoiled(commit, 32, std::byte{9}).ok()) << "the spoiler itself must be right";
  EXPECT_EQ(spoiled(commit, 25, std::byte{1}).code(), Code::corrupt) << "flags";
  EXPECT_EQ(spoiled(commit, 22, std::byte{1}).code(), Code::corrupt) << "xid above 48 bits";
  EXPECT_EQ(spoiled(commit, 60, std::byte{1}).code(), Code::corrupt) << "fewer operations than there are";
  EXPECT_EQ(spoiled(commit, 60, std::byte{3}).code(), Code::corrupt) << "more operations than there are";
  EXPECT_EQ(spoiled(commit, 64, std::byte{99}).code(), Code::corrupt) << "unknown operation";
  EXPECT_EQ(spoiled(commit, 56, std::byte{1}).code(), Code::corrupt) << "chunks without a last one";
  EXPECT_EQ(spoiled(commit, commit.size() - 1, std::byte{1}).code(), Code::corrupt) << "padding";
  EXPECT_EQ(spoiled(encoded(Xid{1}, RollbackToRecord{4}), 36, std::byte{1}).code(), Code::corrupt) << "reserved";
}

}  // namespace
}  // namespace quire::wal
