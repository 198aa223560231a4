// Times as people write them.
//
// Goal     what quire log prints is read back as the same microsecond, and nothing that is no time is taken for one
// Method   the two directions against each other over random times; examples of what is refused
#include "tools/restore.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "wal/print.hpp"

namespace quire::tools {
namespace {

TEST(parse_utc, reads_what_the_log_prints) {
  Random random(7);
  for (int i = 0; i < 20000; ++i) {
    const std::uint64_t wall_us = 1 + random.below(std::uint64_t{7258118400} * 1000000);  // up to the year 2200
    const std::string text = wal::utc_text(wall_us);
    ASSERT_EQ(parse_utc(text).value(), wall_us) << text;
  }
}

TEST(parse_utc, takes_less_of_a_second_and_plain_microseconds) {
  const std::uint64_t noon = std::uint64_t{1772366400} * 1000000;
  EXPECT_EQ(parse_utc("2026-03-01 12:00:00").value(), noon);
  EXPECT_EQ(parse_utc("2026-03-01T12:00:00Z").value(), noon);
  EXPECT_EQ(parse_utc("2026-03-01 12:00:00.5").value(), noon + 500000);
  EXPECT_EQ(parse_utc("2026-03-01 12:00:00.000001").value(), noon + 1);
  EXPECT_EQ(parse_utc("1772366400000001").value(), noon + 1);
  EXPECT_EQ(parse_utc("1970-01-01 00:00:00").value(), 0U);
}

TEST(parse_utc, refuses_what_is_no_time) {
  for (const char* text : {"", "now", "2026-03-01", "2026-03-01 12:00", "2026-02-29 12:00:00", "2026-13-01 12:00:00", "2026-03-01 24:00:00",
                           "2026-03-01 12:60:00", "2026-03-01 12:00:60", "2026-03-01 12:00:00.", "2026-03-01 12:00:00.1234567",
                           "2026-03-01 12:00:00+01:00", "2026-03-01 12:00:00 ", "1969-12-31 23:59:59", "-5", "+026-03-01 12:00:00",
                           "99999999999999999999"}) {
    EXPECT_EQ(parse_utc(text).code(), Code::invalid) << text;
  }
}

}  // namespace
}  // namespace quire::tools
