// Fuzzes record/: any bytes as a key and as a row.
//
// The first byte chooses the order and collation of three columns, the second where the rest is cut in two
// keys. What decodes must encode to the same bytes, two keys must order as their values do, and whatever
// comes out of a row must survive as a key. Everything else has to be refused as corrupt (or limit).
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "base/assert.hpp"
#include "quire/key.hpp"
#include "record/compare.hpp"
#include "record/row_codec.hpp"

namespace {

using quire::Code;
using quire::KeyColumn;
using quire::Value;
using Columns = std::vector<KeyColumn>;

KeyColumn column_of(unsigned choice) {
  return {static_cast<quire::Order>(choice % 2), static_cast<quire::Collation>(choice / 2 % 3)};
}

// The order of two tuples by their values; a tuple sorts before its own extensions.
int compare_tuples(const std::vector<Value>& left, const std::vector<Value>& right, const Columns& columns) {
  for (std::size_t i = 0; i < std::min(left.size(), right.size()); ++i) {
    const KeyColumn column = i < columns.size() ? columns[i] : KeyColumn{};
    const auto order = quire::record::compare_values(left[i], right[i], column.collation);
    if (order != 0) return (order < 0) == (column.order == quire::Order::ascending) ? -1 : 1;
  }
  return left.size() == right.size() ? 0 : left.size() < right.size() ? -1 : 1;
}

quire::Result<std::vector<Value>> check_key(std::string_view key, const Columns& columns) {
  auto values = quire::decode_key(key, columns);
  if (values.ok()) {
    QUIRE_ASSERT(quire::encode_key(*values, columns) == key);
  } else {
    QUIRE_ASSERT(values == Code::corrupt || values == Code::limit);
  }
  return values;
}

void check_order(std::string_view left, std::string_view right, const Columns& columns) {
  const auto left_values = check_key(left, columns);
  const auto right_values = check_key(right, columns);
  if (!left_values.ok() || !right_values.ok()) return;
  const int order = left.compare(right);
  QUIRE_ASSERT((order > 0) - (order < 0) == compare_tuples(*left_values, *right_values, columns));
}

void check_row(std::string_view row, const Columns& columns) {
  const auto values = quire::decode_row(row);
  const auto view = quire::record::RowView::open(row);
  if (!values.ok()) {
    QUIRE_ASSERT(values == Code::corrupt);
    for (std::size_t i = 0; view.ok() && i < view->count(); ++i) (void)view->column(i);
    return;
  }
  QUIRE_ASSERT(quire::encode_row(*values) == row);
  QUIRE_ASSERT(view.ok() && view->count() == values->size());
  for (std::size_t i = 0; i < view->count() && i < 100; ++i) {
    QUIRE_ASSERT(view->type(i) == (*values)[i].type());
    QUIRE_ASSERT(view->column(i).ok());
  }
  if (values->size() > 64) return;
  const auto back = check_key(quire::encode_key(*values, columns), columns);
  QUIRE_ASSERT(back.ok());
  QUIRE_ASSERT(compare_tuples(*back, *values, columns) == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  if (bytes < 2) return 0;
  const unsigned choice = data[0];
  const Columns columns = {column_of(choice), column_of(choice / 6), column_of(choice / 36)};
  const std::string_view input(reinterpret_cast<const char*>(data) + 2, bytes - 2);
  const std::size_t cut = std::min<std::size_t>(data[1], input.size());
  check_order(input.substr(0, cut), input.substr(cut), columns);
  check_row(input, columns);
  return 0;
}
