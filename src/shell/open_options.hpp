// Options of opening a database and of its transactions, as words: sizes, what commits promise, what transactions see.
//
// Threads   functions without state
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "quire/options.hpp"

namespace quire::shell {

// "sync", "process" or "lazy".
std::string_view durability_name(Durability durability) noexcept;
std::optional<Durability> durability_named(std::string_view name) noexcept;
inline constexpr std::string_view durability_names = "sync, process or lazy";

// "read_committed". A name may be typed with blanks or hyphens instead, and in any case.
std::string_view isolation_name(Isolation isolation) noexcept;
std::optional<Isolation> isolation_named(std::string_view name);
inline constexpr Isolation isolations[] = {Isolation::read_uncommitted, Isolation::read_committed, Isolation::repeatable_read, Isolation::serializable};
inline constexpr std::string_view isolation_names = "read_uncommitted, read_committed, repeatable_read or serializable";

// What was typed behind the options of these names; empty: not given.
struct OpenWords {
  std::string memory_limit;
  std::string durability;
  std::string journal;
  std::string log_limit;
};

// Sets what the words say and checks page_size. What is wrong comes back, or nothing.
std::string read_open_options(const OpenWords& words, Options& options);

}  // namespace quire::shell
