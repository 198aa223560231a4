// TextInput: bytes of a file or of a text, one after the other, with a buffer and a position.
//
// Threads   one thread at a time
// Errors    failed() tells whether reading stopped before the end
#pragma once

#include <cstddef>
#include <cstdint>
#include <istream>
#include <memory>
#include <string>
#include <string_view>

#include "quire/status.hpp"

namespace quire::shell {

class TextInput {
 public:
  // Reads from a stream, which outlives the input.
  explicit TextInput(std::istream& stream) : stream_(&stream), buffer_(std::make_unique<char[]>(buffer_bytes)) {}
  // Reads a text, which outlives the input.
  explicit TextInput(std::string_view text) : at_(text.data()), end_(text.data() + text.size()), passed_(text.size()) {}

  static constexpr int end_of_input = -1;

  int get() { return at_ == end_ && !refill() ? end_of_input : static_cast<unsigned char>(*at_++); }
  int peek() { return at_ == end_ && !refill() ? end_of_input : static_cast<unsigned char>(*at_); }

  // What is in the buffer now, at least one byte unless the input has ended; skip() moves past some of it.
  std::string_view available() { return at_ == end_ && !refill() ? std::string_view() : std::string_view(at_, left()); }
  void skip(std::size_t bytes) { at_ += bytes; }

  // The next line without its LF or CRLF. False at the end.
  bool read_line(std::string& line);

  // Removes the byte order mark that some programs put before UTF-8.
  void skip_byte_order_mark();

  // Bytes handed out so far.
  std::uint64_t position() const noexcept { return passed_ - left(); }
  bool failed() const { return stream_ != nullptr && stream_->bad(); }

 private:
  static constexpr std::size_t buffer_bytes = std::size_t{256} << 10;

  std::size_t left() const noexcept { return static_cast<std::size_t>(end_ - at_); }
  bool refill();

  std::istream* stream_ = nullptr;
  std::unique_ptr<char[]> buffer_;
  const char* at_ = nullptr;
  const char* end_ = nullptr;
  std::uint64_t passed_ = 0;  // bytes up to end_
};

}  // namespace quire::shell
