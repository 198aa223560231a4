// ArchiveReader: finding the sequence, and reading it.
//
// Every incarnation starts at an LSN and a number above all that was on disk and in the archive, so those with higher numbers
// lie behind. The incarnation that another continues at an LSN is the last one before it that begins below that LSN.
#include "wal/archive_reader.hpp"

#include <algorithm>
#include <map>

#include "base/assert.hpp"
#include "base/try.hpp"

namespace quire::wal {

namespace {

std::string text_of(Lsn lsn) { return "LSN " + std::to_string(lsn.raw); }

Lsn first_record(const SegmentFile& segment) { return Lsn{segment.start().raw + segment_header_bytes}; }

// Whether a log that was read up to `at`, the end of `last` or within it, has no record between there and `wanted`: a segment
// that was just begun has a header only.
bool reaches(const SegmentFile& last, Lsn at, Lsn wanted) {
  if (wanted <= at) return true;
  return at == last.end() && last.bytes == last.header.bytes && wanted.raw <= at.raw + segment_header_bytes;
}

struct ByIncarnation {
  std::vector<ArchivedSegment> segments;  // by LSN

  const SegmentFile& front() const { return segments.front().file; }
};

}  // namespace

// Collects the stretches from the last to the first.
class ArchiveReader::Finder {
 public:
  Finder(const std::string& directory, const std::string& database, const Options& options)
      : directory_(directory), database_(database.substr(database.find_last_of('/') + 1)), options_(options) {}

  Status sort(std::vector<ArchivedSegment> found) {
    if (!options_.uuid) {
      for (const ArchivedSegment& segment : found) {
        if (segment.file.state.ok()) options_.uuid = segment.file.header.identity.uuid;
      }
    }
    for (ArchivedSegment& segment : found) {
      if (segment.file.state == Code::unsupported) return segment.file.state;
      if (!segment.file.state.ok()) {
        unreadable_.push_back(std::move(segment.file));
        continue;
      }
      const LogIdentity& identity = segment.file.header.identity;
      if (identity.uuid != *options_.uuid) {
        return Status(Code::corrupt, "archived log segment " + segment.file.path + " belongs to another database, uuid " +
                                         uuid_text(identity.uuid) + ", expected " + uuid_text(*options_.uuid));
      }
      if (options_.last_incarnation && identity.incarnation > *options_.last_incarnation) continue;
      incarnations_[identity.incarnation].segments.push_back(std::move(segment));
    }
    if (incarnations_.empty()) {
      if (!unreadable_.empty()) return unreadable_.front().state;
      return Status(Code::not_found, "no archived log of " + database_ + " is in " + directory_);
    }
    return check_order();
  }

  // Ok when the sequence begins where the log did, or where was asked for.
  Status find() {
    auto at = std::prev(incarnations_.end());
    std::optional<Lsn> until;
    while (true) {
      QUIRE_TRY(collect(at->second, until));
      if (is_enough(first_record(first_file_))) return Status();
      const SegmentFile& front = at->second.front();
      const Lsn end_before = front.header.previous_end;
      const bool begins_incarnation = end_before < front.start();
      if (begins_incarnation && is_enough(end_before)) return Status();
      if (end_before == no_lsn) return Status();  // there was no log before
      const std::string before = "before " + text_of(end_before) + ", which " + front.path + " continues";
      if (!begins_incarnation) {
        return lacks(before + ", expected in " + path_of(front.number - 1) + " or earlier", 0, front.number);
      }
      const auto parent = parent_of(at, end_before);
      if (parent == incarnations_.end()) return lacks(before, 0, front.number);
      until = end_before;
      at = parent;
    }
  }

  std::vector<Stretch> take() {
    std::reverse(stretches_.begin(), stretches_.end());
    return std::move(stretches_);
  }

 private:
  using Incarnations = std::map<std::uint32_t, ByIncarnation>;

  Status check_order() {
    for (auto& [incarnation, all] : incarnations_) {
      std::sort(all.segments.begin(), all.segments.end(), [](const auto& a, const auto& b) { return a.file.start() < b.file.start(); });
      for (std::size_t i = 1; i < all.segments.size(); ++i) {
        const SegmentFile& before = all.segments[i - 1].file;
        const SegmentFile& file = all.segments[i].file;
        if (file.start() < before.end()) {
          return Status(Code::corrupt, "archived log segment " + file.path + " begins at " + text_of(file.start()) + ", within " + before.path);
        }
      }
    }
    // A damaged file behind everything else would be an end that nobody notices.
    const std::vector<ArchivedSegment>& newest = incarnations_.rbegin()->second.segments;
    for (const SegmentFile& file : unreadable_) {
      if (file.number > newest.back().file.number) return file.state;
    }
    return Status();
  }

  // The files of an incarnation below `until`, and where reading begins: behind the last gap, and at `from`.
  Status collect(const ByIncarnation& incarnation, std::optional<Lsn> until) {
    const std::vector<ArchivedSegment>& all = incarnation.segments;
    std::size_t count = all.size();
    while (until && all[count - 1].file.start() >= *until) --count;  // a parent begins below
    const ArchivedSegment& last = all[count - 1];
    if (until && !reaches(last.file, last.file.end(), *until)) {
      return missing(last, *until, count < all.size() ? all[count].file.number : stretches_.back().files.front().number);
    }
    std::size_t first = count - 1;
    Status gap;
    while (first > 0 && !is_enough(first_record(all[first].file)) && gap.ok()) {
      const SegmentFile& file = all[first].file;
      if (all[first - 1].file.end() == file.start()) {
        --first;
      } else {
        gap = missing(all[first - 1], file.start(), file.number);
      }
    }
    first_file_ = all[first].file;
    Stretch stretch{last.file.header.identity, {}, first_record(first_file_), until};
    if (options_.from) stretch.begin = std::max(stretch.begin, *options_.from);
    for (std::size_t i = 0; i < count; ++i) stretch.files.push_back(all[i].file);
    stretches_.push_back(std::move(stretch));
    return gap;
  }

  // Whether a sequence that begins at this place needs nothing before it.
  bool is_enough(Lsn lsn) const { return options_.from && lsn <= *options_.from; }

  // The incarnation that has `end_before`, the end of what `child` continues.
  Incarnations::iterator parent_of(Incarnations::iterator child, Lsn end_before) {
    while (child != incarnations_.begin()) {
      --child;
      if (first_record(child->second.front()) <= end_before) return child;
    }
    return incarnations_.end();
  }

  std::string path_of(std::uint64_t number) const { return segment_path(directory_ + "/" + database_, number); }

  // What should follow `before` up to `to`. Numbers that were given up leave open which file it was.
  Status missing(const ArchivedSegment& before, Lsn to, std::uint64_t next_number) const {
    const std::uint64_t number = before.file.number + (before.partial ? 0 : 1);
    return lacks("from " + text_of(before.file.end()) + " to " + text_of(to) + ", expected in " + path_of(number) +
                     (number + 1 < next_number ? " or later" : ""),
                 before.file.number, next_number);
  }

  // With what is known of unreadable files whose numbers lie there.
  Status lacks(const std::string& what, std::uint64_t after, std::uint64_t until) const {
    std::string text = "the archive lacks the log " + what;
    for (const SegmentFile& file : unreadable_) {
      if (after <= file.number && file.number <= until) text += "; " + std::string(file.state.message());
    }
    return Status(Code::corrupt, text);
  }

  const std::string directory_;
  const std::string database_;
  Options options_;
  Incarnations incarnations_;
  std::vector<SegmentFile> unreadable_;
  std::vector<Stretch> stretches_;  // from the last to the first
  SegmentFile first_file_{};        // where the reading of the one found last begins
};

Result<ArchiveReader> ArchiveReader::open(os::FileSystem& files, const std::string& directory, const std::string& database,
                                          const Options& options) {
  QUIRE_ASSIGN(std::vector<ArchivedSegment> found, list_archive(files, directory, database));
  Finder finder(directory, database, options);
  QUIRE_TRY(finder.sort(std::move(found)));
  ArchiveReader reader(files, options.window_bytes);
  reader.before_ = finder.find();
  reader.stretches_ = finder.take();
  if (options.from) {
    if (!reader.before_.ok()) {
      return Status(Code::corrupt, "the log from " + text_of(*options.from) + " on is needed, but " + std::string(reader.before_.message()));
    }
    if (*options.from > reader.end()) {
      return Status(Code::corrupt, "the log from " + text_of(*options.from) + " on is needed, but the archive in " + directory + " ends at " +
                                       text_of(reader.end()));
    }
  }
  reader.enter(0);
  return reader;
}

void ArchiveReader::enter(std::size_t stretch) {
  current_ = stretch;
  const Stretch& now = stretches_[stretch];
  LogSegments segments;
  segments.usable = now.files;
  reader_ = std::make_unique<LogReader>(*files_, std::move(segments), now.identity, now.begin,
                                        LogReader::Options{.archived = true, .window_bytes = window_bytes_});
}

Result<bool> ArchiveReader::next(Record& record) {
  while (true) {
    const std::optional<Lsn> until = stretches_[current_].until;
    const bool at_end = until && reader_->position() >= *until;
    bool more = false;
    if (!at_end) {
      QUIRE_ASSIGN(more, reader_->next(record));
      if (!more) QUIRE_TRY(check_end());
    }
    if (more && (!until || record.end <= *until)) return true;
    if (more && record.lsn < *until) {
      return Status(Code::corrupt, "the log of incarnation " + std::to_string(identity().incarnation) + " was continued at " +
                                       text_of(*until) + ", within its record at " + text_of(record.lsn));
    }
    if (current_ + 1 == stretches_.size()) return false;
    enter(current_ + 1);
  }
}

// Why there is no record where the reader stopped.
Status ArchiveReader::check_end() const {
  QUIRE_ASSIGN(const LogEnd end, reader_->end());
  const Stretch& now = stretches_[current_];
  const SegmentFile& last = now.files.back();
  if (!end.damaged && reaches(last, end.lsn, now.until.value_or(last.end()))) return Status();
  const bool follows = now.files.size() > 1 && end.lsn == last.start() && last.bytes <= segment_header_bytes;
  if (!end.damaged && follows) return Status();
  return Status(Code::corrupt, "archived log segment " + end.path + " is damaged at offset " + std::to_string(end.offset) + " (" +
                                   text_of(end.lsn) + "): " + end.reason + "; the archive has the log up to " +
                                   text_of(now.until.value_or(last.end())));
}

Result<Record> ArchiveReader::read(Lsn lsn) { return reader_->read(lsn); }

std::vector<SegmentFile> ArchiveReader::segments() const {
  std::vector<SegmentFile> all;
  for (const Stretch& stretch : stretches_) {
    for (const SegmentFile& file : stretch.files) {
      if (file.end() > stretch.begin) all.push_back(file);
    }
  }
  return all;
}

}  // namespace quire::wal
