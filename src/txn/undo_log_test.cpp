// The undo log: a queue of records over pages.
//
// Goal     a record is read as it was appended for as long as the log promises it, whatever was evicted; what was given up
//          frees its pages; a handle that leads nowhere is refused, never followed
// Method   random appends, truncations and releases against a list; few frames; every byte of a page damaged
#include "txn/test_undo.hpp"

#include <deque>

#include "base/random.hpp"

namespace quire::txn {
namespace {

struct Expected {
  UndoPosition before;
  UndoPosition after;
  std::uint64_t handle;
  UndoCopy copy;
};

UndoCopy some_record(Random& random) {
  UndoCopy made;
  const std::size_t key = random.below(40);
  const std::size_t value = random.chance(1, 3) ? random.below(3000) : random.below(60);
  for (std::size_t i = 0; i < key + value; ++i) made.bytes += static_cast<char>(random.next());
  made.record = {.type = static_cast<UndoType>(random.between({1, 5})),
                 .flags = static_cast<std::uint8_t>(random.below(8)),
                 .tree = TreeId{static_cast<std::uint32_t>(random.next())},
                 .previous = random.next(),
                 .row_xid_word = random.next(),
                 .row_handle = random.next(),
                 .operation = static_cast<std::uint32_t>(random.next()),
                 .key = std::string_view(made.bytes).substr(0, key),
                 .value = std::string_view(made.bytes).substr(key)};
  return made;
}

void expect_same(const UndoRecord& a, const UndoRecord& b) {
  EXPECT_EQ(a.type, b.type);
  EXPECT_EQ(a.flags, b.flags);
  EXPECT_EQ(a.tree, b.tree);
  EXPECT_EQ(a.previous, b.previous);
  EXPECT_EQ(a.row_xid_word, b.row_xid_word);
  EXPECT_EQ(a.row_handle, b.row_handle);
  EXPECT_EQ(a.operation, b.operation);
  EXPECT_EQ(a.key, b.key);
  EXPECT_EQ(a.value, b.value);
}

class ModelledLog {
 public:
  explicit ModelledLog(std::uint64_t seed) : random_(seed), store_({.frames = 16}) {}

  void append() {
    Expected each{store_.log.end(), {}, no_undo, some_record(random_)};
    // Views lead into the copy's own bytes, which a move of a short string does not keep.
    each.handle = store_.append(Xid{++xid_}, each.copy.record);
    each.after = store_.log.end();
    records_.push_back(std::move(each));
    UndoRecord& record = records_.back().copy.record;
    const std::string_view bytes = records_.back().copy.bytes;
    record.key = bytes.substr(0, record.key.size());
    record.value = bytes.substr(record.key.size());
  }
  void truncate(std::size_t keep) {
    const UndoPosition to = keep < records_.size() ? records_[keep].before : store_.log.end();
    ASSERT_TRUE(store_.log.truncate(to).ok());
    while (records_.size() > keep) records_.pop_back();
  }
  void release(std::size_t count) {
    for (; count > 0 && !records_.empty(); --count) {
      const UndoPosition to = records_.front().after;
      records_.pop_front();
      ASSERT_TRUE(store_.log.release(records_.empty() ? store_.log.end() : to).ok());
    }
    if (random_.chance(1, 2)) store_.log.reuse();
    ASSERT_TRUE(random_.chance(1, 2) || store_.log.rewind().ok());
  }
  void check() {
    UndoCopy read;
    for (const Expected& each : records_) {
      ASSERT_TRUE(store_.log.read(each.handle, read).ok());
      expect_same(read.record, each.copy.record);
    }
    EXPECT_EQ(store_.pages(), store_.log.page_count());
    if (records_.empty()) {
      EXPECT_LE(store_.log.page_count(), 1u);
    }
  }
  std::size_t size() const { return records_.size(); }
  UndoStore& store() { return store_; }
  Random& random() { return random_; }

 private:
  Random random_;
  UndoStore store_;
  std::deque<Expected> records_;
  std::uint64_t xid_ = 0;
};

TEST(undo_log, agrees_with_a_list_over_random_appends_truncations_and_releases) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    ModelledLog modelled(seed);
    for (int step = 0; step < 1500; ++step) {
      const std::uint64_t choice = modelled.random().below(100);
      if (choice < 90) {
        modelled.append();
      } else if (choice < 94) {
        modelled.truncate(modelled.size() - std::min<std::size_t>(modelled.size(), modelled.random().below(12)));
      } else if (choice < 98) {
        modelled.release(modelled.random().below(9));
      } else if (modelled.random().chance(1, 4)) {
        modelled.release(modelled.size());
      }
      if (step % 100 == 0) modelled.check();
      if (testing::Test::HasFailure()) return;
    }
    modelled.check();
    EXPECT_GT(modelled.store().pool().counters().evictions, 10u);
    ASSERT_TRUE(modelled.store().log.clear().ok());
    EXPECT_EQ(modelled.store().pages(), 0u);
  }
}

// A transaction that is rolled back and the next one use the same place.
TEST(undo_log, uses_a_truncated_place_again) {
  UndoStore store;
  const std::uint64_t first = store.append(Xid{1}, {.type = UndoType::insert, .tree = TreeId{3}, .key = "kept", .value = {}});
  const UndoPosition begin = store.log.end();
  std::uint64_t handle = no_undo;
  for (int round = 0; round < 50; ++round) {
    for (int i = 0; i < 300; ++i) {
      const std::uint64_t next = store.append(Xid{2}, {.type = UndoType::update, .tree = TreeId{3}, .key = "key", .value = "old value"});
      if (i == 0 && round > 0) {
        EXPECT_EQ(next, handle);
      }
      if (i == 0) handle = next;
    }
    ASSERT_TRUE(store.log.truncate(begin).ok());
    EXPECT_EQ(store.log.page_count(), 1u);
  }
  UndoCopy read;
  ASSERT_TRUE(store.log.read(first, read).ok());
  EXPECT_EQ(read.record.key, "kept");
}

TEST(undo_log, fills_one_page_again_when_nothing_in_it_is_needed) {
  UndoStore store;
  for (std::uint64_t xid = 1; xid < 2000; ++xid) {
    store.append(Xid{xid}, {.type = UndoType::update, .tree = TreeId{3}, .key = "key", .value = "old value"});
    ASSERT_TRUE(store.log.release(store.log.end()).ok());
    store.log.reuse();
    ASSERT_EQ(store.log.page_count(), 1u);
  }
  EXPECT_LE(store.pages(), 1u);
}

TEST(undo_log, refuses_handles_that_name_no_record) {
  UndoStore store;
  const std::uint64_t handle = store.append(Xid{1}, {.type = UndoType::update, .tree = TreeId{3}, .key = "key", .value = "value"});
  const PageId page = page_of_undo(handle);
  UndoCopy read;
  for (const std::uint32_t offset : {0u, 8u, 56u, 4056u, 4088u, 65528u}) {
    EXPECT_EQ(store.log.read(undo_handle(page, offset), read), Code::corrupt) << offset;
    EXPECT_EQ(try_read_undo(store.pool(), undo_handle(page, offset), read), UndoRead::wrong) << offset;
  }
  // Zeros behind the last record are none.
  EXPECT_EQ(store.log.read(undo_handle(page, 2048), read), Code::corrupt);
  EXPECT_EQ(store.log.read(undo_handle(PageId{999}, 64), read), Code::corrupt);
  EXPECT_EQ(try_read_undo(store.pool(), undo_handle(PageId{999}, 64), read), UndoRead::absent);
  EXPECT_EQ(try_read_undo(store.pool(), handle, read), UndoRead::done);
  EXPECT_EQ(read.record.value, "value");
}

// Whatever a damaged record says, nothing outside its page is read (AddressSanitizer), and its check notices lengths that
// cannot be.
TEST(undo_log, reads_no_byte_outside_a_damaged_page) {
  Random random(5);
  for (int round = 0; round < 3000; ++round) {
    UndoStore store({.frames = 16});
    const std::uint64_t handle = store.append(Xid{1}, {.type = UndoType::update, .tree = TreeId{3}, .key = "key", .value = "value"});
    {
      const buffer::WritePage page = store.pool().write(page_of_undo(handle)).value();
      for (int hit = 0; hit < 3; ++hit) page.data()[64 + random.below(48)] = static_cast<std::byte>(random.next());
    }
    UndoCopy read;
    const Status status = store.log.read(handle, read);
    EXPECT_TRUE(status.ok() || status == Code::corrupt);
    if (status.ok()) {
      EXPECT_LE(read.bytes.size(), 4096u);
    }
    if (round % 100 != 0) continue;
    std::vector<std::byte> copy(4096);
    const buffer::ReadPage page = store.pool().read(page_of_undo(handle)).value();
    std::copy(page.bytes().begin(), page.bytes().end(), copy.begin());
    undo_field::eighths.set(copy.data() + 64, 0);
    EXPECT_EQ(undo_kind().check(copy), Code::corrupt) << "a record of no bytes makes a reader stand still";
    undo_field::eighths.set(copy.data() + 64, 4000);
    EXPECT_EQ(undo_kind().check(copy), Code::corrupt);
    undo_field::end.set(copy.data(), 60);
    EXPECT_EQ(undo_kind().check(copy), Code::corrupt);
  }
}

TEST(undo_log, takes_records_of_every_size_up_to_a_page) {
  for (const std::uint32_t page_bytes : {4096u, 65536u}) {
    UndoStore store({.page_bytes = page_bytes, .frames = 16});
    const std::uint32_t most = page_bytes - undo_page_header_bytes - undo_record_header_bytes;
    UndoCopy read;
    for (const std::uint32_t bytes : {0u, 1u, 7u, 8u, 9u, most / 2, most - 8, most - 7, most}) {
      const std::string key(bytes % 100, 'k');
      const std::string value(bytes - key.size(), 'v');
      const std::uint64_t handle = store.append(Xid{1}, {.type = UndoType::update, .tree = TreeId{3}, .key = key, .value = value});
      ASSERT_TRUE(store.log.read(handle, read).ok()) << bytes;
      EXPECT_EQ(read.record.key, key);
      EXPECT_EQ(read.record.value, value);
      EXPECT_TRUE(undo_kind().check(store.pool().read(page_of_undo(handle))->bytes()).ok());
    }
  }
}

}  // namespace
}  // namespace quire::txn
