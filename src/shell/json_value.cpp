// Values as JSON: see json_value.hpp.
//
// Stored JSON text is embedded only when reading it back gives the same bytes; blanks, repeated members or
// a member that looks like one of our own objects send it the long way as {"$json":"..."}.
#include "shell/json_value.hpp"

#include <cmath>
#include <limits>

#include "base/try.hpp"
#include "tools/escape.hpp"

namespace quire::shell {

namespace {

Document tagged(const char* tag, std::string text) { return Document{{tag, std::move(text)}}; }

Document document_of_float(double number) {
  if (std::isnan(number)) return tagged("$float", "nan");
  if (std::isinf(number)) return tagged("$float", number > 0 ? "inf" : "-inf");
  return number;
}

Document document_of_json(const std::string& text) {
  Document document = Document::parse(text, nullptr, false);
  if (document.is_structured()) {
    const Result<Value> back = value_of(document);
    if (back.ok() && *back == Value(Json{text})) return document;
  }
  if (tools::is_utf8(text)) return tagged("$json", text);
  return tagged("$blob", tools::to_hex(text));
}

Result<Value> value_of_tagged(const std::string& tag, const std::string& text) {
  if (tag == "$json") return Value(Json{text});
  if (tag == "$blob") {
    QUIRE_ASSIGN(std::string bytes, tools::from_hex(text));
    return Value(Blob{std::move(bytes)});
  }
  if (tag == "$text") {
    QUIRE_ASSIGN(std::string bytes, tools::from_hex(text));
    return Value(std::move(bytes));
  }
  if (text == "nan") return Value(std::numeric_limits<double>::quiet_NaN());
  if (text == "inf") return Value(std::numeric_limits<double>::infinity());
  if (text == "-inf") return Value(-std::numeric_limits<double>::infinity());
  return Status(Code::invalid, "$float is nan, inf or -inf");
}

bool is_tag(const std::string& name) { return name == "$json" || name == "$blob" || name == "$text" || name == "$float"; }

}  // namespace

Document document_of(const Value& value) {
  switch (value.type()) {
    case Type::null: return nullptr;
    case Type::boolean: return value.boolean();
    case Type::int64: return value.int64();
    case Type::float64: return document_of_float(value.float64());
    case Type::text: return tools::is_utf8(value.text()) ? Document(value.text()) : tagged("$text", tools::to_hex(value.text()));
    case Type::json: return document_of_json(value.json());
    case Type::blob: return tagged("$blob", tools::to_hex(value.blob()));
  }
  return nullptr;
}

Result<Value> value_of(const Document& document) {
  switch (document.type()) {
    case Document::value_t::null: return Value();
    case Document::value_t::boolean: return Value(document.get<bool>());
    case Document::value_t::number_integer: return Value(document.get<std::int64_t>());
    case Document::value_t::number_unsigned: {
      const auto number = document.get<std::uint64_t>();
      if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return Value(std::to_string(number));
      return Value(static_cast<std::int64_t>(number));
    }
    case Document::value_t::number_float: return Value(document.get<double>());
    case Document::value_t::string: return Value(document.get_ref<const std::string&>());
    default: break;
  }
  if (document.is_object() && document.size() == 1) {
    const auto member = document.begin();
    if (is_tag(member.key()) && member->is_string()) return value_of_tagged(member.key(), member->get_ref<const std::string&>());
  }
  return Value(Json{document.dump()});
}

Document document_of_bytes(std::string_view bytes) {
  if (tools::is_utf8(bytes)) return std::string(bytes);
  return tagged("$blob", tools::to_hex(bytes));
}

}  // namespace quire::shell
