// KeyReader: a position in an encoded key, with bounds checked and descending columns turned upright.
//
// Owner     one decode_key call; views the key, which must outlive it
// Threads   one
// Errors    corrupt, naming the offset in the key and what was expected there
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.hpp"
#include "quire/key.hpp"
#include "quire/status.hpp"

namespace quire::record {

// Call order: (start_column byte (integer | body)*)*
class KeyReader {
 public:
  explicit KeyReader(std::string_view key) noexcept : key_(key) {}

  bool at_end() const noexcept { return offset_ == key_.size(); }
  std::size_t offset() const noexcept { return offset_; }
  // XOR of a stored byte with flip() is the byte of the ascending encoding.
  std::uint8_t flip() const noexcept { return flip_; }

  void start_column(Order order) noexcept { flip_ = order == Order::descending ? 0xff : 0x00; }

  // The next byte. There must be one.
  std::uint8_t byte() noexcept {
    QUIRE_ASSERT(offset_ < key_.size());
    return static_cast<std::uint8_t>(static_cast<std::uint8_t>(key_[offset_++]) ^ flip_);
  }

  // The next `count` bytes, 1 to 8, as a big-endian integer; `inverted` undoes a negative number's inversion.
  Result<std::uint64_t> integer(std::size_t count, bool inverted) {
    QUIRE_ASSERT(count >= 1 && count <= 8);
    if (key_.size() - offset_ < count) {
      return corrupt_at(offset_, "expected " + std::to_string(count) + " bytes of a number, found " +
                                     std::to_string(key_.size() - offset_));
    }
    const auto mask = static_cast<std::uint8_t>(flip_ ^ (inverted ? 0xff : 0x00));
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < count; ++i) {
      number = number << 8 | static_cast<std::uint8_t>(static_cast<std::uint8_t>(key_[offset_ + i]) ^ mask);
    }
    offset_ += count;
    return number;
  }

  // The stored bytes (still inverted in a descending column) up to the terminator 00, which is passed over.
  Result<std::string_view> body() {
    const std::size_t end = key_.find(static_cast<char>(flip_), offset_);
    if (end == std::string_view::npos) return corrupt_at(key_.size(), "expected the terminator of a text, JSON or blob");
    const std::string_view body = key_.substr(offset_, end - offset_);
    offset_ = end + 1;
    return body;
  }

  Status corrupt_at(std::size_t offset, std::string_view expected) const {
    std::string message = "key of " + std::to_string(key_.size()) + " bytes, offset " + std::to_string(offset) + ": ";
    message += expected;
    return Status(Code::corrupt, std::move(message));
  }

 private:
  std::string_view key_;
  std::size_t offset_ = 0;
  std::uint8_t flip_ = 0;
};

}  // namespace quire::record
