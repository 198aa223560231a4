// Options of opening and of transactions: see open_options.hpp.
//
// What is wrong with them is said before any file is touched.
#include "shell/open_options.hpp"

#include <cstdint>

#include "tools/amounts.hpp"

namespace quire::shell {

namespace {

constexpr std::uint64_t memory_limit_min = std::uint64_t{1} << 20;
constexpr std::uint64_t log_limit_min = std::uint64_t{64} << 10;

std::string read_bytes(const std::string& word, const std::string& name, std::uint64_t least, std::uint64_t& into) {
  if (word.empty()) return {};
  const Result<std::uint64_t> bytes = tools::parse_byte_amount(word);
  if (!bytes.ok()) return name + ": " + std::string(bytes.message());
  if (*bytes < least) return name + " is at least " + tools::byte_amount(least);
  into = *bytes;
  return {};
}

}  // namespace

std::string_view durability_name(Durability durability) noexcept {
  switch (durability) {
    case Durability::sync: return "sync";
    case Durability::process: return "process";
    case Durability::lazy: return "lazy";
  }
  return "?";
}

std::optional<Durability> durability_named(std::string_view name) noexcept {
  for (const Durability each : {Durability::sync, Durability::process, Durability::lazy}) {
    if (durability_name(each) == name) return each;
  }
  return {};
}

std::string_view isolation_name(Isolation isolation) noexcept {
  switch (isolation) {
    case Isolation::read_uncommitted: return "read_uncommitted";
    case Isolation::read_committed: return "read_committed";
    case Isolation::repeatable_read: return "repeatable_read";
    case Isolation::serializable: return "serializable";
  }
  return "?";
}

std::optional<Isolation> isolation_named(std::string_view name) {
  std::string folded(name);
  for (char& c : folded) {
    if (c == ' ' || c == '-') c = '_';
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  for (const Isolation each : isolations) {
    if (isolation_name(each) == folded) return each;
  }
  return {};
}

std::string read_open_options(const OpenWords& words, Options& options) {
  if (std::string wrong = read_bytes(words.memory_limit, "--memory-limit", memory_limit_min, options.memory_limit); !wrong.empty()) return wrong;
  if (std::string wrong = read_bytes(words.log_limit, "--log-limit", log_limit_min, options.log_limit); !wrong.empty()) return wrong;
  if (!words.durability.empty()) {
    const std::optional<Durability> durability = durability_named(words.durability);
    if (!durability) return "--durability is " + std::string(durability_names);
    options.durability = *durability;
  }
  if (words.journal == "copy-on-write") {
    options.journal = Journal::copy_on_write;
  } else if (!words.journal.empty() && words.journal != "log") {
    return "--journal is log or copy-on-write";
  }
  if (options.journal == Journal::copy_on_write && options.durability != Durability::sync) {
    return "--durability needs --journal log: a commit by copy-on-write is always on the disk";
  }
  if (options.journal == Journal::copy_on_write && !options.archive_dir.empty()) return "--archive needs --journal log";
  const std::uint32_t page_size = options.page_size;
  if (page_size != 0 && (page_size < 4096 || page_size > 65536 || (page_size & (page_size - 1)) != 0)) {
    return "--page-size is 4096, 8192, 16384, 32768 or 65536";
  }
  return {};
}

}  // namespace quire::shell
