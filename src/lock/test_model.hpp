// What the lock table should do, in the simplest form: a list of entries, compared with each other on every question.
//
// Places 1, 3, 5 ... are keys, places 0, 2, 4 ... the gaps around them; an interval is a set of neighbouring places. Transactions are
// slots; their xids are numbers that never come again.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <vector>

#include "lock/interval.hpp"

namespace quire::lock {

inline constexpr int model_keys = 5;
inline constexpr int model_places = 2 * model_keys + 1;
inline constexpr std::uint32_t model_all = (1u << model_places) - 1;
inline constexpr int model_slots = 5;

constexpr std::uint32_t key_mask(int key) { return 1u << (2 * key + 1); }
constexpr std::uint32_t place_mask(int first, int last) { return ((2u << last) - 1) & ~((1u << first) - 1); }

struct ModelEntry {
  std::uint64_t ticket = 0;
  int slot = 0;
  std::uint32_t mask = 0;
  Mode mode = Mode::shared;
  bool granted = false;
  bool converts = false;
  bool of_wait_for = false;
  bool is_claim = false;
  bool is_point = false;
};

struct ModelSlot {
  std::uint64_t xid = 0;
  std::uint64_t changes = 0;
  std::uint64_t number = 0;
  std::uint64_t escalate_above = 0;
  std::uint64_t releases_seen = 0;
  // What it waits for.
  bool waiting = false;
  bool wants_end = false;
  std::uint64_t ticket = 0;
  std::uint64_t entry = 0;   // ticket of the request; 0: none
  std::uint64_t holder = 0;  // xid; 0: none
  int key = -1;
};

class LockModel {
 public:
  using Entries = std::vector<ModelEntry>;

  Entries entries;
  std::array<ModelSlot, model_slots> slots;
  std::uint64_t next_ticket = 1;
  std::uint64_t releases = 0;

  int slot_of(std::uint64_t xid) const {
    for (int i = 0; i < model_slots; ++i) {
      if (xid != 0 && slots[i].xid == xid) return i;
    }
    return -1;
  }
  ModelEntry* find(std::uint64_t ticket) {
    for (ModelEntry& entry : entries) {
      if (entry.ticket == ticket) return &entry;
    }
    return nullptr;
  }
  const ModelEntry* find(std::uint64_t ticket) const { return const_cast<LockModel*>(this)->find(ticket); }
  ModelEntry* find_queued(int slot, int key, Mode mode) {
    for (ModelEntry& entry : entries) {
      if (entry.slot == slot && entry.of_wait_for && entry.is_point && entry.mask == key_mask(key) && suffices(entry.mode, mode)) return &entry;
    }
    return nullptr;
  }

  bool is_covered(int slot, std::uint32_t mask, Mode mode) const {
    for (const ModelEntry& entry : entries) {
      if (entry.slot == slot && entry.granted && !entry.is_claim && (mask & ~entry.mask) == 0 && suffices(entry.mode, mode)) return true;
    }
    return false;
  }
  bool would_convert(int slot, std::uint32_t mask) const {
    for (const ModelEntry& entry : entries) {
      if (entry.slot == slot && entry.granted && (mask & ~entry.mask) == 0) return true;
    }
    return false;
  }
  bool waits_for(int slot, int other) const {
    const ModelSlot& wait = slots[slot];
    if (!wait.waiting) return false;
    if (wait.holder != 0 && wait.holder == slots[other].xid) return true;
    const ModelEntry* wanted = wait.entry == 0 ? nullptr : find(wait.entry);
    for (const ModelEntry& held : entries) {
      if (wanted != nullptr && held.slot == other && held.granted && (held.mask & wanted->mask) != 0 && conflict(held.mode, wanted->mode)) return true;
    }
    return false;
  }
  bool is_in_the_way(const ModelEntry& other, const ModelEntry& wanted) const {
    if (other.slot == wanted.slot || (other.mask & wanted.mask) == 0 || !conflict(other.mode, wanted.mode)) return false;
    if (other.granted) return true;
    return !wanted.converts && other.ticket < wanted.ticket && !waits_for(other.slot, wanted.slot);
  }
  // Slots in the way of what a slot waits for, as a set.
  std::uint32_t edges(int slot) const {
    const ModelSlot& wait = slots[slot];
    std::uint32_t set = 0;
    if (const int holder = slot_of(wait.holder); holder >= 0) set |= 1u << holder;
    const ModelEntry* wanted = wait.entry == 0 ? nullptr : find(wait.entry);
    if (wanted == nullptr || wanted->granted) return set;
    for (const ModelEntry& other : entries) {
      if (is_in_the_way(other, *wanted)) set |= 1u << other.slot;
    }
    return set;
  }
  // Whether a slot that waits waits for itself, by way of waiting slots of `among`.
  bool has_cycle(int slot, std::uint32_t among) const {
    std::uint32_t reached = 0;
    std::uint32_t next = slots[slot].waiting ? edges(slot) : 0;
    while ((next &= ~reached) != 0) {
      const int at = std::countr_zero(next);
      if (at == slot) return true;
      reached |= 1u << at;
      if ((among >> at & 1) != 0 && slots[at].waiting) next |= edges(at);
    }
    return false;
  }
  bool gives_way_before(int one, int other) const {
    if (slots[one].changes != slots[other].changes) return slots[one].changes < slots[other].changes;
    return slots[one].number > slots[other].number;
  }

  ModelEntry& add(int slot, std::uint32_t mask, Mode mode, bool is_claim) {
    ModelEntry entry{next_ticket++, slot, mask, mode};
    entry.converts = would_convert(slot, mask);
    entry.is_claim = is_claim;
    entry.is_point = !is_claim && std::has_single_bit(mask) && (mask & key_bits) != 0;
    return entries.emplace_back(entry);
  }
  void erase(std::uint64_t ticket) {
    std::erase_if(entries, [&](const ModelEntry& entry) { return entry.ticket == ticket; });
  }
  void stop_waiting(int slot) {
    slots[slot].waiting = slots[slot].wants_end = false;
    slots[slot].entry = slots[slot].holder = 0;
    slots[slot].key = -1;
  }
  void give_up(int slot) {
    if (slots[slot].entry != 0) erase(slots[slot].entry);
    stop_waiting(slot);
  }
  void grant(int slot) {
    if (ModelEntry* entry = slots[slot].entry == 0 ? nullptr : find(slots[slot].entry)) entry->granted = true;
    stop_waiting(slot);
  }
  // Grants in the order of tickets until all who wait are held up.
  void grant_those_free() {
    for (bool again = true; again;) {
      again = false;
      int first = -1;
      for (int i = 0; i < model_slots; ++i) {
        if (slots[i].waiting && edges(i) == 0 && (first < 0 || slots[i].ticket < slots[first].ticket)) first = i;
      }
      if (first < 0) return;
      grant(first);
      again = true;
    }
  }

  bool may_be_joined(const ModelEntry& entry) const {
    return entry.granted && !entry.is_claim && !(entry.of_wait_for && entry.mode == Mode::exclusive);
  }
  void finish(std::uint64_t ticket) {
    const int slot = find(ticket)->slot;
    find(ticket)->is_claim = false;
    if (!find(ticket)->is_point) join(ticket);
    escalate(slot);
  }
  void join(std::uint64_t ticket) {
    const ModelEntry start = *find(ticket);
    std::erase_if(entries, [&](const ModelEntry& point) {
      return point.is_point && point.slot == start.slot && may_be_joined(point) && (point.mask & start.mask) != 0 && suffices(start.mode, point.mode);
    });
    for (bool again = true; again;) {
      again = false;
      ModelEntry& entry = *find(ticket);
      for (const ModelEntry& other : entries) {
        if (&other == &entry || other.is_point || other.slot != entry.slot || !may_be_joined(other)) continue;
        const bool is_inside = (other.mask & ~entry.mask) == 0 && suffices(entry.mode, other.mode);
        const std::uint32_t both = (other.mask | entry.mask) >> std::countr_zero(other.mask | entry.mask);
        if (!is_inside && (other.mode != entry.mode || (both & (both + 1)) != 0)) continue;
        entry.mask |= other.mask;
        erase(other.ticket);
        again = true;
        break;
      }
    }
  }
  void escalate(int slot) {
    std::uint64_t count = 0;
    std::uint64_t wide = 0;
    Mode strongest = Mode::shared;
    for (const ModelEntry& entry : entries) {
      if (entry.slot != slot) continue;
      ++count;
      if (!may_be_joined(entry)) continue;
      wide = entry.ticket;
      if (entry.mode == Mode::exclusive) strongest = Mode::exclusive;
    }
    if (count <= slots[slot].escalate_above) return;
    bool others_mind = wide == 0;
    for (const ModelEntry& entry : entries) others_mind |= entry.slot != slot && conflict(entry.mode, strongest);
    if (others_mind) {
      slots[slot].escalate_above *= 2;
      return;
    }
    ModelEntry& entry = *find(wide);
    entry.mask = model_all;
    entry.mode = strongest;
    entry.is_point = entry.of_wait_for = false;
    join(wide);
    ++escalations;
  }

  std::uint64_t escalations = 0;

 private:
  static constexpr std::uint32_t key_bits = 0xaaaaaaaau;
};

}  // namespace quire::lock
