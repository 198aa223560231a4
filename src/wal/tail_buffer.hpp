// The end of the log in memory: encoded records that are not yet written.
//
// A writer has two: one takes records while the other travels to the disk. Consecutive bytes of one segment form a piece,
// which is one write; there is more than one piece only where the log changes segments.
//
// Invariants   memory is taken once; it holds `bytes_max` and a block beyond it
// Threads      one at a time
#pragma once

#include <memory>
#include <vector>

#include "base/assert.hpp"
#include "base/bytes.hpp"
#include "wal/log_trace.hpp"
#include "wal/segment_files.hpp"

namespace quire::wal {

class TailBuffer {
 public:
  explicit TailBuffer(std::size_t bytes_max)
      : bytes_max_(bytes_max), data_(new std::byte[bytes_max + segment_block_bytes]) {}

  std::size_t used() const noexcept { return used_; }
  bool empty() const noexcept { return used_ == 0; }

  // Room for the next `bytes` of the log, which belong at `lsn` of `segment`.
  MutableBytes extend(OpenSegment& segment, Lsn lsn, std::size_t bytes) {
    QUIRE_ASSERT(bytes_max_ - used_ >= bytes);
    const std::uint64_t offset = lsn.raw - segment.start.raw;
    if (pieces_.empty() || pieces_.back().segment != &segment) pieces_.push_back({&segment, offset, used_, 0});
    Piece& piece = pieces_.back();
    QUIRE_ASSERT(piece.offset + piece.bytes == offset);
    piece.bytes += bytes;
    const MutableBytes room(data_.get() + used_, bytes);
    used_ += bytes;
    return room;
  }

  // Writes everything to its files, or stores it where nobody is about to sync them. A last block that nothing was written to
  // yet is filled up with zeros: writing a part of a block that is not in the system's cache would read it first.
  enum class Way { write, store };
  Status write_out(Way way) {
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
      const Piece& piece = pieces_[i];
      std::size_t bytes = piece.bytes;
      const bool begins_block = piece.offset % segment_block_bytes == 0 ||
                                piece.offset / segment_block_bytes != (piece.offset + bytes - 1) / segment_block_bytes;
      if (i + 1 == pieces_.size() && begins_block) {
        const std::size_t over = (piece.offset + bytes) % segment_block_bytes;
        const std::size_t fill = over == 0 ? 0 : segment_block_bytes - over;
        std::memset(data_.get() + used_, 0, fill);
        bytes += fill;
      }
      os::File& file = *piece.segment->file;
      const Bytes from(data_.get() + piece.from, bytes);
      const bool store = way == Way::store && !begins_block;
      Status written = store ? file.store_at(piece.offset, from) : file.write_at(piece.offset, from);
      if (!written.ok()) return written;
      tell_log("write", piece.segment->path, piece.offset, bytes, "append");
    }
    return Status();
  }

  // Adds the segments it has pieces of to those that must be synced.
  void note_segments(std::vector<OpenSegment*>& unsynced) const {
    for (const Piece& piece : pieces_) {
      if (unsynced.empty() || unsynced.back() != piece.segment) unsynced.push_back(piece.segment);
    }
  }

  void clear() noexcept {
    used_ = 0;
    pieces_.clear();
  }

 private:
  struct Piece {
    OpenSegment* segment;
    std::uint64_t offset;  // in its file
    std::size_t from;      // in this buffer
    std::size_t bytes;
  };

  const std::size_t bytes_max_;
  const std::unique_ptr<std::byte[]> data_;
  std::size_t used_ = 0;
  std::vector<Piece> pieces_;
};

}  // namespace quire::wal
