// Fuzzes wal/: any bytes as the segments of a log.
//
// The first byte says how to make two segments of one block each: the header's checksum and those of the records are
// recomputed half of the time, so that what lies behind them is reached. Listing, choosing, scanning, looking for the end,
// reading by LSN and printing must end without a failed assertion; records that come out lie within the log, in order, and
// encode to the bytes they were read from.
#include <algorithm>
#include <cstdint>

#include "base/assert.hpp"
#include "os/mem/mem_file_system.hpp"
#include "wal/log_reader.hpp"
#include "wal/ops.hpp"
#include "wal/print.hpp"

namespace {

using namespace quire;
using namespace quire::wal;

constexpr const char* database = "/x.qdb";
constexpr std::uint64_t segment_bytes = segment_block_bytes;

LogIdentity identity() {
  LogIdentity id;
  id.uuid.fill(std::byte{7});
  id.incarnation = 1;
  return id;
}

// Gives the bytes from `at` on a head that fits the place, and its checksum; returns where the next record begins.
std::size_t mend_record(std::vector<std::byte>& content, std::size_t at, Lsn start) {
  namespace f = record_field;
  std::byte* p = content.data() + at;
  const std::uint64_t room = content.size() - at;
  f::lsn.set(p, start.raw + at);
  f::incarnation.set(p, identity().incarnation);
  f::type.set(p, static_cast<std::uint8_t>(static_cast<unsigned>(f::type.get(p)) % record_type_count));
  std::uint32_t bytes = f::bytes.get(p) % 512 / 8 * 8;
  if (f::type.get(p) == static_cast<std::uint8_t>(RecordType::pad)) bytes = static_cast<std::uint32_t>(room);
  f::bytes.set(p, bytes);
  const Result<RecordHead> head = check_record_header(Bytes(p, record_header_bytes), Lsn{start.raw + at}, identity());
  const std::size_t checked = head.ok() ? std::min<std::uint64_t>(head->checked_bytes, room) : record_header_bytes;
  f::checksum.set(p, static_cast<std::uint32_t>(hash64(Bytes(p + 4, checked - 4), identity().seed())));
  return at + std::max<std::size_t>(bytes, 8);
}

void install(os::FileSystem& files, std::uint64_t number, Bytes input, std::uint8_t choice) {
  std::vector<std::byte> content(segment_bytes);
  std::copy_n(input.begin(), std::min(input.size(), content.size()), content.begin());
  const Lsn start{(number - 1) * segment_bytes};
  if ((choice & 1) != 0) {
    encode_segment_header({.number = number, .start = start, .identity = identity(), .bytes = segment_bytes, .previous_end = start},
                          MutableBytes(content).first(segment_header_bytes));
  }
  if ((choice & 2) != 0) {
    for (std::size_t at = segment_header_bytes; at + record_header_bytes <= content.size();) at = mend_record(content, at, start);
  }
  const auto file = files.open(segment_path(database, number), {.write = true, .create = true}).value();
  QUIRE_ASSERT(file->write_at(0, content).ok());
}

void check_ops_encode_back(const Record& record) {
  Bytes bytes;
  if (const auto* chunk = std::get_if<ChunkRecord>(&record.body)) bytes = chunk->ops;
  if (const auto* commit = std::get_if<CommitRecord>(&record.body)) bytes = commit->ops;
  OpBuffer ops;
  OpReader reader(bytes);
  Op op;
  std::uint32_t last_number = 0;
  while (reader.next(op)) {
    if (op.kind == OpKind::rows) (void)rows_of(op);
    // The buffer is for our own operations, which come in order and have values that fit.
    if (op.number < last_number) return;
    last_number = op.number;
    ops.add(op);
  }
  QUIRE_ASSERT(as_text(ops.bytes()) == as_text(bytes));
}

void check_encodes_back(const Record& record) {
  check_ops_encode_back(record);
  std::vector<std::byte> bytes(record_bytes(record.body));
  encode_record(bytes, {.lsn = record.lsn, .xid = record.xid}, record.body, identity());
  const Result<RecordHead> head = check_record_header(bytes, record.lsn, identity());
  QUIRE_ASSERT(head.ok() && head->bytes == record.end.raw - record.lsn.raw);
  QUIRE_ASSERT(parse_record(bytes).ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::uint8_t choice = data[0];
  const Bytes input = as_bytes(std::string_view(reinterpret_cast<const char*>(data), size)).subspan(1);
  os::MemFileSystem files;
  const std::size_t half = (choice & 4) != 0 ? input.size() / 2 : input.size();
  install(files, 1, input.first(half), choice);
  if (half < input.size()) install(files, 2, input.subspan(half), choice);
  const Result<std::vector<SegmentFile>> found = list_segments(files, database);
  QUIRE_ASSERT(found.ok());
  (void)next_start(*found, Lsn{64});
  (void)print_segments(files, database, {.json = (choice & 8) != 0, .ops = true}, [](std::string_view) { return Status(); });
  Result<LogSegments> chosen = choose_segments(files, *found, {.identity = identity()});
  if (!chosen.ok()) return 0;
  LogReader reader(files, *chosen, identity(), Lsn{segment_header_bytes}, {.archived = false, .window_bytes = 256});
  Record record;
  Lsn last{};
  while (reader.next(record).value()) {
    QUIRE_ASSERT(record.lsn >= last && record.end > record.lsn);
    last = record.end;
    check_encodes_back(record);
    QUIRE_ASSERT(reader.read(record.lsn).ok());
  }
  const LogEnd end = reader.end().value();
  QUIRE_ASSERT(end.lsn >= last);
  (void)end.check();
  return 0;
}
