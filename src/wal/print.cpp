// Printing a log: records in words and in JSON, segments by incarnation.
//
// JSON has keys and values in hexadecimal, since they are bytes; text shows what can be shown.
#include "wal/print.hpp"

#include "base/try.hpp"
#include "page/describe.hpp"
#include "wal/log_reader.hpp"
#include "wal/ops.hpp"

namespace quire::wal {

namespace {

std::string number(const char* name, std::uint64_t value) { return std::string(" ") + name + " " + std::to_string(value); }

std::string hex(Bytes bytes, std::size_t bytes_max) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const std::byte b : bytes.first(std::min(bytes.size(), bytes_max))) {
    text += digits[static_cast<std::size_t>(b >> 4)];
    text += digits[static_cast<std::size_t>(b & std::byte{15})];
  }
  return text;
}

std::string quoted(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      result += "\\u00";
      result += digits[static_cast<unsigned char>(c) >> 4];
      result += digits[static_cast<unsigned char>(c) & 15];
    } else {
      result += c;
    }
  }
  return result + '"';
}

std::string member(const char* name, std::uint64_t value) { return ",\"" + std::string(name) + "\":" + std::to_string(value); }
std::string member(const char* name, std::string_view value) { return ",\"" + std::string(name) + "\":" + quoted(value); }

// What a record has beside its header, through two spellings of a number.
template <class Spell>
struct FieldsOf {
  Spell spell;
  std::string operator()(const ChunkRecord& r) const {
    return spell("ops", r.op_count) + spell("first_operation", r.first_operation) + spell("previous_chunk", r.previous_chunk.raw);
  }
  std::string operator()(const CommitRecord& r) const {
    return spell("timestamp", r.timestamp) + spell("wall_us", r.wall_us) + spell("ops", r.op_count) +
           (r.chunk_count == 0 ? "" : spell("chunks", r.chunk_count) + spell("last_chunk", r.last_chunk.raw));
  }
  std::string operator()(const AbortRecord&) const { return ""; }
  std::string operator()(const RollbackToRecord& r) const { return spell("operation", r.operation); }
  std::string operator()(const MarkRecord& r) const { return spell("durable", r.durable.raw); }
  std::string operator()(const CheckpointRecord& r) const {
    return spell("generation", r.generation.raw) + spell("checkpoint_lsn", r.checkpoint_lsn.raw);
  }
  std::string operator()(const RestartRecord& r) const { return spell("previous_end", r.previous_end.raw); }
  std::string operator()(const PadRecord&) const { return ""; }
};

template <class Spell>
std::string fields_of(const Record& record, Spell spell) {
  return std::visit(FieldsOf<Spell>{spell}, record.body);
}

Bytes ops_of(const Record& record) {
  if (const auto* chunk = std::get_if<ChunkRecord>(&record.body)) return chunk->ops;
  if (const auto* commit = std::get_if<CommitRecord>(&record.body)) return commit->ops;
  return {};
}

bool has_value(OpKind kind) { return kind == OpKind::put || kind == OpKind::heap_put || kind == OpKind::part; }

std::string segment_line(const SegmentFile& segment, bool json) {
  const SegmentHeader& h = segment.header;
  if (json) {
    return "{\"segment\":" + quoted(segment.path) + member("number", segment.number) + member("start", h.start.raw) +
           member("end", segment.end().raw) + member("incarnation", h.identity.incarnation) + member("uuid", uuid_text(h.identity.uuid)) +
           member("previous_end", h.previous_end.raw) + "}";
  }
  return "segment " + segment.path + number("start", h.start.raw) + number("end", segment.end().raw) +
         number("incarnation", h.identity.incarnation);
}

std::string end_line(const LogEnd& end, bool json) {
  if (json) {
    return "{\"end\":" + std::to_string(end.lsn.raw) + ",\"damaged\":" + (end.damaged ? "true" : "false") + member("segment", end.path) +
           member("offset", end.offset) + member("reason", end.reason) + (end.proof ? member("durable", end.proof->durable.raw) : "") + "}";
  }
  return end.damaged ? "damage: " + std::string(end.check().message()) : "end at LSN " + std::to_string(end.lsn.raw) + ": " + end.reason;
}

// One incarnation: from the oldest segment in use, or the run that holds `from`.
class Printing {
 public:
  Printing(os::FileSystem& files, const PrintOptions& options, const LineSink& sink) : files_(files), options_(options), sink_(sink) {}

  Status print(LogSegments segments) {
    const LogIdentity identity = segments.usable.front().header.identity;
    std::size_t first = last_run(segments.usable);
    while (options_.from && first > 0 && *options_.from < segments.usable[first].start()) --first;
    const std::vector<SegmentFile> run(segments.usable.begin() + static_cast<std::ptrdiff_t>(first), segments.usable.end());
    LogReader reader(files_, std::move(segments), identity, Lsn{run.front().start().raw + segment_header_bytes});
    Record record;
    while (true) {
      QUIRE_ASSIGN(const bool more, reader.next(record));
      if (!more) break;
      while (printed_ < run.size() && run[printed_].start() < record.lsn) QUIRE_TRY(sink_(segment_line(run[printed_++], options_.json)));
      if (options_.to && record.lsn >= *options_.to) return Status();
      if (options_.from && record.lsn < *options_.from) continue;
      QUIRE_TRY(sink_(options_.json ? record_json(record, options_.value_bytes_max) : record_text(record, options_.value_bytes_max)));
    }
    while (printed_ < run.size()) QUIRE_TRY(sink_(segment_line(run[printed_++], options_.json)));
    QUIRE_ASSIGN(const LogEnd end, reader.end());
    return sink_(end_line(end, options_.json));
  }

 private:
  os::FileSystem& files_;
  const PrintOptions& options_;
  const LineSink& sink_;
  std::size_t printed_ = 0;  // segments of the run
};

}  // namespace

std::string record_text(const Record& record, std::size_t value_bytes_max) {
  std::string text = std::to_string(record.lsn.raw) + " " + std::string(record_type_name(record.type()));
  if (record.xid.raw != 0) text += number("xid", record.xid.raw);
  text += fields_of(record, [](const char* name, std::uint64_t value) { return number(name, value); });
  OpReader reader(ops_of(record));
  Op op;
  while (reader.next(op)) {
    text += "\n    " + std::string(op_kind_name(op.kind)) + number("tree", op.tree.raw) + number("operation", op.number);
    if (!op.key.empty()) text += " key '" + page::printable(as_text(op.key), value_bytes_max) + "'";
    if (has_value(op.kind)) text += " value '" + page::printable(as_text(op.value), value_bytes_max) + "'";
    if (op.more) text += " ...";
  }
  return text;
}

std::string record_json(const Record& record, std::size_t value_bytes_max) {
  std::string text = "{\"lsn\":" + std::to_string(record.lsn.raw) + member("end", record.end.raw) + member("type", record_type_name(record.type())) +
                     member("xid", record.xid.raw);
  text += fields_of(record, [](const char* name, std::uint64_t value) {
    return member(std::string_view(name) == "ops" ? "op_count" : name, value);
  });
  if (record.type() != RecordType::chunk && record.type() != RecordType::commit) return text + "}";
  text += ",\"ops\":[";
  OpReader reader(ops_of(record));
  Op op;
  for (bool first = true; reader.next(op); first = false) {
    text += (first ? "{\"op\":" : ",{\"op\":") + quoted(op_kind_name(op.kind)) + member("tree", op.tree.raw) + member("operation", op.number) +
            member("key", hex(op.key, value_bytes_max));
    if (has_value(op.kind)) text += member("value_bytes", op.value.size()) + member("value", hex(op.value, value_bytes_max));
    text += op.more ? ",\"more\":true}" : "}";
  }
  return text + "]}";
}

Status print_log(os::FileSystem& files, const std::string& database, const PrintOptions& options, const LineSink& sink) {
  QUIRE_ASSIGN(const std::vector<SegmentFile> found, list_segments(files, database));
  std::vector<LogIdentity> identities;
  LogSegments segments;
  for (const SegmentFile& segment : found) {
    if (!segment.state.ok()) {
      QUIRE_TRY(sink(options.json ? "{\"unreadable\":" + quoted(segment.path) + member("reason", segment.state.message()) + "}"
                                  : "unreadable: " + std::string(segment.state.message())));
      segments.suspect.push_back(segment);
    } else if (identities.empty() || identities.back() != segment.header.identity) {
      identities.push_back(segment.header.identity);
    }
  }
  for (const LogIdentity& identity : identities) {
    segments.usable.clear();
    for (const SegmentFile& segment : found) {
      if (segment.state.ok() && segment.header.identity == identity) segments.usable.push_back(segment);
    }
    std::sort(segments.usable.begin(), segments.usable.end(), [](const auto& a, const auto& b) { return a.start() < b.start(); });
    QUIRE_TRY(Printing(files, options, sink).print(segments));
  }
  return Status();
}

}  // namespace quire::wal
