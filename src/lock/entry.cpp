// Entry: linking, unlinking, and the memory of entries.
//
// A new entry gets its node from a set made for the purpose. Entries given back keep their node and the memory of short keys, so that
// a transaction that locks a few keys takes nothing from the allocator.
#include "lock/entry.hpp"

#include <memory>
#include <utility>

#include "base/assert.hpp"

namespace quire::lock {

namespace {

constexpr std::size_t free_count_max = 4096;
constexpr std::size_t kept_key_bytes_max = 256;
// Of the usual implementations: three links, a colour and the value.
constexpr std::size_t set_node_bytes = 5 * sizeof(void*);

std::size_t heap_bytes(const std::string& text) noexcept {
  static const std::size_t inside = std::string().capacity();
  return text.capacity() > inside ? text.capacity() + 1 : 0;
}

}  // namespace

void Entry::set_interval(const Interval& interval, bool as_point) {
  lower.assign(interval.lower);
  if (as_point || !interval.has_upper) {
    upper.clear();
  } else {
    upper.assign(interval.upper);
  }
  is_point = as_point;
  lower_inclusive = interval.lower_inclusive;
  upper_inclusive = interval.upper_inclusive;
  has_upper = interval.has_upper;
}

void TreeEntries::link(Entry& entry) noexcept {
  EntrySet& set = entry.is_point ? points : ranges;
  QUIRE_ASSERT(!entry.node.empty());
  auto outcome = set.insert(std::move(entry.node));
  QUIRE_ASSERT(outcome.inserted);
  entry.place = outcome.position;
}

void TreeEntries::unlink(Entry& entry) noexcept {
  EntrySet& set = entry.is_point ? points : ranges;
  QUIRE_ASSERT(entry.node.empty());
  entry.node = set.extract(entry.place);
}

EntryPool::~EntryPool() {
  while (free_ != nullptr) {
    Entry* entry = free_;
    free_ = entry->next_of_owner;
    delete entry;
  }
}

Entry* EntryPool::take(const Interval& interval, bool as_point) {
  if (free_ == nullptr) {
    auto fresh = std::make_unique<Entry>();
    EntrySet nursery;
    nursery.insert(fresh.get());
    fresh->node = nursery.extract(nursery.begin());
    bytes_ += bytes_of(*fresh);
    free_ = fresh.release();
    free_count_ = 1;
  }
  Entry* entry = free_;
  const std::size_t before = bytes_of(*entry);
  entry->set_interval(interval, as_point);
  bytes_ += bytes_of(*entry) - before;
  free_ = entry->next_of_owner;
  --free_count_;
  entry->next_of_owner = nullptr;
  return entry;
}

void EntryPool::give_back(Entry* entry) noexcept {
  QUIRE_ASSERT(!entry->node.empty());
  if (free_count_ == free_count_max) {
    bytes_ -= bytes_of(*entry);
    delete entry;
    return;
  }
  for (std::string* bound : {&entry->lower, &entry->upper}) {
    if (bound->capacity() > kept_key_bytes_max) replace(*bound, std::string());
  }
  entry->next_of_owner = free_;
  free_ = entry;
  ++free_count_;
}

void EntryPool::replace(std::string& bound, std::string with) noexcept {
  bytes_ -= heap_bytes(bound);
  bound.swap(with);
  bytes_ += heap_bytes(bound);
}

std::size_t EntryPool::bytes_of(const Entry& entry) noexcept {
  return sizeof(Entry) + set_node_bytes + heap_bytes(entry.lower) + heap_bytes(entry.upper);
}

}  // namespace quire::lock
