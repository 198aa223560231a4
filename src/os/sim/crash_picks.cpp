// Crash picks: collecting the slots, and the decisions.
//
// Slots are collected by composing an image that keeps nothing: one traversal serves both, so the order in
// which choices are listed and consumed cannot drift apart.
#include "os/sim/crash_picks.hpp"

#include <algorithm>
#include <set>

namespace quire::os {

namespace {

// Keeps nothing and writes down what it was asked.
class CollectPick final : public Pick {
 public:
  std::uint32_t choose(const Slot& slot) override {
    list.newest.push_back(slot.newest());
    list.alternatives.push_back(slot.alternatives());
    list.first_sequence.push_back(list.slot_sequences.size());
    for (const std::uint64_t sequence : slot.sequences) {
      list.slot_sequences.push_back(sequence);
      if (slot.kind == Slot::Kind::sector) ++list.sectors_of[sequence];
    }
    return 0;
  }

  SlotList list;
};

}  // namespace

std::uint64_t SlotList::combinations(std::uint64_t limit) const noexcept {
  std::uint64_t product = 1;
  for (const std::uint32_t count : alternatives) {
    if (product > limit / count) return limit;
    product *= count;
  }
  return product;
}

std::uint32_t SlotList::until(std::size_t slot, std::uint64_t sequence) const noexcept {
  std::uint32_t kept = 0;
  while (kept < newest[slot] && slot_sequences[first_sequence[slot] + kept] <= sequence) ++kept;
  return kept;
}

SlotList list_slots(const SimDisk& disk) {
  CollectPick pick;
  [[maybe_unused]] const SimDisk unused = disk.compose(pick, 0);
  std::vector<std::uint64_t>& sequences = pick.list.sequences;
  sequences = pick.list.slot_sequences;
  std::sort(sequences.begin(), sequences.end());
  sequences.erase(std::unique(sequences.begin(), sequences.end()), sequences.end());
  return std::move(pick.list);
}

std::uint32_t CutPick::choose(const Slot& slot) {
  const std::uint32_t whole = slot.until(cut_.sequence);
  const bool torn_next =
      cut_.torn_sequence != 0 && whole < slot.newest() && slot.sequences[whole] == cut_.torn_sequence;
  if (!torn_next || slot.kind == Slot::Kind::name) return whole;
  // The size goes first: sectors that did not arrive read as zeros.
  if (slot.kind == Slot::Kind::size) return whole + 1;
  if (sectors_taken_ == cut_.torn_sectors) return whole;
  ++sectors_taken_;
  // The last sector to arrive may have been on its way when the power went.
  const bool tears = slot.can_tear && sectors_taken_ == cut_.torn_sectors && whole + 1 == slot.newest();
  return tears ? slot.torn() : whole + 1;
}

RandomPick::RandomPick(Random& random) noexcept : random_(random) {
  // Uniform choices alone would hardly ever keep nearly all or nearly nothing, where the mistakes are.
  constexpr std::uint64_t probabilities[] = {0, 1, 4, 4, 7, 8};
  survive_of_eight_ = probabilities[random.below(std::size(probabilities))];
}

std::uint32_t RandomPick::choose_among(std::uint32_t newest, std::uint32_t alternatives) {
  if (!random_.chance(survive_of_eight_, 8)) return 0;
  const bool can_tear = alternatives > newest + 1;
  if (can_tear && random_.chance(1, 8)) return newest + 1;
  if (random_.chance(3, 4)) return newest;
  return static_cast<std::uint32_t>(random_.between({.from = 1, .to = newest}));
}

SimDisk random_crash(const SimDisk& disk, Random& random) {
  const std::uint64_t tear_seed = random.next();
  if (!disk.profile().ordered && random.chance(3, 4)) {
    RandomPick pick(random);
    return disk.compose(pick, tear_seed);
  }
  const SlotList slots = list_slots(disk);
  Cut cut;
  const auto kept = static_cast<std::size_t>(random.below(slots.sequences.size() + 1));
  if (kept > 0) cut.sequence = slots.sequences[kept - 1];
  if (kept < slots.sequences.size()) {
    const auto torn = slots.sectors_of.find(slots.sequences[kept]);
    if (torn != slots.sectors_of.end()) {
      cut.torn_sequence = torn->first;
      cut.torn_sectors = static_cast<std::uint32_t>(random.below(torn->second + 1));
      if (cut.torn_sectors == 0) cut.torn_sequence = 0;
    }
  }
  CutPick pick(cut);
  return disk.compose(pick, tear_seed);
}

}  // namespace quire::os
