// What LevelDB and RocksDB have in common: one grew out of the other, and their slices, states and iterators have the
// same members.
#pragma once

#include <memory>
#include <string_view>

#include "bench/engine.hpp"

namespace quire::bench::sorted_table {

template <class Slice>
std::string_view view_of(const Slice& slice) {
  return {slice.data(), slice.size()};
}

template <class Iterator>
void check_entry(const Iterator& at, ScanCheck& check) {
  const auto key = at.key();
  const auto value = at.value();
  check.add(view_of(key), view_of(value));
}

template <class Iterator>
void scan(Iterator& at, Direction direction, ScanCheck& check) {
  if (direction == Direction::forward) {
    for (at.SeekToFirst(); at.Valid(); at.Next()) check_entry(at, check);
  } else {
    for (at.SeekToLast(); at.Valid(); at.Prev()) check_entry(at, check);
  }
}

template <class Slice, class Iterator>
void scan_from(Iterator& at, std::string_view key, std::uint64_t count, ScanCheck& check) {
  std::uint64_t seen = 0;
  for (at.Seek(Slice(key.data(), key.size())); at.Valid() && seen < count; at.Next(), ++seen) check_entry(at, check);
}

}  // namespace quire::bench::sorted_table
