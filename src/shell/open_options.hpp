// Options of opening a database, as words: sizes, and what commits promise.
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
