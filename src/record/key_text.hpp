// Text, JSON and blobs in keys: bytes with an order-preserving escape and a terminator (rule RE-56).
//
// Layout   00 -> 01 01, 01 -> 01 02, every other byte itself; then the terminator 00
// Errors   reading gives corrupt for everything that writing does not produce
#pragma once

#include <string>
#include <string_view>

#include "quire/key.hpp"
#include "quire/status.hpp"
#include "record/key_reader.hpp"

namespace quire::record {

inline constexpr char terminator = '\x00';

// `bytes` escaped, without terminator.
void append_escaped(std::string& out, std::string_view bytes);

// `text` as it compares under `collation`, escaped, without terminator.
void append_collated(std::string& out, std::string_view text, Collation collation);

// Bytes up to the next terminator, unescaped. Text that `collation` would have written otherwise is corrupt.
Result<std::string> read_escaped(KeyReader& reader, Collation collation);

}  // namespace quire::record
