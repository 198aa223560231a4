// WriteSet: recording changes within the bound.
#include "txn/write_set.hpp"

namespace quire::txn {

namespace {

// What a map node and two strings cost besides their characters.
constexpr std::uint64_t change_overhead_bytes = 128;

std::uint64_t cost(std::string_view key, const std::optional<std::string_view>& value) {
  return change_overhead_bytes + key.size() + (value ? value->size() : 0);
}

}  // namespace

TreeChanges* WriteSet::find(TreeId tree) noexcept {
  const auto found = trees_.find(tree);
  return found == trees_.end() ? nullptr : &found->second;
}

const Change* WriteSet::find(TreeId tree, std::string_view key) const noexcept {
  const auto found = trees_.find(tree);
  if (found == trees_.end()) return nullptr;
  const auto change = found->second.find(key);
  return change == found->second.end() ? nullptr : &change->second;
}

Status WriteSet::record(TreeId tree, const Record& change) {
  const std::uint64_t added = cost(change.key, change.value);
  // A change replaces the one before it, so only the difference counts.
  std::uint64_t replaced = 0;
  if (const Change* before = find(tree, change.key); before != nullptr) {
    replaced = cost(change.key, before->value ? std::optional<std::string_view>(*before->value) : std::nullopt);
  }
  if (bytes_ - replaced + added > bytes_max_) {
    return Status(Code::no_memory, "the transaction's changes exceed Options::memory_limit (" + std::to_string(bytes_max_) +
                                       " bytes); raise it or commit in smaller transactions");
  }
  const auto [place, fresh] = trees_[tree].try_emplace(std::string(change.key));
  bytes_ = bytes_ - replaced + added;
  place->second.value = change.value ? std::optional<std::string>(*change.value) : std::nullopt;
  if (fresh) place->second.was_there = change.was_there;
  return Status();
}

void WriteSet::forget(TreeId tree) {
  const auto found = trees_.find(tree);
  if (found == trees_.end()) return;
  for (const auto& [key, change] : found->second) {
    bytes_ -= cost(key, change.value ? std::optional<std::string_view>(*change.value) : std::nullopt);
  }
  trees_.erase(found);
}

}  // namespace quire::txn
