// What tests of the lock table stand on: transactions that are active because a test says so, and a Parking that never sleeps.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "base/ids.hpp"
#include "lock/lock_table.hpp"
#include "lock/parking.hpp"
#include "lock/xid_status.hpp"

namespace quire::lock {

class TestStatus final : public XidStatus {
 public:
  bool active(Xid xid) const noexcept override { return active_.contains(xid.raw); }
  std::string describe(Xid xid) const override { return "transaction " + std::to_string(xid.raw); }
  void begin(Xid xid) { active_.insert(xid.raw); }
  void end(Xid xid) { active_.erase(xid.raw); }

 private:
  std::set<std::uint64_t> active_;
};

// Every wait is suspended: the call returns busy and is made again to go on. The clock is set by hand.
class SuspendingParking final : public Parking {
 public:
  std::uint64_t now_us() override { return now; }
  bool wait(os::Mutex&, os::Condition&, std::uint64_t) override { return false; }
  void wake(os::Condition&) noexcept override { ++wakes; }

  std::uint64_t now = 1'000'000;
  std::uint64_t wakes = 0;
};

inline constexpr std::uint64_t test_patience_us = 1'000'000;

}  // namespace quire::lock
