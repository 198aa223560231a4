// Crash images: the states that a power cut at one moment may leave, one after the other.
//
//   CrashImages images(files, {.seed = 7, .budget = 50});
//   while (auto image = images.next()) check(*image, images.description());
//
// When everything that can be left fits into the budget, each state comes once. Otherwise: nothing and all of
// what is pending; each change alone, all but one, each prefix; with up to ten changes every subset; then
// random ones, until the budget is used. Of an ordered device: every prefix, whole and torn.
//
// Copies the disk when made; the file system may go on. Same disk, seed and budget: same images.
//
// Threads   one
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "os/sim/crash_picks.hpp"
#include "os/sim/sim_file_system.hpp"

namespace quire::os {

class CrashImages {
 public:
  struct Options {
    std::uint64_t seed = 0;
    std::size_t budget = 1000;  // images at most
  };

  CrashImages(const SimFileSystem& files, Options options);

  // Null when there are no more.
  std::unique_ptr<SimFileSystem> next();

  // What the last image kept: enough to recognise it in a run with the same seed.
  const std::string& description() const noexcept { return description_; }

  // Whether all states that can be left are among the images.
  bool is_complete() const noexcept { return complete_; }

  // Choices that a crash has to make.
  std::size_t slot_count() const noexcept { return slots_.newest.size(); }

 private:
  enum class Family { product, subset, alone, all_but_one, prefix, none, all, random };
  struct Candidate {
    Family family = Family::none;
    std::uint64_t index = 0;
    std::uint32_t sectors = 0;  // of the torn operation of a prefix
  };

  void plan_ordered();
  void plan_unordered();
  void add(Family family, std::uint64_t count);
  void fit_budget();
  std::vector<std::uint32_t> choices_of(const Candidate& candidate);
  Cut cut_of(const Candidate& candidate) const;
  std::unique_ptr<SimFileSystem> build(Pick& pick, std::uint64_t number);
  std::unique_ptr<SimFileSystem> next_random();

  const SimDisk disk_;
  const Options options_;
  const std::uint64_t quota_bytes_;
  const SlotList slots_;
  Random random_;
  std::vector<Candidate> candidates_;
  std::size_t next_candidate_ = 0;
  std::size_t built_ = 0;
  std::size_t fruitless_ = 0;
  bool complete_ = false;
  std::unordered_set<std::uint64_t> seen_;  // hashes of choices
  std::string description_;
};

}  // namespace quire::os
