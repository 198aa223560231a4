// Segment files: making, recycling, removing.
//
// Zeros are written and synced in slices, so that filling a large file does not hold up the log's own syncs for long.
#include "wal/segment_files.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/seeded_bug.hpp"
#include "base/try.hpp"
#include "os/hook.hpp"
#include "wal/log_trace.hpp"

namespace quire::wal {

namespace {

// Small, because a system that caches what one write brought as one unit looks through all of the unit at every later write.
constexpr std::uint64_t zero_slice_bytes = 16 << 10;
constexpr std::uint64_t zero_sync_bytes = 4 << 20;

// A sync that failed is never tried again (WAL-7), whatever its own code was.
Status sync_failure(const Status& status) {
  return status.ok() ? Status() : Status(Code::poisoned, std::string(status.message()));
}

Status fill_with_zeros(os::File& file, const std::string& path, std::uint64_t bytes) {
  const std::vector<std::byte> zeros(std::min(bytes, zero_slice_bytes));
  for (std::uint64_t at = 0; at < bytes; at += zeros.size()) {
    QUIRE_TRY(file.write_at(at, Bytes(zeros).first(std::min<std::uint64_t>(zeros.size(), bytes - at))));
    if ((at + zeros.size()) % zero_sync_bytes == 0) QUIRE_TRY(sync_failure(file.sync()));
  }
  tell_log("write", path, 0, bytes, "segment");
  return sync_failure(told_log(file.sync(), "sync", path, "segment"));
}

}  // namespace

std::unique_ptr<OpenSegment> SegmentFiles::take_spare(std::uint64_t bytes) {
  os::Lock held(mutex_);
  for (auto& spare : spares_) {
    if (spare->bytes() != bytes) continue;
    std::unique_ptr<OpenSegment> taken = std::move(spare);
    std::swap(spare, spares_.back());
    spares_.pop_back();
    return taken;
  }
  return nullptr;
}

Result<std::unique_ptr<OpenSegment>> SegmentFiles::make(const Wanted& wanted) {
  QUIRE_ASSERT(wanted.bytes % segment_block_bytes == 0 && wanted.start.raw % 8 == 0);
  std::unique_ptr<OpenSegment> segment = take_spare(wanted.bytes);
  const bool is_new = segment == nullptr;
  if (is_new) segment = std::make_unique<OpenSegment>();
  const std::string old_path = segment->path;
  segment->number = next_number_++;  // not used twice, also when this one fails
  segment->path = segment_path(database_, segment->number);
  if (is_new) {
    QUIRE_ASSIGN(segment->file, files_.open(segment->path, {.write = true, .create = true, .must_not_exist = true}));
    (void)told_log(Status(), "create", segment->path, "segment").ok();
  } else {
    Status renamed = told_log(files_.rename(old_path, segment->path), "rename", segment->path, "recycle");
    if (!renamed.ok()) {
      [[maybe_unused]] const Status ignored = told_log(files_.remove(old_path), "remove", old_path, "failed");  // the first failure is the one to tell
      return renamed;
    }
  }
  segment->start = wanted.start;
  segment->end = Lsn{wanted.start.raw + wanted.bytes};
  segment->used_end = no_lsn;
  Status ready = prepare(*segment, wanted, is_new);
  if (!ready.ok()) {
    [[maybe_unused]] const Status ignored = told_log(files_.remove(segment->path), "remove", segment->path, "failed");
    return ready;
  }
  return segment;
}

Status SegmentFiles::prepare(OpenSegment& segment, const Wanted& wanted, bool is_new) {
  if (is_new) {
    QUIRE_TRY(segment.file->allocate(0, wanted.bytes));
    QUIRE_TRY(fill_with_zeros(*segment.file, segment.path, wanted.bytes));
  }
  QUIRE_TRY(os::hook("log.before_segment_header"));
  return publish(segment, wanted, is_new ? "segment" : "recycle");
}

Status SegmentFiles::publish(OpenSegment& segment, const Wanted& wanted, std::string_view why) {
  std::array<std::byte, segment_header_bytes> header;
  encode_segment_header({.number = segment.number,
                         .start = wanted.start,
                         .identity = options_.identity,
                         .bytes = wanted.bytes,
                         .previous_end = wanted.previous_end},
                        header);
  QUIRE_TRY(segment.file->write_at(0, header));
  tell_log("write", segment.path, 0, header.size(), why);
  if (!seeded_bug("skip_segment_header_sync")) QUIRE_TRY(sync_failure(told_log(segment.file->sync(), "sync", segment.path, why)));
  if (seeded_bug("skip_directory_sync")) return Status();
  return sync_failure(sync_log_directory(files_, os::directory_of(segment.path), why));
}

Status SegmentFiles::retire(OpenSegments segments) {
  Status first_failure;
  for (auto& segment : segments) {
    {
      os::Lock held(mutex_);
      if (segment->bytes() == options_.spare_bytes && spares_.size() < options_.spares_max) {
        spares_.push_back(std::move(segment));
        continue;
      }
    }
    Status removed = told_log(files_.remove(segment->path), "remove", segment->path, "release");
    if (first_failure.ok()) first_failure = std::move(removed);
  }
  return first_failure;
}

Status SegmentFiles::remove_all(OpenSegments segments) {
  {
    os::Lock held(mutex_);
    for (auto& spare : spares_) segments.push_back(std::move(spare));
    spares_.clear();
  }
  if (segments.empty()) return Status();
  for (const auto& segment : segments) QUIRE_TRY(told_log(files_.remove(segment->path), "remove", segment->path, "close"));
  return sync_log_directory(files_, os::directory_of(database_), "close");
}

std::uint64_t SegmentFiles::spare_bytes() const {
  os::Lock held(mutex_);
  std::uint64_t bytes = 0;
  for (const auto& spare : spares_) bytes += spare->bytes();
  return bytes;
}

}  // namespace quire::wal
