// Rows: values kept exactly and small, every column reachable without decoding the others (RE-61 to RE-64).
//
// Layout   varint bytes of the header, this varint included | a varint serial type per column | the contents
//
//          serial type  column                 content bytes
//          0            NULL                   0
//          1..6         int64                  1, 2, 3, 4, 6, 8, big-endian two's complement
//          7            float64                8, the bits big-endian
//          8  9         int64 0, int64 1       0
//          10 11        false, true            0
//          12 + 4 n     blob of n bytes        n
//          13 + 2 n     text of n bytes        n
//          14 + 4 n     JSON of n bytes        n
//
// Errors   corrupt when bytes are not a row that encode_row writes, naming the offset
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "quire/key.hpp"

namespace quire::record {

// The columns of an encoded row. Views the bytes, which must outlive it; copies are cheap.
// Threads: one object from one thread at a time.
class RowView {
 public:
  // Checks the header and that the contents fill the rest of `row`. The contents are looked at by column().
  static Result<RowView> open(std::string_view row);

  std::size_t count() const noexcept { return count_; }

  // The three below take a column below count(). Reaching column i costs a step per column before it.
  Type type(std::size_t column) const;
  Result<Value> column(std::size_t column) const;
  // The content of a text, JSON or blob column, where it lies; invalid for another type.
  Result<std::string_view> text_view(std::size_t column) const;

 private:
  friend class RowReader;
  RowView(std::string_view row, std::size_t header_bytes, std::size_t count)
      : row_(row), header_bytes_(header_bytes), count_(count) {}

  std::string_view row_;
  std::size_t header_bytes_;
  std::size_t count_;
};

}  // namespace quire::record
