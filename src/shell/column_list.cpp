// Column lists: see column_list.hpp.
#include "shell/column_list.hpp"

#include <fmt/format.h>

#include <set>

#include "base/try.hpp"
#include "shell/field.hpp"
#include "tools/escape.hpp"

namespace quire::shell {

Status append_column_names(std::vector<std::string>& names, const Word& word) {
  QUIRE_ASSIGN(const std::vector<Field> fields, parse_record(word.text));
  for (const Field& field : fields) {
    if (!field.text.empty()) names.push_back(field.text);
  }
  return {};
}

Status check_names(const std::vector<std::string>& names) {
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty()) return Status(Code::invalid, fmt::format("column {} has no name", i + 1));
    if (!seen.insert(names[i]).second) return Status(Code::invalid, fmt::format("column '{}' is named twice", tools::escape(names[i])));
  }
  return {};
}

Status check_columns(const Schema& schema) {
  std::vector<std::string> all = schema.key_columns;
  all.insert(all.end(), schema.value_columns.begin(), schema.value_columns.end());
  return check_names(all);
}

}  // namespace quire::shell
