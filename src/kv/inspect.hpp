// Looking inside an open database: pictures and dumps for tools and tests.
//
// Threads   as Database; trees and pages wait for a writer of another thread
// Errors    not_found for an unknown keyspace or a page number that is not in use; busy; corrupt as met
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "btree/picture_page.hpp"
#include "quire/database.hpp"
#include "quire/value.hpp"

namespace quire::kv {

// The columns of a key, or of as much as a separator kept of one: a separator ends where it tells two keys apart.
struct KeyParts {
  std::vector<Value> values;
  bool whole = true;  // false: the last value is a beginning, or values behind it are missing
};
Result<KeyParts> decode_key_parts(std::string_view key);

// The tree of a keyspace for drawing. Where `options.text` is empty, keyspaces with columns show their values.
Result<btree::TreePicture> picture_tree(const Database& database, std::string_view keyspace, btree::PictureOptions options = {});

// Every entry of every page of a keyspace's tree, for golden files and people who look for a byte.
Result<std::string> dump_tree(const Database& database, std::string_view keyspace, btree::Text text = {});

// How the keys and values of a keyspace with these columns are shown.
using TextOf = std::function<btree::Text(const Schema&)>;

// One page: its header field by field, its slots and records, a map of it; of other pages than nodes its bytes.
Result<std::string> describe_page(const Database& database, std::uint64_t page, const TextOf& text_of = {});
Result<btree::PagePicture> picture_page(const Database& database, std::uint64_t page, const TextOf& text_of = {});

// The first line of describe_page.
Result<std::string> page_title(const Database& database, std::uint64_t page);

// The superblocks of a file and the fields in them, without opening it as a database.
Result<std::string> describe_superblocks(const Database& database);

// Number of the next page never used: page numbers in use lie below it.
Result<std::uint64_t> page_number_limit(const Database& database);

}  // namespace quire::kv
