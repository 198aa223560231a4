// Value: one typed value of a composite key or of a row.
//
// The types order as NULL < bool < number < text < JSON < blob; int64 and float64 are both numbers and
// compare by their mathematical value (1 equals 1.0).
//
// Threads   values; use one object from one thread at a time
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace quire {

enum class Type : std::uint8_t { null = 0, boolean = 1, int64 = 2, float64 = 3, text = 4, json = 5, blob = 6 };

// The type's name: "null", "boolean", "int64", "float64", "text", "json", "blob".
std::string_view type_name(Type type) noexcept;

// JSON text. Kept as it was given; nothing checks that it is well-formed.
struct Json {
  std::string text;
  friend bool operator==(const Json&, const Json&) = default;
};

// Bytes of no particular meaning.
struct Blob {
  std::string bytes;
  friend bool operator==(const Blob&, const Blob&) = default;
};

// Owns its content. Equality is exact: same type and same content (1 != 1.0; for key order use encode_key).
class Value {
 public:
  Value() noexcept = default;
  Value(std::nullptr_t) noexcept {}                              // NOLINT: conversions are the point
  Value(bool v) noexcept : content_(v) {}                        // NOLINT
  template <class T, std::enable_if_t<std::is_integral_v<T> && !std::is_same_v<T, bool>, int> = 0>
  Value(T v) noexcept : content_(static_cast<std::int64_t>(v)) {}  // NOLINT
  Value(double v) noexcept : content_(v) {}                      // NOLINT: NaN is kept here; in keys it is NULL
  Value(std::string v) : content_(std::move(v)) {}               // NOLINT: UTF-8 text, not checked
  Value(std::string_view v) : content_(std::string(v)) {}        // NOLINT
  Value(const char* v) : content_(std::string(v)) {}             // NOLINT
  Value(Json v) : content_(std::move(v)) {}                      // NOLINT
  Value(Blob v) : content_(std::move(v)) {}                      // NOLINT

  Type type() const noexcept { return static_cast<Type>(content_.index()); }
  bool is_null() const noexcept { return type() == Type::null; }

  // Each accessor may only be used when type() says so; otherwise the program is stopped.
  bool boolean() const { return std::get<bool>(content_); }
  std::int64_t int64() const { return std::get<std::int64_t>(content_); }
  double float64() const { return std::get<double>(content_); }
  const std::string& text() const { return std::get<std::string>(content_); }
  const std::string& json() const { return std::get<Json>(content_).text; }
  const std::string& blob() const { return std::get<Blob>(content_).bytes; }

  // For people: null, true, 42, 1.5 (shortest form that reads back as the same float64; always with a point
  // or an exponent), text as it is, JSON as it is, blob as x'0a0b'.
  std::string to_string() const;

  friend bool operator==(const Value&, const Value&) = default;

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Json, Blob> content_;
};

}  // namespace quire
