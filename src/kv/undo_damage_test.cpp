// Undo records that lead in a circle.
//
// Goal     what a damaged undo page leads in a circle ends with `corrupt`: readers, rollback, purge
// Method   a row written several times by one transaction; in memory, every record of its undo is made to lead to itself
#include "kv/state.hpp"
#include "kv/test_database.hpp"
#include "txn/undo_layout.hpp"

namespace quire::kv {
namespace {

using testing::HasSubstr;
namespace undo_field = txn::undo_field;

const Options options{.page_size = 4096, .memory_limit = std::uint64_t{1} << 20, .lock_timeout_ms = 0};

// Calls `damage` with every undo record in memory and its handle.
void for_each_record(Database& db, const std::function<void(std::byte*, std::uint64_t)>& damage) {
  engine::Engine& engine = *db.impl()->state->engine;
  const std::vector<PageId> pages = engine.table().undo_pages().value();
  ASSERT_FALSE(pages.empty());
  for (const PageId id : pages) {
    buffer::WritePage page = engine.pool().write(id).value();
    const std::uint32_t end = undo_field::end.get(page.data());
    for (std::uint32_t at = txn::undo_page_header_bytes; at < end;) {
      std::byte* record = page.data() + at;
      damage(record, txn::undo_handle(id, at));
      at += undo_field::eighths.get(record) * 8u;
    }
  }
}

class undo_damage : public testing::Test {
 protected:
  undo_damage() : db_(machine_.open(options).value()) { EXPECT_TRUE(db_.keyspace()->put("k", "committed").ok()); }

  // Several versions of one row, and the undo pages in the page table.
  Transaction begin() {
    Transaction tx = db_.begin().value();
    for (const char* value : {"one", "two", "three"}) EXPECT_TRUE(tx.put(default_keyspace, "k", value).ok());
    EXPECT_TRUE(tx.erase(default_keyspace, "k").ok());
    EXPECT_TRUE(db_.checkpoint().ok());
    return tx;
  }

  TestMachine machine_;
  Database db_;
};

TEST_F(undo_damage, ends_a_reader_that_is_led_in_a_circle) {
  Transaction tx = begin();
  const Transaction reader = db_.begin(Access::read).value();
  ASSERT_EQ(reader.get(default_keyspace, "k").value_or("none"), "committed");
  for_each_record(db_, [](std::byte* record, std::uint64_t handle) {
    undo_field::row_handle.set(record, handle);
    undo_field::row_xid_word.set(record, 1000000);
    undo_field::flags.set(record, undo_field::flags.get(record) | txn::undo_flag::row_header);
  });
  const Result<std::string> got = reader.get(default_keyspace, "k");
  EXPECT_EQ(got, Code::corrupt);
  EXPECT_THAT(std::string(got.status().message()), HasSubstr("lead from one to a newer one, on undo page "));
  EXPECT_EQ(db_.keyspace()->get("k"), Code::corrupt);
  EXPECT_THAT(entries_of(reader)["failed"], HasSubstr("lead from one to a newer one"));
}

// The same transaction all the time: only the numbers of its operations tell.
TEST_F(undo_damage, ends_a_reader_that_is_led_in_a_circle_of_one_transaction) {
  Transaction tx = begin();
  const Transaction reader = db_.begin(Access::read).value();
  std::uint64_t newest = 0;
  std::uint64_t word = 0;
  for_each_record(db_, [&](std::byte* record, std::uint64_t handle) {
    newest = handle;
    if (undo_field::flags.get(record) & txn::undo_flag::row_header) word = undo_field::row_xid_word.get(record);
  });
  ASSERT_NE(word, 0u);
  for_each_record(db_, [&](std::byte* record, std::uint64_t) {
    undo_field::row_handle.set(record, newest);
    undo_field::row_xid_word.set(record, word);
    undo_field::flags.set(record, undo_field::flags.get(record) | txn::undo_flag::row_header);
  });
  EXPECT_EQ(reader.get(default_keyspace, "k"), Code::corrupt);
}

TEST_F(undo_damage, ends_a_rollback_that_is_led_in_a_circle) {
  Transaction tx = begin();
  for_each_record(db_, [](std::byte* record, std::uint64_t handle) { undo_field::previous.set(record, handle); });
  const Status rolled_back = tx.rollback();
  EXPECT_EQ(rolled_back, Code::corrupt) << rolled_back.to_string();
  EXPECT_EQ(db_.begin(Access::read), Code::poisoned);
}

TEST_F(undo_damage, ends_a_purge_that_is_led_in_a_circle) {
  {
    const Transaction keeps_purge_waiting = db_.begin(Access::read).value();
    Transaction tx = begin();
    ASSERT_TRUE(tx.put(default_keyspace, "k", "back again").ok());
    ASSERT_TRUE(tx.commit().ok());
    for_each_record(db_, [](std::byte* record, std::uint64_t handle) {
      undo_field::previous.set(record, handle);
      undo_field::type.set(record, static_cast<std::uint8_t>(txn::UndoType::insert));
    });
  }
  const Status status = db_.checkpoint();
  EXPECT_EQ(status, Code::corrupt) << status.to_string();
  EXPECT_THAT(std::string(status.message()), HasSubstr("lead from one to a newer one"));
  EXPECT_EQ(db_.keyspace()->get("k").value_or("none"), "back again");
}

}  // namespace
}  // namespace quire::kv
