// Goal: the system's clock goes forward, its entropy differs, memory mappings are aligned, zero, and give
//       memory back; hooks reach their handler.
// Method: examples.
#include "os/environment.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <set>

#include "os/hook.hpp"
#include "os/memory.hpp"
#include "os/sync.hpp"

namespace quire::os {
namespace {

TEST(environment, has_a_clock_that_goes_forward) {
  Clock& clock = system_environment().clock;
  const std::uint64_t start = clock.monotonic_us();
  sleep_us(2000);
  EXPECT_GE(clock.monotonic_us(), start + 2000);
  EXPECT_GT(clock.wall_us(), 1'600'000'000'000'000u) << "after 2020";
}

TEST(environment, has_entropy_that_differs) {
  std::set<std::uint64_t> numbers;
  for (int round = 0; round < 1000; ++round) numbers.insert(system_environment().entropy.next());
  EXPECT_EQ(numbers.size(), 1000u);
}

TEST(environment, is_one_object) { EXPECT_EQ(&system_environment(), &system_environment()); }

TEST(environment, numbers_threads) {
  const std::uint64_t mine = this_thread_number();
  EXPECT_NE(mine, 0u);
  EXPECT_EQ(this_thread_number(), mine);
  std::uint64_t other = 0;
  {
    const Thread thread([&] { other = this_thread_number(); });
  }
  EXPECT_NE(other, 0u);
  EXPECT_NE(other, mine);
  yield_thread();
}

TEST(mapping, is_aligned_and_zero) {
  const Mapping mapping = Mapping::reserve(5000001).value();
  EXPECT_EQ(mapping.size(), 5000001u);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(mapping.data()) % (2u << 20), 0u);
  for (std::size_t at = 0; at < mapping.size(); at += 997) ASSERT_EQ(mapping.data()[at], std::byte{0});
}

TEST(mapping, keeps_its_content_when_populated) {
  Mapping mapping = Mapping::reserve(3 << 20).value();
  std::memset(mapping.data() + 5000, 7, 100);
  mapping.populate(4999, (1 << 20) + 1);
  mapping.populate(3 << 20, 0);
  for (std::size_t at = 0; at < mapping.size(); ++at) {
    ASSERT_EQ(mapping.data()[at], at >= 5000 && at < 5100 ? std::byte{7} : std::byte{0}) << at;
  }
}

TEST(mapping, forgets_what_is_discarded_and_nothing_else) {
  Mapping mapping = Mapping::reserve(1 << 20).value();
  for (const std::size_t offset : {0u, 1u, 4096u, 5000u}) {
    for (const std::size_t bytes : {0u, 1u, 100u, 4096u, 8192u, 20000u}) {
      std::memset(mapping.data(), 1, 64 * 1024);
      mapping.discard(offset, bytes);
      for (std::size_t at = 0; at < 64 * 1024; ++at) {
        const bool gone = at >= offset && at < offset + bytes;
        ASSERT_EQ(mapping.data()[at], gone ? std::byte{0} : std::byte{1}) << offset << " " << bytes << " " << at;
      }
    }
  }
}

TEST(mapping, moves) {
  Mapping one = Mapping::reserve(4096).value();
  std::byte* const data = one.data();
  Mapping other = std::move(one);
  EXPECT_EQ(other.data(), data);
  Mapping third = Mapping::reserve(8192).value();
  third = std::move(other);
  EXPECT_EQ(third.data(), data);
  EXPECT_EQ(third.size(), 4096u);
}

TEST(mapping, may_be_empty_or_too_large) {
  EXPECT_EQ(Mapping::reserve(0).value().data(), nullptr);
  EXPECT_EQ(Mapping::reserve(~std::size_t{0}), Code::no_memory);
  EXPECT_EQ(Mapping::reserve(std::size_t{1} << 62), Code::no_memory);
  EXPECT_GE(physical_memory_bytes(), std::size_t{1} << 28);
}

TEST(hook, does_nothing_without_a_handler) { EXPECT_TRUE(hook("log.before_sync").ok()); }

TEST(hook, reports_what_the_handler_returns) {
  int calls = 0;
  set_hook_handler(
      [](std::string_view name, void* context) {
        ++*static_cast<int*>(context);
        return name == "bad" ? Status(Code::io, "on request") : Status();
      },
      &calls);
  EXPECT_TRUE(hook("good").ok());
  EXPECT_EQ(hook("bad"), Code::io);
  set_hook_handler(nullptr, nullptr);
  EXPECT_TRUE(hook("bad").ok());
  EXPECT_EQ(calls, 2);
}

}  // namespace
}  // namespace quire::os
