// Field tables: a disk layout written down once.
//
// A layout is a constexpr array of Field. The code reads and writes through FieldAt, which takes its offset
// from the table; dumps, docs/format and fuzz seeds walk the same table. A missing or overlapping byte is a
// compile error (packed).
//
// Errors    a wrong name or size is a compile error
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/bytes.hpp"

namespace quire::page {

struct Field {
  std::string_view name;
  std::uint32_t offset;
  std::uint32_t bytes;
};

// True when the fields cover [from, to) in order, without a gap or an overlap.
constexpr bool packed(std::span<const Field> fields, std::uint32_t from, std::uint32_t to) {
  std::uint32_t at = from;
  for (const Field& field : fields) {
    if (field.offset != at || field.bytes == 0) return false;
    at += field.bytes;
  }
  return at == to;
}

// Never defined: calling one in a constant expression stops the compiler at the mistake.
void no_such_field();
void field_has_another_size();

// The field of that name; naming one that is not there does not compile.
consteval Field field(std::span<const Field> fields, std::string_view name) {
  for (const Field& field : fields) {
    if (field.name == name) return field;
  }
  no_such_field();
  return {};
}

// Typed access to one integer field of a layout.
template <class T>
struct FieldAt {
  std::uint32_t offset;

  consteval explicit FieldAt(Field f) : offset(f.offset) {
    if (f.bytes != sizeof(T)) field_has_another_size();
  }
  T get(const std::byte* base) const noexcept { return load_le<T>(base + offset); }
  void set(std::byte* base, T value) const noexcept { store_le<T>(base + offset, value); }
};

// A layout with its name, for dumps and documents.
struct Layout {
  std::string_view name;
  std::uint32_t bytes;
  std::span<const Field> fields;
};

}  // namespace quire::page
