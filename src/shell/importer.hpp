// Importer: where the rows of a source go in a keyspace.
//
//   make an importer, resolve() in every transaction that add() is used in, add() each row
//
// A keyspace that is not there is made, with the key columns given and the other columns as its value.
// One that is there takes rows with the same columns in any order.
//
// Threads   one thread at a time
// Errors    invalid for columns that do not fit; exists for a key that is there (without replace)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "quire/database.hpp"
#include "shell/row_source.hpp"

namespace quire::shell {

struct ImportTarget {
  std::string keyspace;
  std::vector<std::string> key_columns;   // empty: those of the keyspace, or the first column
  std::optional<std::string> row_number;  // a column that counts the rows, first of all columns
  bool plain = false;                     // a new keyspace holds plain bytes
  bool replace = false;
};

class Importer {
 public:
  Importer(ImportTarget target, Format format) : target_(std::move(target)), format_(format) {}

  // Finds or makes the keyspace and says how columns map to it.
  Status resolve(Transaction& transaction, const std::vector<std::string>& source_columns);

  // `number` counts the rows of the file from 1.
  Status add(Transaction& transaction, std::uint64_t number, const std::vector<Value>& row);

  const Schema& schema() const noexcept { return schema_; }
  // For messages: the key of the last row.
  std::string last_key() const;

 private:
  Status plan_new(const std::vector<std::string>& columns);
  Status plan_existing(const std::vector<std::string>& columns);
  Status map_columns(const std::vector<std::string>& columns);
  Status make_entry(std::uint64_t number, const std::vector<Value>& row);
  Status make_plain_entry(const std::vector<Value>& row);
  Status entry_of_records(const std::vector<Value>& row);

  ImportTarget target_;
  Format format_;
  Schema schema_;
  bool created_ = false;
  std::vector<std::size_t> key_indices_;
  std::vector<std::size_t> value_indices_;
  std::vector<Value> key_values_;
  std::vector<Value> row_values_;
  std::string key_;
  std::string value_;
};

}  // namespace quire::shell
