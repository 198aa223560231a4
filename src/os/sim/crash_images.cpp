// Crash images: planning which to build, and building them.
//
// Candidates are small descriptions; choices are made from them only when their turn comes. Choices that
// were built before (a prefix is often also a subset) are left out.
#include "os/sim/crash_images.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "base/hash.hpp"

namespace quire::os {

namespace {

constexpr std::uint64_t combinations_max = 1024;
constexpr std::size_t subset_slots_max = 10;
// So often in a row may a random choice turn out to be known before the search ends.
constexpr std::size_t fruitless_max = 64;

std::uint64_t hash_of(const std::vector<std::uint32_t>& choices) noexcept {
  return hash64(std::as_bytes(std::span(choices)));
}

}  // namespace

CrashImages::CrashImages(const SimFileSystem& files, Options options)
    : disk_(files.freeze()),
      options_(options),
      quota_bytes_(files.quota_bytes()),
      slots_(list_slots(disk_)),
      random_(options.seed) {
  if (disk_.profile().ordered) {
    plan_ordered();
  } else {
    plan_unordered();
  }
  fit_budget();
}

// Candidate k keeps k operations; with sectors, so many of the next one's as well.
void CrashImages::plan_ordered() {
  add(Family::none, 1);
  add(Family::all, 1);
  for (std::uint64_t kept = 0; kept < slots_.sequences.size(); ++kept) {
    if (kept > 0) candidates_.push_back({.family = Family::prefix, .index = kept, .sectors = 0});
    const auto torn = slots_.sectors_of.find(slots_.sequences[static_cast<std::size_t>(kept)]);
    if (torn == slots_.sectors_of.end()) continue;
    // All sectors of an operation are the operation, unless the last one can arrive in pieces.
    const std::uint32_t most = disk_.profile().tearing == Tearing::never ? torn->second - 1 : torn->second;
    for (std::uint32_t sectors = 1; sectors <= most; ++sectors) {
      candidates_.push_back({.family = Family::prefix, .index = kept, .sectors = sectors});
    }
  }
  complete_ = disk_.profile().tearing == Tearing::never && candidates_.size() <= options_.budget;
}

void CrashImages::plan_unordered() {
  const std::uint64_t limit = std::min<std::uint64_t>(combinations_max, options_.budget) + 1;
  const std::uint64_t combinations = slots_.combinations(limit);
  if (combinations < limit) {
    add(Family::product, combinations);
    complete_ = disk_.profile().tearing == Tearing::never;
    return;
  }
  add(Family::none, 1);
  add(Family::all, 1);
  add(Family::alone, slots_.newest.size());
  add(Family::all_but_one, slots_.newest.size());
  if (!slots_.sequences.empty()) add(Family::prefix, slots_.sequences.size() - 1);
  if (slots_.newest.size() <= subset_slots_max) add(Family::subset, std::uint64_t{1} << slots_.newest.size());
}

void CrashImages::add(Family family, std::uint64_t count) {
  for (std::uint64_t index = 0; index < count; ++index) {
    candidates_.push_back({.family = family, .index = index, .sectors = 0});
  }
}

// Too many: none and all (the first two) stay, of the others a random part that leaves room for random images.
void CrashImages::fit_budget() {
  if (candidates_.size() <= options_.budget) return;
  const std::size_t fixed = std::min<std::size_t>(2, candidates_.size());
  std::vector<Candidate> others(candidates_.begin() + static_cast<std::ptrdiff_t>(fixed), candidates_.end());
  random_.shuffle(others);
  candidates_.resize(fixed);
  candidates_.insert(candidates_.end(), others.begin(), others.end());
  const std::size_t planned = disk_.profile().ordered ? options_.budget : options_.budget - options_.budget / 4;
  candidates_.resize(std::min(candidates_.size(), planned));
}

std::unique_ptr<SimFileSystem> CrashImages::next() {
  if (built_ >= options_.budget) return nullptr;
  while (next_candidate_ < candidates_.size()) {
    const Candidate candidate = candidates_[next_candidate_++];
    if (disk_.profile().ordered) {
      const Cut cut = cut_of(candidate);
      description_ = "operations up to " + std::to_string(cut.sequence) + " and " + std::to_string(cut.torn_sectors) +
                     " sectors of the next";
      CutPick pick(cut);
      return build(pick, next_candidate_);
    }
    const std::vector<std::uint32_t> choices = choices_of(candidate);
    const std::uint64_t hash = hash_of(choices);
    if (!seen_.insert(hash).second) continue;
    description_ = "choices " + std::to_string(hash) + " of " + std::to_string(choices.size()) + " slots";
    ListPick pick(choices);
    return build(pick, hash);
  }
  return disk_.profile().ordered ? nullptr : next_random();
}

std::unique_ptr<SimFileSystem> CrashImages::next_random() {
  if (complete_) return nullptr;
  while (fruitless_ < fruitless_max) {
    const std::vector<std::uint32_t> choices = choices_of({.family = Family::random, .index = 0, .sectors = 0});
    const std::uint64_t hash = hash_of(choices);
    if (!seen_.insert(hash).second) {
      ++fruitless_;
      continue;
    }
    fruitless_ = 0;
    description_ = "random choices " + std::to_string(hash) + " of " + std::to_string(choices.size()) + " slots";
    ListPick pick(choices);
    return build(pick, hash);
  }
  return nullptr;
}

std::vector<std::uint32_t> CrashImages::choices_of(const Candidate& candidate) {
  const std::size_t count = slots_.newest.size();
  std::vector<std::uint32_t> choices(count, 0);
  std::uint64_t rest = candidate.index;
  RandomPick chance(random_);
  for (std::size_t slot = 0; slot < count; ++slot) {
    const std::uint32_t newest = slots_.newest[slot];
    switch (candidate.family) {
      case Family::none: break;
      case Family::all: choices[slot] = newest; break;
      case Family::alone: choices[slot] = slot == candidate.index ? newest : 0; break;
      case Family::all_but_one: choices[slot] = slot == candidate.index ? 0 : newest; break;
      case Family::prefix: choices[slot] = slots_.until(slot, slots_.sequences[candidate.index]); break;
      case Family::subset: choices[slot] = (candidate.index >> slot & 1) != 0 ? newest : 0; break;
      case Family::random: choices[slot] = chance.choose_among(newest, slots_.alternatives[slot]); break;
      case Family::product:
        choices[slot] = static_cast<std::uint32_t>(rest % slots_.alternatives[slot]);
        rest /= slots_.alternatives[slot];
        break;
    }
  }
  return choices;
}

Cut CrashImages::cut_of(const Candidate& candidate) const {
  const std::vector<std::uint64_t>& sequences = slots_.sequences;
  Cut cut;
  if (sequences.empty() || candidate.family == Family::none) return cut;
  if (candidate.family == Family::all) return {.sequence = sequences.back(), .torn_sequence = 0, .torn_sectors = 0};
  if (candidate.index > 0) cut.sequence = sequences[candidate.index - 1];
  if (candidate.sectors > 0) cut.torn_sequence = sequences[candidate.index];
  cut.torn_sectors = candidate.sectors;
  return cut;
}

std::unique_ptr<SimFileSystem> CrashImages::build(Pick& pick, std::uint64_t number) {
  ++built_;
  std::uint64_t mixed = options_.seed ^ number;
  const std::uint64_t seed = split_mix(mixed);
  const SimOptions options{.seed = seed, .profile = disk_.profile(), .quota_bytes = quota_bytes_, .keep_trace = false};
  return std::make_unique<SimFileSystem>(options, disk_.compose(pick, seed));
}

}  // namespace quire::os
