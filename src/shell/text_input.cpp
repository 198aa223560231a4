// TextInput: see text_input.hpp.
#include "shell/text_input.hpp"

#include <algorithm>
#include <cstring>

namespace quire::shell {

bool TextInput::refill() {
  if (stream_ == nullptr) return false;
  stream_->read(buffer_.get(), static_cast<std::streamsize>(buffer_bytes));
  const auto count = static_cast<std::size_t>(stream_->gcount());
  at_ = buffer_.get();
  end_ = at_ + count;
  passed_ += count;
  return count > 0;
}

bool TextInput::read_line(std::string& line) {
  line.clear();
  bool any = false;
  for (std::string_view part = available(); !part.empty(); part = available()) {
    any = true;
    const std::size_t end = part.find('\n');
    line.append(part.substr(0, end));
    skip(std::min(end, part.size() - 1) + 1);
    if (end != std::string_view::npos) break;
  }
  if (line.ends_with('\r')) line.pop_back();
  return any;
}

void TextInput::skip_byte_order_mark() {
  if (available().starts_with("\xef\xbb\xbf")) skip(3);
}

}  // namespace quire::shell
