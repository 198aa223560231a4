// Row counts: for every snapshot, and through checkpoint and log.
//
// Goal     a snapshot's count is that of its rows; what a checkpoint notes and what the log adds is never counted twice or not at all
// Method   counts against a model; a checkpoint at the moments at which a commit is half done, then a crash
#include "engine/test_engine.hpp"
#include "os/hook.hpp"

namespace quire::engine {
namespace {

// Calls `look` at a named hook, the first time.
class AtHook {
 public:
  AtHook(std::string name, std::function<void()> look) : name_(std::move(name)), look_(std::move(look)) {
    os::set_hook_handler([](std::string_view at, void* self) {
      auto& hook = *static_cast<AtHook*>(self);
      if (at == hook.name_ && hook.look_) std::exchange(hook.look_, nullptr)();
      return Status();
    }, this);
  }
  ~AtHook() { os::set_hook_handler(nullptr, nullptr); }
  AtHook(const AtHook&) = delete;
  AtHook& operator=(const AtHook&) = delete;
  bool met() const { return look_ == nullptr; }

 private:
  const std::string name_;
  std::function<void()> look_;
};

TEST(row_counts, are_those_of_each_snapshot) {
  RowCounts counts;
  const TreeId tree{7};
  counts.load({{tree, false, 10}});
  counts.commit(Timestamp{5}, {{tree, {3, false}}}, Timestamp{5});
  counts.commit(Timestamp{6}, {{tree, {-4, true}}}, Timestamp{5});
  counts.commit(Timestamp{9}, {{tree, {1, false}}}, Timestamp{5});
  EXPECT_EQ(counts.rows(tree, Timestamp{5}), 10u);
  EXPECT_EQ(counts.rows(tree, Timestamp{6}), 13u);
  EXPECT_EQ(counts.rows(tree, Timestamp{7}), 9u);
  EXPECT_EQ(counts.rows(tree, Timestamp{9}), 9u);
  EXPECT_EQ(counts.rows(tree, Timestamp{10}), 10u);
  EXPECT_EQ(counts.rows(tree), 10u);
  EXPECT_TRUE(counts.ghosts(tree));
  counts.commit(Timestamp{12}, {{tree, {100, false}}}, Timestamp{9});
  EXPECT_EQ(counts.rows(tree, Timestamp{9}), 9u) << "what a snapshot at the horizon sees";
  EXPECT_EQ(counts.rows(tree), 110u);
  EXPECT_EQ(counts.all(), (std::vector<checkpoint::RowCount>{{tree, true, 110}}));
}

TEST(row_counts, never_fall_below_zero) {
  RowCounts counts;
  counts.load({{TreeId{7}, false, 3}});
  EXPECT_FALSE(counts.adjust(TreeId{7}, -4));
  EXPECT_TRUE(counts.adjust(TreeId{7}, -3));
  EXPECT_EQ(counts.all().size(), 0u);
  EXPECT_FALSE(counts.adjust(TreeId{8}, -1));
}

// A checkpoint that follows that of a commit counts what it commits.
TEST(row_counts, of_a_commit_through_a_checkpoint_change_with_its_flip) {
  os::SimEnvironment machine({.seed = 1});
  EnginePointer engine = open_shared(machine.environment(), test_path, small_options()).value();
  ASSERT_TRUE(commit_rows(*engine, {{"a", "1"}}).ok());
  const TreeId tree = engine->catalog()->find(default_keyspace)->tree;
  const Timestamp visible = engine->snapshots().newest();
  AtHook hook("checkpoint.after_flip", [&] {
    EXPECT_EQ(engine->rows(tree, Timestamp{UINT64_MAX}), 1u) << "it is not committed before it is published";
    EXPECT_EQ(engine->rows(tree, visible), 1u);
  });
  ASSERT_TRUE(commit_rows(*engine, {{"b", "2"}, {"c", "3"}}).ok());
  EXPECT_TRUE(hook.met());
  EXPECT_EQ(engine->rows(tree, visible), 1u) << "a snapshot from before";
  EXPECT_EQ(engine->rows(tree, engine->snapshots().newest()), 3u);
  ASSERT_TRUE(engine->checkpoint().ok());
  engine.reset();
  engine = open_shared(machine.environment(), test_path, small_options()).value();
  EXPECT_EQ(engine->rows(tree, Timestamp{UINT64_MAX}), 3u) << "as the checkpoint notes it";
}

// Wherever the operations of a transaction end in a record, a checkpoint just before its COMMIT must not swallow its counts.
TEST(row_counts, survive_a_checkpoint_just_before_the_commit) {
  Options options = small_options(Mode::create, Journal::log);
  options.log_limit = std::uint64_t{64} << 10;  // records of 8 KiB
  for (std::size_t bytes = 7900; bytes < 8200; bytes += 8) {
    SCOPED_TRACE(bytes);
    os::SimEnvironment machine({.seed = 1});
    std::unique_ptr<os::SimFileSystem> killed;
    {
      const EnginePointer engine = open_shared(machine.environment(), test_path, options).value();
      ASSERT_TRUE(create_keyspace(*engine, "second").ok());
      std::optional<Writer> writer;
      ASSERT_TRUE(Writer::begin(*engine, {}, writer).ok());
      ASSERT_TRUE(writer->put(*writer->catalog().find(default_keyspace), "k", std::string(bytes / 2, 'v')).ok());
      ASSERT_TRUE(writer->put(*writer->catalog().find("second"), "k", std::string(bytes - bytes / 2, 'v')).ok());
      AtHook hook("commit.before_log", [&] { EXPECT_TRUE(engine->checkpoint().ok()); });
      ASSERT_TRUE(writer->commit().ok());
      ASSERT_TRUE(hook.met());
      killed = machine.files().kill();
    }
    os::SimEnvironment again(std::move(killed));
    const Result<EnginePointer> found = open_shared(again.environment(), test_path, options);
    ASSERT_TRUE(found.ok()) << found.status().to_string();
    for (const std::string_view name : {default_keyspace, std::string_view("second")}) {
      EXPECT_EQ((*found)->rows((*found)->catalog()->find(name)->tree, Timestamp{UINT64_MAX}), 1u) << name;
    }
    EXPECT_TRUE((*found)->verify(0).ok());
  }
}

}  // namespace
}  // namespace quire::engine
