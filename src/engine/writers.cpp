// Writers: see writers.hpp.
//
// Whoever waits at the door, or for those inside, is woken by every leave and looks again.
#include "engine/writers.hpp"

#include <algorithm>

#include "base/try.hpp"

namespace quire::engine {

namespace {

constexpr std::uint64_t us_per_ms = 1000;

}  // namespace

Writers::Place* Writers::take_free() {
  if (free_.empty()) {
    free_.reserve(places_.size() + 1);  // so that leaving needs no memory
    places_.push_back(std::make_unique<Place>(resources_));
    free_.push_back(places_.back().get());
  }
  Place* place = free_.back();
  free_.pop_back();
  return place;
}

Result<Writers::Place*> Writers::enter(std::uint64_t timeout_us, Isolation isolation) {
  const std::uint64_t now = clock_.monotonic_us();
  os::Lock lock(mutex_);
  for (std::uint64_t waited = 0; closed_;) {
    if (waited >= timeout_us) {
      return Status(Code::busy, "waited " + std::to_string(timeout_us / us_per_ms) +
                                    " ms (Options::lock_timeout_ms) for a verify or a picture of a tree to end");
    }
    ++waiting_;
    changed_.wait_for(mutex_, timeout_us - waited);
    --waiting_;
    waited = clock_.monotonic_us() - now;
  }
  Place* place = take_free();
  place->entered = true;
  place->number = next_number_++;
  place->thread.store(os::this_thread_number(), relaxed);
  place->begun_us = now;
  place->isolation = isolation;
  place->undo.reuse();
  ++inside_;
  return place;
}

void Writers::leave(Place& place) noexcept {
  os::Lock lock(mutex_);
  QUIRE_ASSERT(place.entered);
  place.transaction.store(nullptr, relaxed);
  place.doing.store(nullptr, relaxed);
  place.entered = false;
  free_.push_back(&place);
  --inside_;
  if (closed_ || waiting_ != 0) changed_.notify_all();
}

std::uint64_t Writers::begun_by(std::uint64_t thread, bool others) const {
  std::uint64_t count = 0;
  for (const std::unique_ptr<Place>& place : places_) count += place->entered && (place->thread.load(relaxed) != thread) == others ? 1 : 0;
  return count;
}

Status Writers::close(std::uint64_t timeout_us, Own own) {
  const std::uint64_t self = os::this_thread_number();
  const std::uint64_t deadline = clock_.monotonic_us() + timeout_us;
  os::Lock lock(mutex_);
  if (own == Own::invalid && begun_by(self, false) != 0) return Status(Code::invalid, "this thread has a write transaction open; end it first");
  bool mine = false;
  for (;;) {
    if (!mine && !closed_) mine = closed_ = true;
    const std::uint64_t there = mine ? begun_by(self, true) : 0;
    if (mine && there == 0) return Status();
    const std::uint64_t now = clock_.monotonic_us();
    if (now >= deadline) {
      if (mine) {
        closed_ = false;
        changed_.notify_all();
      }
      return Status(Code::busy, "waited " + std::to_string(timeout_us / us_per_ms) + " ms (Options::lock_timeout_ms) for " +
                                    (mine ? std::to_string(there) + " open write transaction" + (there == 1 ? "" : "s") + " to end"
                                          : std::string("somebody else who must be alone")));
    }
    ++waiting_;
    changed_.wait_for(mutex_, deadline - now);
    --waiting_;
  }
}

void Writers::open() noexcept {
  os::Lock lock(mutex_);
  closed_ = false;
  changed_.notify_all();
}

void Writers::rewind_idle() {
  for (std::size_t i = 0;; ++i) {
    Place* place = nullptr;
    {
      os::Lock lock(mutex_);
      if (i >= places_.size()) return;
      const auto idle = std::find(free_.begin(), free_.end(), places_[i].get());
      if (idle == free_.end()) continue;
      place = *idle;
      free_.erase(idle);
    }
    (void)place->undo.rewind().ok();
    os::Lock lock(mutex_);
    free_.push_back(place);
  }
}

Status Writers::clear() {
  std::vector<Place*> all;
  {
    os::Lock lock(mutex_);
    QUIRE_ASSERT(inside_ == 0);
    for (const std::unique_ptr<Place>& place : places_) all.push_back(place.get());
  }
  for (Place* place : all) QUIRE_TRY(place->undo.clear());
  return Status();
}

std::string Writers::describe(Xid xid) const {
  std::string text;
  const std::uint64_t now = clock_.monotonic_us();
  for_each([&](const Place& place) {
    const txn::WriteTransaction* transaction = place.transaction.load(acquire);
    if (transaction == nullptr || transaction->xid() != xid) return;
    const char* doing = place.doing.load(relaxed);
    text = "transaction " + std::to_string(place.number) + " (xid " + std::to_string(xid.raw) + ", begun " + std::to_string((now - place.begun_us) / us_per_ms) + " ms ago, " + std::to_string(transaction->operations()) + " changes, " +
            (doing == nullptr ? std::string("idle") : "in " + std::string(doing)) + ")";
  });
  return text.empty() ? "transaction with xid " + std::to_string(xid.raw) : text;
}

}  // namespace quire::engine
