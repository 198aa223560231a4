// Random schedules of transactions over the lock table and its model, in one thread.
//
// A slot does one thing at a time: locks, scans, writes or reads rows as an engine would, waits, goes on waiting, runs out of time, rolls
// back to a savepoint, ends. After each the table must have the entries and the waiters of the model.
//
//     Schedule(seed).run(steps)    what went wrong, or nothing
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "lock/lock_table.hpp"
#include "lock/test_locks.hpp"
#include "lock/test_model.hpp"

namespace quire::lock {

struct ScheduleCounts {
  std::uint64_t waits = 0;
  std::uint64_t grants_of_waits = 0;
  std::uint64_t deadlocks = 0;
  std::uint64_t several_victims = 0;
  std::uint64_t timeouts = 0;
  std::uint64_t escalations = 0;
  std::uint64_t waits_again = 0;  // the row had changed hands
};

class Schedule {
 public:
  Schedule(std::uint64_t seed, ScheduleCounts& counts) : random_(seed), counts_(counts) {
    for (int i = 0; i < model_slots; ++i) begin(i);
  }
  ~Schedule() {
    for (int i = 0; i < model_slots; ++i) {
      status_.end(owners_[i]->xid());
      table_.end(*owners_[i]);
    }
  }

  std::string run(int steps) {
    for (int i = 0; i < steps && problem_.empty(); ++i) {
      step(static_cast<int>(random_.below(model_slots)));
      compare(i % 8 == 0);
    }
    for (int i = 0; i < model_slots && problem_.empty(); ++i) {
      end(i);
      compare(true);
    }
    const LockCounts counts = table_.counts();
    if (problem_.empty() && (counts.entries != 0 || counts.waiting != 0)) fail("something is left at the end");
    counts_.escalations += counts.escalations;
    if (problem_.empty() && counts.escalations != model_.escalations) fail("escalations differ");
    return problem_;
  }

 private:
  static constexpr TreeId tree{5};
  static constexpr std::uint64_t patience_us = 1000;

  // What a slot is about to do to a row, over several steps.
  struct Intent {
    int key = -1;
    Mode mode = Mode::exclusive;
    bool is_latched = false;  // may_write has said yes, and the leaf is latched still
    bool has_waited = false;
    bool is_about_to_wait = false;  // has seen `seen_holder` in the row and let go of the leaf
    std::uint64_t seen_holder = 0;
    Claim claim;
    std::uint64_t claim_ticket = 0;
  };

  static std::string key_of(int key) { return std::string(1, static_cast<char>('0' + key)); }
  // The strings that its views show are constants.
  static Interval interval_of(std::uint32_t mask) {
    static const std::string keys = "0123456789";
    const int first = std::countr_zero(mask);
    const int last = 31 - std::countl_zero(mask);
    const std::string_view all = keys;
    Interval interval;
    if (first % 2 == 1) interval.lower = all.substr(static_cast<std::size_t>(first / 2), 1);
    if (first % 2 == 0 && first > 0) {
      interval.lower = all.substr(static_cast<std::size_t>(first / 2 - 1), 1);
      interval.lower_inclusive = false;
    }
    if (last < model_places - 1) {
      interval.has_upper = true;
      interval.upper = all.substr(static_cast<std::size_t>(last / 2), 1);
      interval.upper_inclusive = last % 2 == 1;
    }
    return interval;
  }
  static std::uint32_t mask_of(const Interval& interval) {
    const int lower = interval.lower.empty() ? -1 : interval.lower[0] - '0';
    const int first = lower < 0 ? 0 : 2 * lower + (interval.lower_inclusive ? 1 : 2);
    const int upper = interval.has_upper ? interval.upper[0] - '0' : 0;
    const int last = !interval.has_upper ? model_places - 1 : 2 * upper + (interval.upper_inclusive ? 1 : 0);
    return place_mask(first, last);
  }

  void fail(const std::string& what) {
    if (problem_.empty()) problem_ = what;
  }
  std::uint64_t active_writer(int key) const { return model_.slot_of(rows_[key]) >= 0 ? rows_[key] : 0; }
  bool is_latched(int key) const {
    for (const Intent& intent : intents_) {
      if (intent.is_latched && intent.key == key) return true;
    }
    return false;
  }

  void begin(int slot) {
    owners_[slot] = std::make_unique<Owner>(++next_number_);
    ModelSlot& state = model_.slots[slot] = ModelSlot();
    state.number = next_number_;
    state.escalate_above = escalate_above;
    state.changes = random_.below(3);
    owners_[slot]->set_changes(state.changes);
    intents_[slot] = Intent();
  }
  void need_xid(int slot) {
    if (model_.slots[slot].xid != 0) return;
    const std::uint64_t xid = ++next_xid_;
    status_.begin(Xid{xid});
    owners_[slot]->set_xid(Xid{xid});
    model_.slots[slot].xid = xid;
  }

  void step(int slot) {
    if (intents_[slot].is_latched) return write(slot);
    if (intents_[slot].is_about_to_wait) return wait_row(slot, intents_[slot].seen_holder);
    if (owners_[slot]->is_suspended()) return go_on(slot);
    const std::uint64_t what = random_.below(100);
    if (intents_[slot].key >= 0 && what < 75) return touch_row(slot);
    if (!intents_[slot].claim.is_empty() && what < 75) return finish_claim(slot);
    if (what < 45) {
      intents_[slot].key = static_cast<int>(random_.below(model_keys));
      intents_[slot].mode = random_.chance(2, 3) ? Mode::exclusive : Mode::shared;
      intents_[slot].has_waited = false;
      return touch_row(slot);
    }
    if (what < 70) return lock(slot, false);
    if (what < 80) return intents_[slot].claim.is_empty() ? lock(slot, true) : finish_claim(slot);
    if (what < 85) return release_rows(slot);
    if (what < 88) return wait_for_end(slot);
    end(slot);
  }

  std::uint32_t random_mask() {
    if (random_.chance(1, 2)) return key_mask(static_cast<int>(random_.below(model_keys)));
    const int one = static_cast<int>(random_.below(model_places));
    const int other = static_cast<int>(random_.below(model_places));
    return place_mask(std::min(one, other), std::max(one, other));
  }
  std::uint64_t random_timeout() { return random_.chance(1, 8) ? 0 : patience_us; }

  void lock(int slot, bool is_claim) {
    const std::uint32_t mask = random_mask();
    const Mode mode = random_.chance(2, 3) ? Mode::shared : Mode::exclusive;
    const std::uint64_t timeout = random_timeout();
    const bool is_covered = model_.is_covered(slot, mask, mode);
    const std::uint64_t ticket = is_covered ? 0 : model_.add(slot, mask, mode, is_claim).ticket;
    const auto call = [this, slot, mask, mode, timeout, is_claim]() -> Status {
      if (!is_claim) return table_.acquire(*owners_[slot], tree, interval_of(mask), mode, timeout);
      Result<Claim> claim = table_.claim(*owners_[slot], tree, interval_of(mask), mode, timeout);
      if (claim.ok()) intents_[slot].claim = *claim;
      return std::move(claim).status();
    };
    if (is_covered) {
      if (!call().ok()) fail("what is covered was refused");
      return;
    }
    intents_[slot].claim_ticket = is_claim ? ticket : 0;
    const auto done = [this, is_claim, ticket] {
      if (!is_claim) model_.finish(ticket);
    };
    settle(slot, ticket, 0, timeout, call, done);
  }

  void finish_claim(int slot) {
    Intent& intent = intents_[slot];
    if (random_.chance(1, 2)) {
      table_.keep(intent.claim);
      model_.finish(intent.claim_ticket);
      return;
    }
    const int place = static_cast<int>(random_.below(model_places));
    const std::uint32_t mask = model_.find(intent.claim_ticket)->mask;
    const std::uint32_t rest = random_.chance(1, 2) ? place_mask(place, model_places - 1) : place_mask(0, place);
    table_.cut(intent.claim, interval_of(rest));
    if ((mask & ~rest) == 0) {
      model_.erase(intent.claim_ticket);
    } else {
      model_.find(intent.claim_ticket)->mask &= ~rest;
    }
    model_.grant_those_free();
  }

  // A writer, or a reader that locks, has latched the leaf and looks at the row.
  void touch_row(int slot) {
    Intent& intent = intents_[slot];
    if (is_latched(intent.key)) return;
    if (intent.has_waited && random_.chance(1, 8)) {
      intent.key = -1;  // it changes its mind, for instance since the row is gone
      return;
    }
    const std::uint64_t holder = active_writer(intent.key);
    const bool is_own = holder != 0 && holder == model_.slots[slot].xid;
    if (holder != 0 && !is_own) {
      intent.seen_holder = holder;
      intent.is_about_to_wait = true;
      if (random_.chance(3, 4)) wait_row(slot, holder);
      return;
    }
    if (intent.mode == Mode::shared) {
      if (!is_own && !intent.has_waited) return wait_row(slot, 0);
      intent.key = -1;
      return;
    }
    need_xid(slot);
    if (!is_own) {
      const std::string key = key_of(intent.key);
      ModelEntry wanted{~std::uint64_t{0}, slot, key_mask(intent.key), Mode::exclusive};
      wanted.converts = model_.would_convert(slot, wanted.mask);
      bool expected = true;
      for (const ModelEntry& entry : model_.entries) expected &= !model_.is_in_the_way(entry, wanted);
      if (table_.may_write(*owners_[slot], tree, key) != expected) return fail("may_write should say " + std::to_string(expected));
      if (!expected) return wait_row(slot, 0);
    }
    intent.is_latched = true;
  }

  void write(int slot) {
    Intent& intent = intents_[slot];
    rows_[intent.key] = model_.slots[slot].xid;
    owners_[slot]->set_changes(++model_.slots[slot].changes);
    intent.is_latched = false;
    table_.wrote(*owners_[slot], tree, key_of(intent.key));
    if (const ModelEntry* entry = model_.find_queued(slot, intent.key, Mode::exclusive)) {
      model_.erase(entry->ticket);
      for (ModelSlot& other : model_.slots) {
        if (other.waiting && other.key == intent.key) other.holder = model_.slots[slot].xid;
      }
      model_.grant_those_free();
    }
    intent.key = -1;
  }

  void wait_row(int slot, std::uint64_t holder) {
    Intent& intent = intents_[slot];
    ModelSlot& state = model_.slots[slot];
    counts_.waits_again += intent.has_waited ? 1 : 0;
    intent.has_waited = true;
    intent.is_about_to_wait = false;
    const std::uint64_t timeout = random_timeout();
    const int key = intent.key;
    const Mode mode = intent.mode;
    const auto call = [this, slot, key, mode, holder, timeout] {
      return table_.wait_for(*owners_[slot], tree, key_of(key), mode, Xid{holder}, timeout);
    };
    std::uint64_t ticket = 0;
    if (ModelEntry* queued = model_.find_queued(slot, key, mode)) {
      ticket = queued->ticket;
    } else if (!model_.is_covered(slot, key_mask(key), mode)) {
      ModelEntry& entry = model_.add(slot, key_mask(key), mode, false);
      entry.of_wait_for = true;
      ticket = entry.ticket;
    }
    const auto done = [this, slot, ticket, mode] {
      model_.slots[slot].releases_seen = model_.releases;
      if (ticket != 0 && mode == Mode::shared) model_.finish(ticket);
    };
    state.key = key;
    settle(slot, ticket, state.releases_seen == model_.releases ? holder : 0, timeout, call, done);
  }

  void wait_for_end(int slot) {
    const int other = static_cast<int>(random_.below(model_slots));
    const std::uint64_t xid = model_.slots[other].xid;
    if (other == slot || xid == 0) return;
    const std::uint64_t timeout = random_timeout();
    const auto call = [this, slot, xid, timeout] { return table_.wait_for_end(*owners_[slot], tree, Xid{xid}, timeout); };
    model_.slots[slot].wants_end = true;
    settle(slot, 0, xid, timeout, call, [] {});
  }

  // The model decides what the call must return, then the call is made.
  template <class Call, class Done>
  void settle(int slot, std::uint64_t ticket, std::uint64_t holder, std::uint64_t timeout, const Call& call, const Done& done) {
    ModelSlot& state = model_.slots[slot];
    const bool was_granted = ticket != 0 && model_.find(ticket)->granted;
    state.waiting = true;
    state.ticket = ticket != 0 ? ticket : model_.next_ticket++;
    state.entry = ticket;
    state.holder = holder;
    const bool must_wait = model_.edges(slot) != 0;
    if (!must_wait) {
      model_.grant(slot);
      if (const Status status = call(); !status.ok()) return fail("nobody is in the way, but: " + status.to_string());
      return done();
    }
    if (was_granted) model_.find(ticket)->granted = false;
    if (timeout == 0) {
      model_.give_up(slot);
      model_.grant_those_free();
      if (call().code() != Code::timeout) return fail("a call that must not wait found the way free");
      return;
    }
    ++counts_.waits;
    calls_[slot] = call;
    dones_[slot] = done;
    since_[slot] = parking_.now;
    if (was_granted) model_.grant_those_free();
    const std::uint64_t deadlocks = table_.counts().deadlocks;
    const Status status = call();
    judge_deadlock(slot, status, table_.counts().deadlocks - deadlocks);
    if (problem_.empty() && status != Code::busy) arrive(slot, status);
  }

  // Victims are found if and only if there is a cycle; none is needless, and nobody on a cycle would sooner have given way.
  void judge_deadlock(int slot, const Status& status, std::uint64_t victims_told) {
    const bool has_cycle = model_.has_cycle(slot, ~0u);
    if (has_cycle != (victims_told != 0)) return fail(has_cycle ? "a deadlock was not found" : "a deadlock was reported where none is");
    if (!has_cycle) return;
    counts_.deadlocks += victims_told;
    counts_.several_victims += victims_told > 1 ? 1 : 0;
    const std::uint32_t victims = status == Code::deadlock ? 1u << slot : victims_among(slot);
    if (static_cast<std::uint64_t>(std::popcount(victims)) != victims_told) return fail("victims were counted that nobody was told of");
    if (model_.has_cycle(slot, ~victims) && (victims >> slot & 1) == 0) return fail("a cycle is left");
    for (int i = 0; i < model_slots; ++i) {
      if ((victims >> i & 1) == 0) continue;
      if (i != slot && !model_.has_cycle(slot, ~victims | 1u << i)) return fail("a needless victim");
      std::uint32_t others = 0;
      for (int j = 0; j < model_slots; ++j) others |= model_.gives_way_before(i, j) ? 1u << j : 0;
      // Of the cycles through i, at least one holds nobody who would have given way before it.
      if (((others >> slot & 1) == 0 && i != slot) || !model_.has_cycle(i, others)) return fail("another should have given way");
    }
    for (int i = 0; i < model_slots; ++i) {
      if ((victims >> i & 1) != 0) model_.give_up(i);
    }
    model_.grant_those_free();
  }

  // Those of others whose wait, made again, says that they are victims. They end soon.
  std::uint32_t victims_among(int slot) {
    std::uint32_t waiting = 0;
    for (const LockInfo& info : table_.list()) {
      for (int i = 0; i < model_slots; ++i) waiting |= !info.granted && owners_[i]->number() == info.owner ? 1u << i : 0;
    }
    std::uint32_t victims = 0;
    for (int i = 0; i < model_slots; ++i) {
      if (i == slot || !model_.slots[i].waiting || (waiting >> i & 1) != 0) continue;
      arrived_[i] = calls_[i]();
      has_arrived_[i] = true;
      if (arrived_[i] == Code::deadlock) victims |= 1u << i;
    }
    return victims;
  }

  void go_on(int slot) {
    if (random_.chance(1, 16)) return end(slot);
    if (random_.chance(1, 16)) parking_.now = std::max(parking_.now, since_[slot] + patience_us);
    const Status status = calls_[slot]();
    if (status != Code::timeout) return arrive(slot, status);
    if (!model_.slots[slot].waiting || parking_.now < since_[slot] + patience_us) return fail("a timeout out of time");
    ++counts_.timeouts;
    model_.give_up(slot);
    model_.grant_those_free();
    intents_[slot].key = -1;
  }

  void arrive(int slot, const Status& status) {
    const bool waits = model_.slots[slot].waiting;
    if (status == Code::busy) {
      if (!waits) fail("a transaction waits although nobody is in its way");
      return;
    }
    if (status.ok()) {
      if (waits) return fail("a transaction was let through although somebody is in its way");
      ++counts_.grants_of_waits;
      return dones_[slot]();
    }
    if (waits) return fail("a wait ended with " + status.to_string());
    intents_[slot].key = -1;
  }

  void release_rows(int slot) {
    const std::uint64_t xid = model_.slots[slot].xid;
    if (xid == 0) return;
    for (std::uint64_t& row : rows_) {
      if (row == xid && random_.chance(1, 2)) row = 0;
    }
    table_.released_rows(Xid{xid});
    ++model_.releases;
    for (ModelSlot& other : model_.slots) {
      if (other.waiting && other.holder == xid && !other.wants_end) other.holder = 0;
    }
    model_.grant_those_free();
  }

  void end(int slot) {
    if (model_.slots[slot].xid != 0) status_.end(Xid{model_.slots[slot].xid});
    table_.end(*owners_[slot]);
    std::erase_if(model_.entries, [&](const ModelEntry& entry) { return entry.slot == slot; });
    model_.slots[slot] = ModelSlot();
    has_arrived_[slot] = false;
    begin(slot);
    model_.grant_those_free();
  }

  void compare(bool thoroughly) {
    // Results that the search for victims has fetched early.
    for (int i = 0; i < model_slots; ++i) {
      if (!has_arrived_[i]) continue;
      has_arrived_[i] = false;
      arrive(i, arrived_[i]);
    }
    std::uint64_t waiting = 0;
    for (const ModelSlot& slot : model_.slots) waiting += slot.waiting ? 1 : 0;
    const LockCounts counts = table_.counts();
    if (counts.waiting != waiting) return fail(std::to_string(counts.waiting) + " wait, expected " + std::to_string(waiting));
    if (counts.entries != model_.entries.size()) {
      return fail(std::to_string(counts.entries) + " entries, expected " + std::to_string(model_.entries.size()));
    }
    for (const ModelSlot& slot : model_.slots) {
      const bool waits_for_row = slot.waiting && slot.key >= 0 && model_.slot_of(slot.holder) >= 0;
      if (waits_for_row && rows_[slot.key] != slot.holder) return fail("a transaction waits for one that has not written the row");
    }
    if (thoroughly) compare_entries();
  }

  void compare_entries() {
    std::vector<LockInfo> infos = table_.list();
    std::erase_if(infos, [](const LockInfo& info) { return !info.is_entry; });
    if (infos.size() != model_.entries.size()) return fail("the list is incomplete");
    for (const LockInfo& one : infos) {
      for (const LockInfo& other : infos) {
        const bool apart = one.owner == other.owner || !one.granted || !other.granted || !conflict(one.mode, other.mode);
        if (!apart && overlap(one.interval(), other.interval())) return fail("two granted locks conflict");
      }
      bool is_known = false;
      for (const ModelEntry& entry : model_.entries) {
        is_known |= model_.slots[entry.slot].number == one.owner && entry.mode == one.mode && entry.granted == one.granted &&
                    entry.mask == mask_of(one.interval());
      }
      if (!is_known) return fail("the model does not know the lock on " + describe(one.interval()));
    }
  }

  static constexpr std::uint64_t escalate_above = 2;

  Random random_;
  ScheduleCounts& counts_;
  TestStatus status_;
  SuspendingParking parking_;
  LockTable table_{status_, parking_, {.escalate_above = escalate_above}};
  LockModel model_;
  std::array<std::unique_ptr<Owner>, model_slots> owners_;
  std::array<Intent, model_slots> intents_;
  std::array<std::function<Status()>, model_slots> calls_;
  std::array<std::function<void()>, model_slots> dones_;
  std::array<std::uint64_t, model_slots> since_{};
  std::array<Status, model_slots> arrived_;
  std::array<bool, model_slots> has_arrived_{};
  std::array<std::uint64_t, model_keys> rows_{};
  std::uint64_t next_number_ = 0;
  std::uint64_t next_xid_ = 0;
  std::string problem_;
};

}  // namespace quire::lock
