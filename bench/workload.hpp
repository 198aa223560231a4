// The data of the benchmark: keys, values, their random order, and how answers are checked.
//
// Row i has the key of 16 hex digits of 2 * i; the odd numbers between are keys that are missing. A value has
// 100 bytes: 8 that tell the row and its version, then text of which a compressor saves about half. Or 8 that count, so
// that the sum of a scan adds the counters up, and then 8 that tell the key. All engines get the same keys, values and
// order.
//
// Threads   a Workload does not change after it was made; any number of threads may read it
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace quire::bench {

inline constexpr std::size_t key_bytes = 16;
inline constexpr std::size_t value_bytes = 100;

// Whatever makes a measurement worthless: an engine's error or a wrong answer.
struct BenchError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline std::uint64_t load_word(const char* bytes) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

// The last 8 bytes of a key as a number that orders as the key does.
inline std::uint64_t key_tail(const char* key) noexcept {
  const std::uint64_t word = load_word(key + key_bytes - sizeof word);
  return std::endian::native == std::endian::little ? __builtin_bswap64(word) : word;
}

class Key {
 public:
  // Row i of those that exist.
  static Key present(std::uint64_t row) noexcept { return Key(2 * row); }
  // A key that lies right after row i and does not exist.
  static Key missing(std::uint64_t row) noexcept { return Key(2 * row + 1); }
  std::string_view view() const noexcept { return {text_, key_bytes}; }
  operator std::string_view() const noexcept { return view(); }  // NOLINT: conversion is the point

 private:
  explicit Key(std::uint64_t number) noexcept;
  char text_[key_bytes];
};

// Which of the two values of a row: the one it is filled with, or the one a later put gives it.
enum class Version : std::uint8_t { first = 0, second = 1 };

// Whether a workload keeps tables of its random order and of sums, 12 bytes a row. Without them it can make and
// check values, which is all that a process with little memory needs.
enum class Tables : std::uint8_t { all, none };

class Workload {
 public:
  explicit Workload(std::uint64_t rows, Tables tables = Tables::all);

  std::uint64_t rows() const noexcept { return rows_; }
  // All rows in a random order. Needs tables.
  const std::vector<std::uint32_t>& order() const noexcept { return order_; }

  // Writes the value into `value`, whose memory is reused.
  void make_value(std::uint64_t row, Version version, std::string& value) const;
  // Throws unless `value` is that of the row.
  void check_value(std::uint64_t row, Version version, std::string_view value) const;

  // The same with a counter.
  void make_counted(const Key& key, std::uint64_t counter, std::string& value) const;
  // The counter; throws unless `value` is one of the key.
  std::uint64_t counter_of(const Key& key, std::string_view value) const;

  // What ScanCheck::sum is after a scan of the rows [from, to) with their first values. Needs tables.
  std::uint64_t sum_of(std::uint64_t from, std::uint64_t to) const noexcept { return sums_[to] - sums_[from]; }

 private:
  static std::uint64_t head_of(std::uint64_t row, Version version) noexcept;
  // The value but for its first 8 bytes.
  void fill_up(std::uint64_t head, std::string& value) const;
  std::uint64_t rows_;
  std::vector<std::uint32_t> order_;
  std::vector<std::uint64_t> sums_;  // of all rows before
  std::string filler_;
};

enum class Direction : std::uint8_t { forward, reverse };

// Touches the key and the value of every entry that a scan meets, and remembers enough to tell a right scan
// from a wrong one: count, sum and order. Inline, because it runs inside every engine's loop.
class ScanCheck {
 public:
  explicit ScanCheck(Direction direction = Direction::forward) noexcept
      : flip_(direction == Direction::forward ? 0 : ~std::uint64_t{0}) {}

  void add(std::string_view key, std::string_view value) noexcept {
    if (key.size() != key_bytes || value.size() != value_bytes) {
      right_ = false;
      return;
    }
    const std::uint64_t tail = key_tail(key.data());
    right_ = right_ && (tail ^ flip_) > previous_;
    previous_ = tail ^ flip_;
    sum_ += tail + load_word(value.data());
    ++count_;
  }

  std::uint64_t count() const noexcept { return count_; }
  std::uint64_t sum() const noexcept { return sum_; }
  // False when an entry had a wrong size or did not come after the one before.
  bool right() const noexcept { return right_; }

 private:
  std::uint64_t flip_;
  std::uint64_t previous_ = 0;
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
  bool right_ = true;
};

}  // namespace quire::bench
