// Text, JSON and blobs in keys.
//
// The terminator is the smallest byte and never occurs before the end, so a text sorts before its own
// extensions and no encoding is the beginning of another: the next column cannot change the order of this
// one. The escape keeps order because its first byte, 01, is below every byte that stays, and its second
// byte tells 00 from 01.
//
// Text without 00 and 01 bytes, which is nearly all text, costs one search for such a byte and one copy.
#include "record/key_text.hpp"

#include <cstdint>
#include <cstring>

#include "base/try.hpp"
#include "record/compare.hpp"

namespace quire::record {

namespace {

constexpr char escape = '\x01';
constexpr char escaped_zero = '\x01';
constexpr char escaped_one = '\x02';

bool needs_escape(char byte) { return static_cast<unsigned char>(byte) <= 1; }

// Offset of the first byte that needs an escape at or after `from`, or the size.
std::size_t find_escape(std::string_view bytes, std::size_t from) {
  constexpr std::uint64_t low_bits = 0x0101010101010101;
  constexpr std::uint64_t high_bits = 0x8080808080808080;
  for (; bytes.size() - from >= 8; from += 8) {
    std::uint64_t eight;
    std::memcpy(&eight, bytes.data() + from, sizeof eight);
    eight &= ~low_bits;  // 00 and 01 become 00, and a word has a zero byte exactly if the next line is not 0
    if (((eight - low_bits) & ~eight & high_bits) != 0) break;
  }
  while (from < bytes.size() && !needs_escape(bytes[from])) ++from;
  return from;
}

void append_folded(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (needs_escape(c)) {
      append_escaped(out, {&c, 1});
    } else {
      out.push_back(fold_case(c));
    }
  }
}

// Undoes the escapes in place. Returns the offset of the first byte that no escape produces, or npos.
std::size_t unescape(std::string& text) {
  const std::size_t first = text.find(escape);
  if (first == std::string::npos) return first;
  std::size_t kept = first;
  for (std::size_t from = first; from < text.size(); ++from) {
    char c = text[from];
    if (c == escape) {
      ++from;
      if (from == text.size() || (text[from] != escaped_zero && text[from] != escaped_one)) return from;
      c = static_cast<char>(text[from] - escaped_zero);
    }
    text[kept++] = c;
  }
  text.resize(kept);
  return std::string::npos;
}

// Whether `collation` writes `text` as it is.
bool is_collated(std::string_view text, Collation collation) {
  if (collation == Collation::rtrim) return text.empty() || text.back() != ' ';
  if (collation == Collation::binary) return true;
  for (const char c : text) {
    if (fold_case(c) != c) return false;
  }
  return true;
}

}  // namespace

void append_escaped(std::string& out, std::string_view bytes) {
  std::size_t copied = 0;
  for (;;) {
    const std::size_t stop = find_escape(bytes, copied);
    out.append(bytes.data() + copied, stop - copied);
    if (stop == bytes.size()) return;
    out.push_back(escape);
    out.push_back(bytes[stop] == 0 ? escaped_zero : escaped_one);
    copied = stop + 1;
  }
}

void append_collated(std::string& out, std::string_view text, Collation collation) {
  switch (collation) {
    case Collation::binary: return append_escaped(out, text);
    case Collation::nocase: return append_folded(out, text);
    case Collation::rtrim: return append_escaped(out, trim_spaces(text));
  }
}

Result<std::string> read_escaped(KeyReader& reader, Collation collation) {
  const std::size_t start = reader.offset();
  QUIRE_ASSIGN(const std::string_view body, reader.body());
  std::string text(body);
  if (reader.flip() != 0) {
    for (char& c : text) c = static_cast<char>(static_cast<unsigned char>(c) ^ reader.flip());
  }
  if (const std::size_t wrong = unescape(text); wrong != std::string::npos) {
    return reader.corrupt_at(start + wrong, "expected 01 or 02 after the escape byte 01");
  }
  if (!is_collated(text, collation)) {
    return reader.corrupt_at(start, collation == Collation::nocase ? "expected text without A-Z under nocase"
                                                                   : "expected text without trailing spaces under rtrim");
  }
  return text;
}

}  // namespace quire::record
