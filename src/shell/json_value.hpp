// Values as JSON and back, exactly.
//
// null, booleans, numbers and UTF-8 text are what JSON calls so; objects and arrays are JSON values. What
// JSON cannot say is an object with one member: {"$blob":"0a0b"} (hexadecimal), {"$text":"..."} for text that is
// not UTF-8 (hexadecimal), {"$json":"..."} for JSON text that reading and writing would change, and
// {"$float":"nan"} ("inf", "-inf").
//
// Threads   functions without state
// Errors    invalid for a "$" object whose content is wrong
#pragma once

#include <string>
#include <string_view>

#include "quire/status.hpp"
#include "quire/value.hpp"
#include "tools/printer.hpp"

namespace quire::shell {

using tools::Document;

Document document_of(const Value& value);
Result<Value> value_of(const Document& document);

// Plain bytes: a string when they are UTF-8, else {"$blob":"..."}.
Document document_of_bytes(std::string_view bytes);

}  // namespace quire::shell
