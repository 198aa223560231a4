// Inspecting an open database: verify, stats, dump, page and tree, for the shell and as tools of their own.
//
// Threads   as Database
// Errors    those of the calls they show; an ok outcome means that everything was printed
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "btree/picture.hpp"
#include "kv/inspect.hpp"
#include "quire/database.hpp"
#include "tools/picture_output.hpp"
#include "tools/printer.hpp"

namespace quire::tools {

// "ok", for people with what was looked at. The damage is the status, which the caller prints.
Status show_verify(const Database& database, Printer& printer);

// Statistics and, of every keyspace or the named one, the numbers of its tree.
struct StatisticsRequest {
  std::optional<std::string> keyspace = {};
  bool json = false;  // also when the printer has another form
};
Status show_statistics(const Database& database, Printer& printer, const StatisticsRequest& request = {});

struct TreeRequest {
  std::string keyspace;
  PictureTarget target = {};
  std::optional<std::uint64_t> nodes;  // trees of more are summed up; unset: what suits the format
  std::optional<std::uint32_t> keys;   // shown of a node
  btree::Text text = {};               // how keys are shown; empty: as the keyspace's columns say
};
Status show_tree(const Database& database, Printer& printer, const TreeRequest& request);

// Every page and entry of a keyspace, as text.
Status show_dump(const Database& database, Printer& printer, const std::string& keyspace, const btree::Text& text = {});

Status show_superblocks(const Database& database, Printer& printer);

struct PageRequest {
  std::uint64_t page = 0;  // 0 shows the superblocks, as text only
  PictureTarget target = {};
  kv::TextOf text_of = {};
};
Status show_page(const Database& database, Printer& printer, const PageRequest& request);

// A list of all pages: number and first line of each.
Status show_pages(const Database& database, Printer& printer);

}  // namespace quire::tools
