// Looking inside an open database: pictures and dumps for tools and tests.
//
// Threads   as Database
// Errors    not_found for an unknown keyspace or a page number that is not in use; corrupt as met
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "quire/database.hpp"

namespace quire::kv {

struct DrawTree {
  std::uint64_t pages_max = 200;   // larger trees are summarised a line per level
  std::uint32_t keys_per_node = 4;  // first and last ones are shown, the rest counted
};

// The tree of a keyspace as text: a line per node, indented by level, with page number, keys, fill and links.
Result<std::string> draw_tree(const Database& database, std::string_view keyspace, DrawTree options = {});

// Every entry of every page of a keyspace's tree, for golden files and people who look for a byte.
Result<std::string> dump_tree(const Database& database, std::string_view keyspace);

// One page: its header field by field, its slots and records, its free space.
Result<std::string> describe_page(const Database& database, std::uint64_t page);

// The superblocks of a file and the fields in them, without opening it as a database.
Result<std::string> describe_superblocks(const Database& database);

// Number of the next page never used: page numbers in use lie below it.
Result<std::uint64_t> page_number_limit(const Database& database);

}  // namespace quire::kv
