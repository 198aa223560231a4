// Crash picks: ways to decide what a crash keeps.
//
// An ordered device keeps a prefix of the operations, the last one perhaps torn between sectors; any other
// decides slot by slot.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "base/random.hpp"
#include "os/sim/sim_disk.hpp"

namespace quire::os {

// What there is to decide: the slots of a disk in the order in which a Pick is asked, and its operations.
struct SlotList {
  std::vector<std::uint32_t> newest;                  // per slot: the choice that keeps everything
  std::vector<std::uint32_t> alternatives;            // per slot
  std::vector<std::uint64_t> sequences;               // operations with anything pending, rising
  std::map<std::uint64_t, std::uint32_t> sectors_of;  // per operation

  std::vector<std::uint64_t> slot_sequences;  // of all slots, one after the other
  std::vector<std::size_t> first_sequence;    // per slot, where its own begin

  // The choice of a slot that keeps everything up to an operation.
  std::uint32_t until(std::size_t slot, std::uint64_t sequence) const noexcept;

  // The product of the alternatives, or `limit` when it is more.
  std::uint64_t combinations(std::uint64_t limit) const noexcept;
};

SlotList list_slots(const SimDisk& disk);

// One given choice per slot.
class ListPick final : public Pick {
 public:
  explicit ListPick(const std::vector<std::uint32_t>& choices) noexcept : choices_(choices) {}
  std::uint32_t choose(const Slot&) override { return choices_.at(next_++); }

 private:
  const std::vector<std::uint32_t>& choices_;
  std::size_t next_ = 0;
};

// Where a prefix of the operations ends.
struct Cut {
  std::uint64_t sequence = 0;       // the last operation kept whole; 0 is none
  std::uint64_t torn_sequence = 0;  // the one after it, kept in part; 0 is none
  std::uint32_t torn_sectors = 0;   // so many of its first sectors are kept
};

class CutPick final : public Pick {
 public:
  explicit CutPick(Cut cut) noexcept : cut_(cut) {}
  std::uint32_t choose(const Slot& slot) override;

 private:
  const Cut cut_;
  std::uint32_t sectors_taken_ = 0;
};

// Each slot for itself, with one probability for all.
class RandomPick final : public Pick {
 public:
  explicit RandomPick(Random& random) noexcept;
  std::uint32_t choose(const Slot& slot) override { return choose_among(slot.newest(), slot.alternatives()); }
  std::uint32_t choose_among(std::uint32_t newest, std::uint32_t alternatives);

 private:
  Random& random_;
  std::uint64_t survive_of_eight_;
};

// One image that a reboot may show.
SimDisk random_crash(const SimDisk& disk, Random& random);

}  // namespace quire::os
