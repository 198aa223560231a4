// Memory that runs out, at every allocation of the lock table.
//
// Goal     a call that std::bad_alloc leaves has changed nothing and works when it is made again; giving back needs no memory
// Method   this program's operator new, which fails once, at the n-th allocation of a script of calls; every n
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <string>

#include "base/contain.hpp"
#include "lock/lock_table.hpp"
#include "lock/test_locks.hpp"

namespace quire::lock {
namespace {

thread_local std::uint64_t left_until_failure = 0;  // 0: none fails

void* allocate(std::size_t bytes) {
  const bool fails = left_until_failure != 0 && --left_until_failure == 0;
  void* memory = fails ? nullptr : std::malloc(bytes == 0 ? 1 : bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace
}  // namespace quire::lock

// Not inlined: the compiler would take free() for a mistake.
[[gnu::noinline]] void* operator new(std::size_t bytes) { return quire::lock::allocate(bytes); }
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace quire::lock {
namespace {

constexpr TreeId tree{5};

class Script {
 public:
  // Whether the n-th allocation, counted from 1, was reached.
  bool run(std::uint64_t n) {
    status_.begin(Xid{1});
    status_.begin(Xid{2});
    a_.set_xid(Xid{1});
    b_.set_xid(Xid{2});
    const std::string low(100, 'b');  // no room for it inside of a string
    const std::string high(100, 'd');
    left_until_failure = n;
    expect(Code::ok, [&] { return table_.acquire(a_, tree, Interval::point(low), Mode::shared, 0); });
    expect(Code::ok, [&] { return table_.acquire(a_, TreeId{6}, Interval::between({low}, Bound{high}), Mode::exclusive, 0); });
    expect(Code::timeout, [&] { return table_.acquire(b_, tree, Interval::point(low), Mode::exclusive, 0); });
    expect(Code::ok, [&] {
      Result<Claim> claim = table_.claim(b_, tree, Interval::between({low}, Bound{high}), Mode::shared, 0);
      if (claim.ok()) claim_ = *claim;
      return std::move(claim).status();
    });
    expect(Code::ok, [&] {
      table_.cut(claim_, Interval::from({low + "c"}));
      return Status();
    });
    table_.keep(claim_);
    expect(Code::busy, [&] { return table_.wait_for(a_, tree, high, Mode::exclusive, Xid{2}, 1000); });
    // A deadlock that no memory is left to tell of is a deadlock still.
    expect(Code::deadlock, [&] { return table_.wait_for(b_, tree, high + "e", Mode::exclusive, Xid{1}, 1000); });
    expect(Code::deadlock, [&] { return table_.acquire(b_, TreeId{6}, Interval::point(high), Mode::shared, 1000); });
    const bool reached = left_until_failure == 0;
    left_until_failure = 1;  // ends need no memory
    table_.end(a_);
    table_.end(b_);
    left_until_failure = 0;
    EXPECT_EQ(table_.counts().entries, 0u);
    EXPECT_EQ(table_.counts().waiting, 0u);
    return reached;
  }

 private:
  template <class Call>
  void expect(Code code, const Call& call) {
    const std::uint64_t entries = table_.counts().entries;
    Status status = contain_no_memory(call);
    if (status == Code::no_memory) {
      EXPECT_EQ(table_.counts().entries, entries) << "half done";
      status = contain_no_memory(call);
    }
    EXPECT_EQ(status, code) << status.to_string();
  }

  TestStatus status_;
  SuspendingParking parking_;
  LockTable table_{status_, parking_};
  Owner a_{1};
  Owner b_{2};
  Claim claim_;
};

TEST(lock_memory, runs_out_at_every_allocation) {
  std::uint64_t n = 1;
  while (Script().run(n)) ++n;
  EXPECT_GT(n, 20u);
}

}  // namespace
}  // namespace quire::lock
