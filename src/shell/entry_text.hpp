// Entries of a keyspace as text: what scan, get and export show.
//
// In a plain keyspace key and value are bytes. In one with columns the key is a CSV record of the key
// columns and the value one of the value columns.
//
// Threads   functions without state
// Errors    corrupt when bytes are not what the keyspace's columns say
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "quire/cursor.hpp"
#include "quire/database.hpp"
#include "quire/value.hpp"
#include "tools/row_table.hpp"

namespace quire::shell {

Result<std::vector<Value>> key_values(const Schema& schema, std::string_view key);
Result<std::vector<Value>> row_values(const Schema& schema, std::string_view value);

// Bytes of a plain keyspace as they are; else a CSV record. Not escaped.
Result<std::string> key_text(const Schema& schema, std::string_view key);
Result<std::string> value_text(const Schema& schema, std::string_view value);

// Names of the columns, "key" and "value" in a plain keyspace.
std::vector<std::string> column_names(const Schema& schema, bool keys_only = false);

// All columns of an entry in the order of column_names.
Result<std::vector<Value>> entry_values(const Schema& schema, const Entry& entry, bool keys_only = false);
Result<tools::Document> entry_document(const Schema& schema, const Entry& entry, bool keys_only = false);
Result<std::vector<tools::Cell>> entry_cells(const Schema& schema, const Entry& entry, bool keys_only = false);

// A key, or the beginning of one, as scan shows it; never fails. The beginning of a key of several columns ends in an ellipsis.
std::string bound_text(const Schema& schema, std::string_view key);
// "NO,Oslo,1", "from a before c", "user:*", "all keys".
std::string range_text(const Schema& schema, const Range& range);

// For a message: the key as a person would type it, shortened.
std::string key_name(const Schema& schema, std::string_view key);

}  // namespace quire::shell
