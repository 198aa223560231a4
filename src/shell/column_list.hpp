// Column lists: names of columns from words, and what may be wrong with them.
#pragma once

#include <string>
#include <vector>

#include "quire/database.hpp"
#include "shell/lexer.hpp"

namespace quire::shell {

// Appends the names of "country,name,id", a CSV record; empty names from blanks around commas are left out.
Status append_column_names(std::vector<std::string>& names, const Word& word);

// invalid for an empty name, or one that is there twice.
Status check_names(const std::vector<std::string>& names);
Status check_columns(const Schema& schema);

}  // namespace quire::shell
