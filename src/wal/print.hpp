// A log in words: its segments, records and operations, as text for people or one JSON object a line for programs.
//
// Reads the files only and needs no database: what belongs together says the segments' own identity. Damage is printed where
// it is found, and printing goes on with the next incarnation.
//
// Threads   functions without state
// Errors    those of the file system, and what the sink returns
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "os/file.hpp"
#include "wal/record.hpp"

namespace quire::wal {

// One line without its end, multi-line for a record with operations.
std::string record_text(const Record& record, std::size_t value_bytes_max);
std::string record_json(const Record& record, std::size_t value_bytes_max);

struct PrintOptions {
  bool json = false;
  std::optional<Lsn> from{};  // records that begin here or later
  std::optional<Lsn> to{};    // and before this
  std::size_t value_bytes_max = 40;  // of keys and values that are shown
};
using LineSink = std::function<Status(std::string_view line)>;

// The log files of the database at this path.
Status print_log(os::FileSystem& files, const std::string& database, const PrintOptions& options, const LineSink& sink);

}  // namespace quire::wal
