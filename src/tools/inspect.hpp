// Inspecting an open database: verify, stats, dump, page and tree, for the shell and as tools of their own.
//
// Threads   as Database
// Errors    those of the calls they show; an ok outcome means that everything was printed
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "quire/database.hpp"
#include "tools/printer.hpp"

namespace quire::tools {

// "ok", for people with what was looked at. The damage is the status, which the caller prints.
Status show_verify(const Database& database, Printer& printer);

// Statistics and, of every keyspace or the named one, the numbers of its tree.
Status show_statistics(const Database& database, Printer& printer, const std::optional<std::string>& keyspace = {});

Status show_tree(const Database& database, Printer& printer, const std::string& keyspace);

// The superblocks and all keyspaces, or one keyspace.
Status show_dump(const Database& database, Printer& printer, const std::optional<std::string>& keyspace = {});

// One page; 0 shows the superblocks.
Status show_page(const Database& database, Printer& printer, std::uint64_t page);

// A list of all pages: number and first line of each.
Status show_pages(const Database& database, Printer& printer);

}  // namespace quire::tools
