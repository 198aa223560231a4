// LogReader, the end of the log: a torn tail or damage in the middle (WAL-4).
//
// After the first invalid record every aligned place beyond it is looked at for a MARK or CKPT that is a valid record of this
// log and names an LSN beyond: what that LSN says was durable, and is missing. Records in files with an unreadable header
// count as well, wherever they say they are: bytes of a segment's earlier use name LSNs below the end of the log.
#include <algorithm>

#include "base/assert.hpp"
#include "base/try.hpp"
#include "wal/log_reader.hpp"
#include "wal/log_trace.hpp"

namespace quire::wal {

namespace {

constexpr std::size_t search_window_bytes = 1 << 20;
constexpr std::size_t longest_proof = checkpoint_bytes;

// What the record in the first of these bytes names, if it is a MARK or CKPT of this log.
std::optional<DurabilityProof> proof_in(Bytes bytes, const LogIdentity& identity) {
  namespace f = record_field;
  const auto type = static_cast<RecordType>(f::type.get(bytes.data()));
  if (type != RecordType::mark && type != RecordType::checkpoint) return std::nullopt;
  const Lsn lsn{f::lsn.get(bytes.data())};
  const Result<RecordHead> head = check_record_header(bytes, lsn, identity);
  if (!head.ok() || head->checked_bytes > bytes.size()) return std::nullopt;
  if (!checksum_is_right(bytes.first(head->checked_bytes), identity)) return std::nullopt;
  const Result<Record> record = parse_record(bytes.first(head->checked_bytes));
  if (!record.ok()) return std::nullopt;
  if (const auto* mark = std::get_if<MarkRecord>(&record->body)) return DurabilityProof{lsn, mark->durable};
  return DurabilityProof{lsn, std::get<CheckpointRecord>(record->body).checkpoint_lsn};
}

}  // namespace

Result<LogEnd> LogReader::end() {
  QUIRE_ASSERT(end_.has_value());
  if (searched_) return *end_;
  for (const SegmentFile& segment : segments_.usable) {
    if (segment.end() <= end_->lsn) continue;
    const std::uint64_t from = std::max(end_->lsn.raw, segment.start().raw + segment_header_bytes) - segment.start().raw;
    QUIRE_TRY(search(segment, from, true));
  }
  for (const SegmentFile& segment : segments_.suspect) QUIRE_TRY(search(segment, 0, false));
  if (end_->proof) end_->damaged = true;
  searched_ = true;
  return *end_;
}

// The proof that reaches furthest is kept.
Status LogReader::search(const SegmentFile& segment, std::uint64_t from_offset, bool is_usable) {
  Window window;
  std::vector<std::byte>& bytes = window.bytes;
  QUIRE_ASSIGN(window.file, files_.open(segment.path, {}));
  for (std::uint64_t base = from_offset; base < segment.bytes; base += search_window_bytes) {
    bytes.resize(static_cast<std::size_t>(std::min<std::uint64_t>(search_window_bytes + longest_proof, segment.bytes - base)));
    QUIRE_ASSIGN(const std::size_t got, window.file->read_at(base, bytes));
    tell_log("read", segment.path, base, got, "recovery");
    for (std::size_t at = 0; at < search_window_bytes && at + record_header_bytes <= got; at += 8) {
      const Bytes here = Bytes(bytes).subspan(at, std::min(longest_proof, got - at));
      const std::optional<DurabilityProof> proof = proof_in(here, identity_);
      if (!proof || proof->lsn <= end_->lsn || proof->durable <= end_->lsn) continue;
      if (is_usable && proof->lsn.raw != segment.start().raw + base + at) continue;
      if (!end_->proof || end_->proof->durable < proof->durable) end_->proof = proof;
    }
  }
  return Status();
}

Status LogEnd::check() const {
  if (!damaged) return Status();
  std::string text = "log segment " + path + " is damaged at offset " + std::to_string(offset) + " (LSN " + std::to_string(lsn.raw) +
                     "): " + reason;
  if (proof) {
    text += "; the record at LSN " + std::to_string(proof->lsn.raw) + " says that the log was durable up to LSN " +
            std::to_string(proof->durable.raw) + ", so opening without the rest would lose at least " +
            std::to_string(proof->durable.raw - lsn.raw) + " bytes of it";
  } else {
    text += "; opening without the rest would lose what was committed after it";
  }
  return Status(Code::corrupt, text);
}

}  // namespace quire::wal
