// Goal: statuses and results carry code, text and value through copies, moves and early returns.
// Method: examples; misuse must stop the program with a message.
#include "quire/status.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <set>

#include "base/try.hpp"

namespace quire {
namespace {

Status fail_if(bool fail) { return fail ? Status(Code::busy, "held by process 7") : Status(); }

Result<int> number_or(Code code) {
  if (code == Code::ok) return 42;
  return Status(code, "no number");
}

Status try_it(bool fail, bool& passed) {
  QUIRE_TRY(fail_if(fail));
  passed = true;
  return {};
}

Result<std::unique_ptr<int>> assign_it(Code code) {
  QUIRE_ASSIGN(const int number, number_or(code));
  return std::make_unique<int>(number + 1);
}

TEST(status, is_ok_without_a_code) {
  const Status status;
  EXPECT_TRUE(status.ok());
  EXPECT_TRUE(static_cast<bool>(status));
  EXPECT_EQ(status, Code::ok);
  EXPECT_EQ(status.to_string(), "ok");
  EXPECT_EQ(status.message(), "");
}

TEST(status, tells_code_and_message) {
  const Status status(Code::corrupt, "page 17 is torn");
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(status.code(), Code::corrupt);
  EXPECT_EQ(status.message(), "page 17 is torn");
  EXPECT_EQ(status.to_string(), "corrupt: page 17 is torn");
}

TEST(status, copies_and_moves) {
  Status status(Code::io, "disk");
  Status copy = status;
  EXPECT_EQ(copy.to_string(), "io: disk");
  EXPECT_EQ(status.to_string(), "io: disk");
  const Status moved = std::move(copy);
  EXPECT_EQ(moved.to_string(), "io: disk");
  status = Status();
  EXPECT_TRUE(status.ok());
  status = moved;
  EXPECT_EQ(status.to_string(), "io: disk");
  Status& same = status;
  status = same;
  EXPECT_EQ(status.to_string(), "io: disk");
}

TEST(status, names_every_code_differently) {
  std::set<std::string_view> names;
  for (int number = 0; number <= static_cast<int>(Code::unsupported); ++number) {
    names.insert(code_name(static_cast<Code>(number)));
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(Code::unsupported) + 1);
  EXPECT_FALSE(names.contains("unknown code"));
  EXPECT_EQ(code_name(static_cast<Code>(200)), "unknown code");
}

TEST(status, returns_early_from_try) {
  bool passed = false;
  EXPECT_EQ(try_it(true, passed), Code::busy);
  EXPECT_FALSE(passed);
  EXPECT_TRUE(try_it(false, passed).ok());
  EXPECT_TRUE(passed);
}

TEST(result, holds_a_value_or_a_status) {
  const Result<int> good = number_or(Code::ok);
  EXPECT_TRUE(good.ok());
  EXPECT_EQ(*good, 42);
  EXPECT_EQ(good.code(), Code::ok);
  const Result<int> bad = number_or(Code::limit);
  EXPECT_EQ(bad, Code::limit);
  EXPECT_EQ(bad.message(), "no number");
  EXPECT_EQ(Result<int>(bad).value_or(5), 5);
}

TEST(result, moves_values_that_cannot_be_copied) {
  Result<std::unique_ptr<int>> result = assign_it(Code::ok);
  ASSERT_TRUE(result.ok());
  const std::unique_ptr<int> value = std::move(result).value();
  EXPECT_EQ(*value, 43);
  EXPECT_EQ(assign_it(Code::io).status().to_string(), "io: no number");
}

TEST(result, refuses_to_be_made_from_ok) { EXPECT_EQ(Result<int>(Status()), Code::invalid); }

TEST(result_death, stops_when_there_is_no_value) {
  EXPECT_DEATH(static_cast<void>(number_or(Code::io).value()), "value\\(\\) of a failed Result: io: no number");
}

}  // namespace
}  // namespace quire
