// Printing a log: one record in words and in JSON.
//
// JSON has keys and values in hexadecimal, since they are bytes; text shows what can be shown.
#include <algorithm>
#include <cstdio>

#include "page/describe.hpp"
#include "wal/ops.hpp"
#include "wal/print.hpp"

namespace quire::wal {

namespace {

std::string hex(Bytes bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::byte b : bytes) {
    text += digits[static_cast<std::size_t>(b >> 4)];
    text += digits[static_cast<std::size_t>(b & std::byte{15})];
  }
  return text;
}

std::string member(const char* name, std::uint64_t value) { return ",\"" + std::string(name) + "\":" + std::to_string(value); }
// For values that need no escapes.
std::string member(const char* name, std::string_view value) { return ",\"" + std::string(name) + "\":\"" + std::string(value) + "\""; }

std::string count_of(std::uint64_t count, const std::string& thing) {
  return std::to_string(count) + " " + thing + (count == 1 ? "" : "s");
}

// What a record has beside its header, in words.
struct WordsOf {
  std::string operator()(const ChunkRecord& r) const {
    return count_of(r.op_count, "operation") + " from #" + std::to_string(r.first_operation) +
           (r.previous_chunk == no_lsn ? ", the first chunk" : ", the chunk before is at LSN " + std::to_string(r.previous_chunk.raw));
  }
  std::string operator()(const CommitRecord& r) const {
    return "timestamp " + std::to_string(r.timestamp) + "  " + utc_text(r.wall_us) + "  " + count_of(r.op_count, "operation") +
           (r.chunk_count == 0 ? "" : " after " + count_of(r.chunk_count, "chunk") + ", the last at LSN " + std::to_string(r.last_chunk.raw));
  }
  std::string operator()(const AbortRecord&) const { return ""; }
  std::string operator()(const RollbackToRecord& r) const { return "operations above #" + std::to_string(r.operation) + " are void"; }
  std::string operator()(const MarkRecord& r) const { return "durable up to LSN " + std::to_string(r.durable.raw); }
  std::string operator()(const CheckpointRecord& r) const {
    return "generation " + std::to_string(r.generation.raw) + " needs the log from LSN " + std::to_string(r.checkpoint_lsn.raw) + " on";
  }
  std::string operator()(const RestartRecord& r) const { return "the log before ended at LSN " + std::to_string(r.previous_end.raw); }
  std::string operator()(const PadRecord&) const { return ""; }
};

struct MembersOf {
  std::string operator()(const ChunkRecord& r) const {
    return member("op_count", r.op_count) + member("first_operation", r.first_operation) + member("previous_chunk", r.previous_chunk.raw);
  }
  std::string operator()(const CommitRecord& r) const {
    return member("timestamp", r.timestamp) + member("wall_us", r.wall_us) + member("time", utc_text(r.wall_us)) + member("op_count", r.op_count) +
           (r.chunk_count == 0 ? "" : member("chunks", r.chunk_count) + member("last_chunk", r.last_chunk.raw));
  }
  std::string operator()(const AbortRecord&) const { return ""; }
  std::string operator()(const RollbackToRecord& r) const { return member("operation", r.operation); }
  std::string operator()(const MarkRecord& r) const { return member("durable", r.durable.raw); }
  std::string operator()(const CheckpointRecord& r) const {
    return member("generation", r.generation.raw) + member("checkpoint_lsn", r.checkpoint_lsn.raw);
  }
  std::string operator()(const RestartRecord& r) const { return member("previous_end", r.previous_end.raw); }
  std::string operator()(const PadRecord&) const { return ""; }
};

Bytes ops_of(const Record& record) {
  if (const auto* chunk = std::get_if<ChunkRecord>(&record.body)) return chunk->ops;
  if (const auto* commit = std::get_if<CommitRecord>(&record.body)) return commit->ops;
  return {};
}

bool has_value(OpKind kind) { return kind == OpKind::put || kind == OpKind::heap_put || kind == OpKind::part; }

std::string op_text(const Op& op, std::size_t value_bytes_max) {
  std::string text = std::string(op_kind_name(op.kind)) + " tree " + std::to_string(op.tree.raw) + " #" + std::to_string(op.number);
  if (!op.key.empty()) text += " key '" + page::printable(as_text(op.key), value_bytes_max) + "'";
  if (has_value(op.kind)) text += " value '" + page::printable(as_text(op.value), value_bytes_max) + "'";
  if (op.kind == OpKind::rows) text += (rows_of(op) > 0 ? " +" : " ") + std::to_string(rows_of(op));
  return op.more ? text + ", more follows" : text;
}

std::string op_json(const Op& op) {
  std::string text = "{\"op\":\"" + std::string(op_kind_name(op.kind)) + "\"" + member("tree", op.tree.raw) + member("operation", op.number);
  if (op.kind == OpKind::rows) return text + ",\"change\":" + std::to_string(rows_of(op)) + "}";
  text += member("key", hex(op.key));
  if (has_value(op.kind)) text += member("value_bytes", op.value.size()) + member("value", hex(op.value));
  return text + (op.more ? ",\"more\":true}" : "}");
}

}  // namespace

// Days are counted from 0000-03-01, so that a leap day is the last of its year.
std::string utc_text(std::uint64_t wall_us) {
  constexpr std::uint64_t days_until_1970 = 719468;
  constexpr std::uint64_t days_of_400_years = 146097;
  if (wall_us == 0) return "-";
  const std::uint64_t seconds = wall_us / 1000000;
  const std::uint64_t days = seconds / 86400 + days_until_1970;
  const std::uint64_t day_of_era = days % days_of_400_years;
  const std::uint64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const std::uint64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::uint64_t month_from_march = (5 * day_of_year + 2) / 153;
  const std::uint64_t day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
  const std::uint64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  const std::uint64_t year = days / days_of_400_years * 400 + year_of_era + (month <= 2 ? 1 : 0);
  char text[64];
  std::snprintf(text, sizeof text, "%04llu-%02llu-%02lluT%02llu:%02llu:%02llu.%06lluZ", static_cast<unsigned long long>(year),
                static_cast<unsigned long long>(month), static_cast<unsigned long long>(day),
                static_cast<unsigned long long>(seconds / 3600 % 24), static_cast<unsigned long long>(seconds / 60 % 60),
                static_cast<unsigned long long>(seconds % 60), static_cast<unsigned long long>(wall_us % 1000000));
  return text;
}

std::string record_text(const Record& record, const PrintOptions& options) {
  char begin[64];
  std::snprintf(begin, sizeof begin, "%12llu  %-11s", static_cast<unsigned long long>(record.lsn.raw),
                std::string(record_type_name(record.type())).c_str());
  std::string text = begin;
  if (record.xid.raw != 0) text += "  xid " + std::to_string(record.xid.raw);
  const std::string words = std::visit(WordsOf{}, record.body);
  if (!words.empty()) text += "  " + words;
  if (!options.ops) return text;
  OpReader reader(ops_of(record));
  Op op;
  while (reader.next(op)) text += "\n" + std::string(18, ' ') + op_text(op, options.value_bytes_max);
  return text;
}

std::string record_json(const Record& record, const PrintOptions& options) {
  std::string text = "{\"lsn\":" + std::to_string(record.lsn.raw) + member("end", record.end.raw) + member("type", record_type_name(record.type())) +
                     member("xid", record.xid.raw) + std::visit(MembersOf{}, record.body);
  const bool has_ops = record.type() == RecordType::chunk || record.type() == RecordType::commit;
  if (!options.ops || !has_ops) return text + "}";
  text += ",\"ops\":[";
  OpReader reader(ops_of(record));
  Op op;
  for (bool first = true; reader.next(op); first = false) text += (first ? "" : ",") + op_json(op);
  return text + "]}";
}

}  // namespace quire::wal
