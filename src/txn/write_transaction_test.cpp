// Write transactions and the purge queue, over rows that only a test knows.
//
// Goal     a rollback hands every record back, newest first, and gives the log back; savepoints nest to any depth; purge looks
//          at what is below the horizon, in order of commits, within its budget, and once only
// Method   a target that notes what it is told; random savepoints against a stack; failures at every record
#include "txn/test_undo.hpp"

#include "base/random.hpp"
#include "txn/purge_queue.hpp"

namespace quire::txn {
namespace {

class Notes final : public UndoTarget {
 public:
  Status undo(WriteTransaction& transaction, const UndoRecord& record, std::uint64_t) override {
    if (fail_in > 0 && --fail_in == 0) return Status(failure, "as told");
    undone.push_back(std::string(record.key));
    transaction.stepped_back(record);
    return Status();
  }
  Status purge(Xid xid, const UndoRecord& record, std::uint64_t) override {
    if (fail_in > 0 && --fail_in == 0) return Status(failure, "as told");
    purged.push_back(std::to_string(xid.raw) + " " + std::string(record.key));
    return Status();
  }
  std::vector<std::string> undone;
  std::vector<std::string> purged;
  std::uint64_t fail_in = 0;
  Code failure = Code::full;
};

class write_transaction : public testing::Test {
 protected:
  void change(WriteTransaction& transaction, const std::string& key, UndoType type = UndoType::insert) {
    store_.in_action(undo_record_bytes(key.size(), 0), [&](buffer::Action& action, const buffer::WritePage& page) {
      transaction.record(action, page, {.type = type, .tree = TreeId{3}, .key = key, .value = {}});
    });
  }
  static Status no_room_needed() { return Status(Code::invalid, "nobody asked for room"); }

  UndoStore store_;
  Notes notes_;
};

TEST_F(write_transaction, hands_back_everything_newest_first) {
  WriteTransaction transaction(store_.log, Xid{4}, Xid{4});
  std::vector<std::string> keys;
  for (int i = 0; i < 1000; ++i) keys.push_back("key" + std::to_string(i));
  for (const std::string& key : keys) change(transaction, key);
  EXPECT_EQ(transaction.operations(), 1000u);
  EXPECT_GT(store_.log.page_count(), 5u);
  ASSERT_TRUE(transaction.rollback_to({no_undo, transaction.begin()}, notes_, no_room_needed).ok());
  EXPECT_EQ(notes_.undone, std::vector<std::string>(keys.rbegin(), keys.rend()));
  EXPECT_FALSE(transaction.changed_anything());
  EXPECT_TRUE(store_.log.empty());
  EXPECT_EQ(store_.pages(), 0u);
}

TEST_F(write_transaction, goes_back_through_ten_thousand_nested_savepoints) {
  constexpr int depth = 10000;
  WriteTransaction transaction(store_.log, Xid{4}, Xid{4});
  std::vector<WriteTransaction::Savepoint> savepoints;
  for (int i = 0; i < depth; ++i) {
    savepoints.push_back(transaction.savepoint());
    if (i % 3 != 0) change(transaction, std::to_string(i));
  }
  for (int i = depth; i-- > 0;) {
    notes_.undone.clear();
    ASSERT_TRUE(transaction.rollback_to(savepoints[static_cast<std::size_t>(i)], notes_, no_room_needed).ok());
    ASSERT_EQ(notes_.undone, i % 3 != 0 ? std::vector<std::string>{std::to_string(i)} : std::vector<std::string>());
    ASSERT_EQ(store_.log.end(), savepoints[static_cast<std::size_t>(i)].position);
  }
  EXPECT_TRUE(store_.log.empty());
}

TEST_F(write_transaction, agrees_with_a_stack_over_random_savepoints) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Random random(seed);
    WriteTransaction transaction(store_.log, Xid{seed}, Xid{seed});
    std::vector<std::string> model;
    std::vector<std::pair<WriteTransaction::Savepoint, std::size_t>> stack;
    for (int step = 0; step < 600; ++step) {
      const std::uint64_t choice = random.below(10);
      if (choice < 7) {
        model.push_back(std::to_string(step) + std::string(random.below(300), 'k'));
        change(transaction, model.back(), random.chance(1, 2) ? UndoType::insert : UndoType::erase);
      } else if (choice < 9) {
        stack.emplace_back(transaction.savepoint(), model.size());
      } else if (!stack.empty()) {
        stack.resize(1 + random.below(stack.size()));
        notes_.undone.clear();
        ASSERT_TRUE(transaction.rollback_to(stack.back().first, notes_, no_room_needed).ok());
        ASSERT_EQ(notes_.undone.size(), model.size() - stack.back().second);
        for (const std::string& key : notes_.undone) {
          ASSERT_EQ(key, model.back());
          model.pop_back();
        }
      }
    }
    notes_.undone.clear();
    ASSERT_TRUE(transaction.rollback_to({no_undo, transaction.begin()}, notes_, no_room_needed).ok());
    ASSERT_EQ(notes_.undone, std::vector<std::string>(model.rbegin(), model.rend()));
    ASSERT_EQ(transaction.purge_work(), 0u);
    ASSERT_TRUE(store_.log.empty());
  }
}

// On a full disk the caller makes room once per record, and the rollback goes on where it was.
TEST_F(write_transaction, asks_for_room_and_goes_on) {
  WriteTransaction transaction(store_.log, Xid{4}, Xid{4});
  for (int i = 0; i < 20; ++i) change(transaction, std::to_string(i));
  notes_.fail_in = 8;
  std::uint64_t asked = 0;
  const auto make_room = [&] {
    if (++asked < 3) notes_.fail_in = 4;
    return Status();
  };
  ASSERT_TRUE(transaction.rollback_to({no_undo, transaction.begin()}, notes_, make_room).ok());
  EXPECT_EQ(asked, 3u);
  EXPECT_EQ(notes_.undone.size(), 20u);
  EXPECT_TRUE(store_.log.empty());
}

TEST_F(write_transaction, stops_at_a_record_that_cannot_be_undone) {
  for (const Code failure : {Code::io, Code::corrupt, Code::full}) {
    WriteTransaction transaction(store_.log, Xid{4}, Xid{4});
    for (int i = 0; i < 20; ++i) change(transaction, std::to_string(i));
    notes_ = {};
    notes_.failure = failure;
    notes_.fail_in = 8;
    const auto no_use = [&] {
      notes_.fail_in = 1;
      return Status();
    };
    EXPECT_EQ(transaction.rollback_to({no_undo, transaction.begin()}, notes_, no_use), failure);
    EXPECT_EQ(notes_.undone.size(), 7u);
    notes_.fail_in = 0;
    EXPECT_TRUE(transaction.rollback_to({no_undo, transaction.begin()}, notes_, no_room_needed).ok()) << "from where it was";
    EXPECT_EQ(notes_.undone.size(), 20u);
  }
}

TEST_F(write_transaction, leaves_to_purge_what_needs_it_in_order_of_commits) {
  PurgeQueue queue;
  for (std::uint64_t xid = 4; xid < 7; ++xid) {
    WriteTransaction transaction(store_.log, Xid{xid}, Xid{xid});
    change(transaction, "a", UndoType::insert);
    change(transaction, "b", UndoType::erase);
    change(transaction, "c", UndoType::update);
    change(transaction, "d", UndoType::drop);
    EXPECT_EQ(transaction.purge_work(), 2u);
    queue.add(transaction, Timestamp{xid});
  }
  EXPECT_TRUE(queue.step(Timestamp{4}, 1000, notes_).value());
  EXPECT_EQ(notes_.purged, std::vector<std::string>());
  EXPECT_EQ(queue.size(), 3u);
  EXPECT_TRUE(queue.step(Timestamp{6}, 1000, notes_).value());
  EXPECT_EQ(notes_.purged, (std::vector<std::string>{"4 d", "4 b", "5 d", "5 b"}));
  notes_.purged.clear();
  EXPECT_TRUE(queue.step(Timestamp{7}, 1000, notes_).value());
  EXPECT_EQ(notes_.purged, (std::vector<std::string>{"6 d", "6 b"}));
  EXPECT_TRUE(queue.empty());
  EXPECT_LE(store_.log.page_count(), 1u);
}

TEST_F(write_transaction, is_purged_within_a_budget_and_each_record_once) {
  PurgeQueue queue;
  WriteTransaction transaction(store_.log, Xid{4}, Xid{4});
  for (int i = 0; i < 100; ++i) change(transaction, std::to_string(i), i % 2 == 0 ? UndoType::erase : UndoType::insert);
  queue.add(transaction, Timestamp{4});
  Random random(1);
  int steps = 0;
  for (bool done = false; !done; ++steps) {
    notes_.fail_in = random.chance(1, 3) ? 1 + random.below(3) : 0;
    const Result<bool> step = queue.step(Timestamp{5}, 7, notes_);
    done = step.ok() && *step;
  }
  EXPECT_GT(steps, 100 / 7);
  ASSERT_EQ(notes_.purged.size(), 50u);
  for (std::size_t i = 0; i < 50; ++i) EXPECT_EQ(notes_.purged[i], "4 " + std::to_string(98 - 2 * i));
  EXPECT_TRUE(queue.empty());
}

// The log begins again at the same positions when it is empty; what was released then is not released again now.
TEST_F(write_transaction, keeps_its_records_where_an_ended_one_had_as_many) {
  PurgeQueue queue;
  UndoCopy read;
  for (std::uint64_t xid = 4; xid < 20; xid += 2) {
    WriteTransaction first(store_.log, Xid{xid}, Xid{xid});
    change(first, "first");
    queue.add(first, Timestamp{xid});
    EXPECT_TRUE(queue.step(Timestamp{xid + 1}, 1000, notes_).value());
    store_.log.reuse();
    WriteTransaction second(store_.log, Xid{xid + 1}, Xid{xid});
    change(second, "other");
    const std::uint64_t handle = second.head();
    queue.add(second, Timestamp{xid + 1});
    EXPECT_TRUE(queue.step(Timestamp{xid + 1}, 1000, notes_).value()) << "a snapshot still needs it";
    store_.log.reuse();
    store_.append(Xid{xid + 2}, {.type = UndoType::insert, .tree = TreeId{3}, .key = "later", .value = {}});
    ASSERT_TRUE(store_.log.read(handle, read).ok());
    EXPECT_EQ(read.record.key, "other");
    EXPECT_TRUE(queue.step(Timestamp{xid + 2}, 1000, notes_).value());
  }
}

TEST_F(write_transaction, that_needs_no_purge_gives_its_pages_back_all_the_same) {
  PurgeQueue queue;
  WriteTransaction transaction(store_.log, Xid{4}, Xid{4});
  for (int i = 0; i < 1000; ++i) change(transaction, std::to_string(i));
  EXPECT_GT(store_.log.page_count(), 5u);
  queue.add(transaction, Timestamp{4});
  EXPECT_TRUE(queue.step(Timestamp{5}, 0, notes_).value());
  EXPECT_EQ(store_.log.page_count(), 1u);
}

}  // namespace
}  // namespace quire::txn
