// Visibility: see visibility.hpp.
#include "engine/visibility.hpp"

#include "base/assert.hpp"

namespace quire::engine {

void Visibility::open(CatalogPointer catalog, Timestamp limit) {
  os::Lock lock(mutex_);
  QUIRE_ASSERT(queue_.empty());
  visible_ = std::move(catalog);
  snapshots_.set_committed(limit);
  snapshots_.set_newest(limit);
  version_.fetch_add(1, acq_rel);
}

CatalogPointer Visibility::visible() const {
  os::Lock lock(mutex_);
  return visible_;
}

void Visibility::show(const Commit& commit) {
  if (commit.changed != nullptr) visible_ = commit.changed;
  snapshots_.set_newest(Timestamp{commit.at.raw + 1});
  if (commit.changed != nullptr) version_.fetch_add(1, acq_rel);
}

void Visibility::commit(Timestamp at, Lsn when, CatalogPointer changed) {
  os::Lock lock(mutex_);
  Commit commit{at, when, std::move(changed)};
  if (queue_.empty() && when <= durable_) {
    show(commit);
    return;
  }
  QUIRE_ASSERT(queue_.empty() || queue_.back().at < at);
  queue_.push_back(std::move(commit));
  waiting_.store(queue_.size(), release);
}

void Visibility::advance(Lsn durable) {
  os::Lock lock(mutex_);
  durable_ = std::max(durable_, durable);
  while (!queue_.empty() && queue_.front().when <= durable_) {
    show(queue_.front());
    queue_.pop_front();
  }
  waiting_.store(queue_.size(), release);
}

}  // namespace quire::engine
