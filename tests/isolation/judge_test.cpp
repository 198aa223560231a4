// The judge of histories, on histories made by hand.
//
// Goal     each anomaly is found, at the levels that forbid it and at no other; what is right is not accused
// Method   the smallest history of each; "a0(1)" appends 1 to key 0, "r0[1,2]" reads, "u" takes back what was appended since "s"
#include "isolation/judge.hpp"

#include <gmock/gmock.h>

#include <sstream>

namespace quire::test {
namespace {

class HistoryMaker {
 public:
  // `last`: "[1,2] [3]" is what the keys 0 and 1 hold in the end.
  explicit HistoryMaker(const std::string& last) {
    std::istringstream words(last);
    for (std::string word; words >> word;) history_.last.push_back(list_of(word.substr(1, word.size() - 2)));
  }

  // Everybody runs at the same time, unless `begun` and `ended` say otherwise.
  HistoryMaker& with(const std::string& events, bool committed = true, std::uint64_t begun = 0, std::uint64_t ended = 1000) {
    Record record{.name = "T" + std::to_string(history_.records.size() + 1), .committed = committed, .begun = begun, .ended = ended + history_.records.size()};
    std::istringstream words(events);
    std::size_t savepoint = 0;
    for (std::string word; words >> word;) {
      if (word == "s") savepoint = record.events.size();
      if (word == "u") {
        for (std::size_t i = savepoint; i < record.events.size(); ++i) record.events[i].undone_at = record.events.size();
      }
      if (word[0] != 'a' && word[0] != 'r') continue;
      Event event{.kind = word[0] == 'a' ? Event::Kind::append : Event::Kind::read, .key = static_cast<std::size_t>(word[1] - '0')};
      event.seen = list_of(word.substr(3, word.size() - 4));
      if (event.kind == Event::Kind::append) event.value = event.seen[0];
      record.events.push_back(event);
    }
    history_.records.push_back(std::move(record));
    return *this;
  }

  // What the four levels object to, first findings only.
  std::vector<std::string> judged() const {
    std::vector<std::string> all;
    for (const Isolation level : {Isolation::read_uncommitted, Isolation::read_committed, Isolation::repeatable_read, Isolation::serializable}) {
      const std::vector<Finding> findings = judge(history_, level);
      all.push_back(findings.empty() ? "" : name_of(findings[0].anomaly));
    }
    return all;
  }
  const History& history() const { return history_; }

 private:
  static List list_of(const std::string& text) {
    List list;
    std::istringstream numbers(text);
    for (std::string number; std::getline(numbers, number, ',');) list.push_back(std::stoull(number));
    return list;
  }

  History history_;
};

using ::testing::ElementsAre;

TEST(judge, has_nothing_against_one_after_the_other) {
  EXPECT_THAT(HistoryMaker("[1,2] [3]").with("r0[] a0(1) r0[1]").with("r0[1] a0(2) r1[] a1(3)").with("r0[1,2] r1[3]").with("r0[] a0(9)", false).judged(), ElementsAre("", "", "", ""));
}

TEST(judge, allows_own_appends_to_be_taken_back) {
  EXPECT_THAT(HistoryMaker("[1,3]").with("a0(1)").with("r0[1] s a0(2) r0[1,2] u r0[1] a0(3) r0[1,3]").judged(), ElementsAre("", "", "", ""));
}

TEST(judge, finds_a_write_cycle) {
  const char* found = "write cycle (G0)";
  EXPECT_THAT(HistoryMaker("[1,2] [4,3]").with("a0(1) a1(3)").with("a0(2) a1(4)").judged(), ElementsAre(found, found, found, found));
}

TEST(judge, finds_aborted_reads) {
  const char* found = "aborted read (G1a)";
  EXPECT_THAT(HistoryMaker("[]").with("a0(1)", false).with("r0[1]").judged(), ElementsAre("", found, found, found));
  EXPECT_THAT(HistoryMaker("[]").with("s a0(1) u").with("r0[1]").judged(), ElementsAre("", found, found, found)) << "taken back by a savepoint";
  EXPECT_THAT(HistoryMaker("[]").with("a0(1)", false).with("r0[1]", false).judged(), ElementsAre("", found, found, found)) << "the reader is rolled back too";
}

TEST(judge, finds_intermediate_reads) {
  const char* found = "intermediate read (G1b)";
  EXPECT_THAT(HistoryMaker("[1,2]").with("a0(1) a0(2)").with("r0[1]").judged(), ElementsAre("", found, found, found));
}

TEST(judge, finds_circular_information_flow) {
  const char* found = "circular information flow (G1c)";
  EXPECT_THAT(HistoryMaker("[1] [2]").with("a0(1) r1[2]").with("a1(2) r0[1]").judged(), ElementsAre("", found, found, found));
}

TEST(judge, finds_read_skew) {
  const char* found = "read skew (G-single)";
  EXPECT_THAT(HistoryMaker("[1] [2]").with("a0(1) a1(2)").with("r0[] r1[2]").judged(), ElementsAre("", "", found, found));
  EXPECT_THAT(HistoryMaker("[1]").with("a0(1)").with("r0[] r0[1]").judged(), ElementsAre("", "", found, found)) << "a read that cannot be repeated";
}

// Two rw, but not next to each other: snapshot isolation does not allow it, although it is no G-single.
TEST(judge, finds_a_cycle_that_no_snapshot_explains) {
  const char* found = "read skew (G-single)";
  EXPECT_THAT(HistoryMaker("[1] [2]").with("a0(1)").with("a1(2)").with("r0[1] r1[]").with("r1[2] r0[]").judged(), ElementsAre("", "", found, found));
}

TEST(judge, finds_write_skew_and_lets_snapshot_isolation_have_it) {
  const char* found = "write skew (G2)";
  EXPECT_THAT(HistoryMaker("[1] [2]").with("r0[] r1[] a0(1)").with("r0[] r1[] a1(2)").judged(), ElementsAre("", "", "", found));
}

// Fekete, O'Neil and O'Neil, 2004: without the reader the two would be fine.
TEST(judge, finds_the_anomaly_of_a_transaction_that_only_reads) {
  const char* found = "write skew (G2)";
  EXPECT_THAT(HistoryMaker("[1] [2]").with("r0[] r1[] a0(1)").with("r1[] a1(2)").judged(), ElementsAre("", "", "", ""));
  EXPECT_THAT(HistoryMaker("[1] [2]").with("r0[] r1[] a0(1)").with("r1[] a1(2)").with("r0[] r1[2]").judged(), ElementsAre("", "", "", found));
}

TEST(judge, finds_lost_updates) {
  const char* found = "lost update";
  EXPECT_THAT(HistoryMaker("[2]").with("r0[] a0(1)").with("r0[] a0(2)").judged(), ElementsAre(found, found, found, found));
}

TEST(judge, finds_dirty_writes_and_unseen_own_ones) {
  EXPECT_THAT(HistoryMaker("[1,2]").with("a0(1)", false).with("r0[1] a0(2)").judged()[0], "dirty write");
  EXPECT_THAT(HistoryMaker("[1]").with("a0(1) r0[]").judged()[0], "own write unseen");
  EXPECT_THAT(HistoryMaker("[1]").with("r0[1]").judged()[0], "garbage");
}

TEST(judge, finds_an_old_state_shown_to_somebody_who_came_later) {
  const char* found = "read skew (G-single)";
  EXPECT_THAT(HistoryMaker("[1]").with("a0(1)", true, 0, 10).with("r0[]", true, 20, 30).judged(), ElementsAre("", "", found, found));
  EXPECT_THAT(HistoryMaker("[1]").with("a0(1)", true, 0, 10).with("r0[]", true, 5, 30).judged(), ElementsAre("", "", "", ""));
}

TEST(judge, demands_of_each_what_its_own_level_promises) {
  History skew = HistoryMaker("[1] [2]").with("r0[] r1[] a0(1)").with("r0[] r1[] a1(2)").history();
  EXPECT_EQ(judge(skew).size(), 1u);
  skew.records[0].level = Isolation::repeatable_read;
  EXPECT_EQ(judge(skew).size(), 0u);
}

TEST(judge, tells_the_cycle) {
  const std::vector<Finding> findings = judge(HistoryMaker("[1] [2]").with("r1[] a0(1)").with("r0[] a1(2)").history());
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].text, "T1 -rw key 1 number 2-> T2 -rw key 0 number 1-> T1\n    T1: r1[] a0(1)\n    T2: r0[] a1(2)");
}

}  // namespace
}  // namespace quire::test
