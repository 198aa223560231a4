// Importer: see importer.hpp.
//
// The keyspace is looked up again in every transaction, because between two batches somebody may have
// dropped it. Keys and values are built in buffers that the next row reuses.
#include "shell/importer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "base/try.hpp"
#include "quire/key.hpp"
#include "shell/column_list.hpp"
#include "shell/entry_text.hpp"
#include "shell/entry_words.hpp"
#include "shell/field.hpp"
#include "tools/escape.hpp"
#include "tools/suggest.hpp"

namespace quire::shell {

namespace {

using Names = std::vector<std::string>;

bool contains(const Names& names, const std::string& name) { return std::find(names.begin(), names.end(), name) != names.end(); }

Names without(const Names& names, const Names& others) {
  Names rest;
  for (const std::string& name : names) {
    if (!contains(others, name)) rest.push_back(name);
  }
  return rest;
}

// The bytes of a plain keyspace that a value stands for.
std::string plain_bytes(const Value& value) { return value.type() == Type::blob ? value.blob() : bare_text(value); }

Result<std::vector<Value>> values_of_record(const std::string& text) {
  QUIRE_ASSIGN(const std::vector<Field> fields, parse_record(text));
  std::vector<Value> values;
  for (const Field& field : fields) values.push_back(value_of(field));
  return values;
}

std::string shown(const Names& names) { return tools::escape(join_names(names)); }

}  // namespace

Status Importer::resolve(Transaction& transaction, const Names& source_columns) {
  Names columns = source_columns;
  if (target_.row_number) {
    if (target_.plain || format_ == Format::tsv) return Status(Code::invalid, "rows of plain keys and values cannot be numbered");
    if (contains(columns, *target_.row_number)) {
      return Status(Code::invalid, fmt::format("the file has a column '{}' already; name the row number otherwise", *target_.row_number));
    }
    columns.insert(columns.begin(), *target_.row_number);
  }
  Result<Schema> schema = transaction.schema(target_.keyspace);
  if (!schema.ok() && schema.code() != Code::not_found) return schema.status();
  if (schema.ok()) {
    schema_ = std::move(schema).value();
    if (!created_) QUIRE_TRY(plan_existing(columns));
  } else {
    QUIRE_TRY(plan_new(columns));
    QUIRE_TRY(transaction.create_keyspace(target_.keyspace, schema_));
    created_ = true;
  }
  return map_columns(columns);
}

Status Importer::plan_new(const Names& columns) {
  schema_ = {};
  if (target_.plain || format_ == Format::tsv) {
    if (columns.size() == 2) return {};
    return Status(Code::invalid, fmt::format("a plain keyspace has key and value; the file has {} columns ({})", columns.size(), shown(columns)));
  }
  schema_.key_columns = target_.key_columns;
  if (schema_.key_columns.empty()) schema_.key_columns = {columns[0]};
  for (const std::string& name : schema_.key_columns) {
    if (contains(columns, name)) continue;
    return Status(Code::invalid, fmt::format("the file has no column '{}'{} (columns: {})", tools::escape(name),
                                             tools::suggestion(name, columns), shown(columns)));
  }
  QUIRE_TRY(check_names(schema_.key_columns));
  schema_.value_columns = without(columns, schema_.key_columns);
  return {};
}

Status Importer::plan_existing(const Names& columns) {
  const std::string name = tools::escape(target_.keyspace);
  if (!target_.key_columns.empty() && target_.key_columns != schema_.key_columns && !schema_.plain()) {
    return Status(Code::invalid, fmt::format("keyspace {} is there already, and its key is {}, not {}", name,
                                             shown(schema_.key_columns), shown(target_.key_columns)));
  }
  if (format_ == Format::tsv) return {};
  if (schema_.plain()) {
    if (columns.size() == 2 && !target_.row_number) return {};
    return Status(Code::invalid, fmt::format("keyspace {} is there already and has plain keys and values; the file has {} columns ({})",
                                             name, columns.size(), shown(columns)));
  }
  const Names all = column_names(schema_);
  const Names missing = without(all, columns);
  const Names unknown = without(columns, all);
  if (missing.empty() && unknown.empty()) return {};
  std::string difference;
  if (!missing.empty()) difference = fmt::format("the file lacks {}", shown(missing));
  if (!unknown.empty()) difference += fmt::format("{}the keyspace lacks {}", missing.empty() ? "" : ", ", shown(unknown));
  return Status(Code::invalid, fmt::format("keyspace {} is there already with other columns: {}", name, difference));
}

Status Importer::map_columns(const Names& columns) {
  key_indices_.clear();
  value_indices_.clear();
  const auto index_of = [&](const std::string& name) {
    return static_cast<std::size_t>(std::find(columns.begin(), columns.end(), name) - columns.begin());
  };
  if (schema_.plain() || format_ == Format::tsv) {
    std::size_t key = 0;
    if (target_.key_columns.size() == 1) key = index_of(target_.key_columns[0]);
    else if (contains(columns, "key")) key = index_of("key");
    if (key >= columns.size()) return Status(Code::invalid, fmt::format("the file has no column '{}'", tools::escape(target_.key_columns[0])));
    key_indices_ = {key};
    value_indices_ = {1 - key};
    return {};
  }
  for (const std::string& name : schema_.key_columns) key_indices_.push_back(index_of(name));
  for (const std::string& name : schema_.value_columns) value_indices_.push_back(index_of(name));
  return {};
}

Status Importer::add(Transaction& transaction, std::uint64_t number, const std::vector<Value>& row) {
  QUIRE_TRY(make_entry(number, row));
  if (target_.replace) return transaction.put(target_.keyspace, key_, value_);
  return transaction.insert(target_.keyspace, key_, value_);
}

Status Importer::make_entry(std::uint64_t number, const std::vector<Value>& row) {
  if (schema_.plain()) return make_plain_entry(row);
  if (format_ == Format::tsv) return entry_of_records(row);
  const std::size_t shift = target_.row_number ? 1 : 0;
  const auto pick = [&](std::vector<Value>& values, const std::vector<std::size_t>& indices) {
    values.resize(indices.size());
    for (std::size_t i = 0; i < indices.size(); ++i) {
      values[i] = indices[i] < shift ? Value(number) : row[indices[i] - shift];
    }
  };
  pick(key_values_, key_indices_);
  pick(row_values_, value_indices_);
  key_ = encode_key(key_values_);
  value_ = encode_row(row_values_);
  return {};
}

Status Importer::make_plain_entry(const std::vector<Value>& row) {
  key_ = plain_bytes(row[key_indices_[0]]);
  value_ = plain_bytes(row[value_indices_[0]]);
  return {};
}

Status Importer::entry_of_records(const std::vector<Value>& row) {
  QUIRE_ASSIGN(const std::vector<Value> key, values_of_record(row[0].text()));
  if (key.size() != schema_.key_columns.size()) {
    return Status(Code::invalid, fmt::format("the key has {} values, the keyspace's key has {} columns ({})", key.size(),
                                             schema_.key_columns.size(), shown(schema_.key_columns)));
  }
  std::vector<Value> values;
  if (!schema_.value_columns.empty() || !row[1].text().empty()) {
    QUIRE_ASSIGN(values, values_of_record(row[1].text()));
  }
  if (values.size() != schema_.value_columns.size()) {
    return Status(Code::invalid, fmt::format("the value has {} values, the keyspace's value has {} columns ({})", values.size(),
                                             schema_.value_columns.size(), shown(schema_.value_columns)));
  }
  key_ = encode_key(key);
  value_ = encode_row(values);
  return {};
}

std::string Importer::last_key() const { return key_name(schema_, key_); }

}  // namespace quire::shell
