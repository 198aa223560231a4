// verify() of a whole database against damage between trees.
//
// Goal     a page in two places, in none, of the wrong tree, and a wrong number of rows are named
// Method   the damage is made with the engine's own trees below its catalog, published and reopened
#include "engine/test_engine.hpp"

namespace quire::engine {
namespace {

using testing::HasSubstr;

class engine_verify : public testing::Test {
 protected:
  engine_verify() : machine_({.seed = 1}) {
    open();
    EXPECT_TRUE(create_keyspace(*engine_, "second").ok());
    std::map<std::string, std::optional<std::string>> rows{{"large1", std::string(9000, 'x')}, {"large2", std::string(9000, 'y')}};
    for (int i = 0; i < 200; ++i) rows["key" + std::to_string(1000 + i)] = std::string(60, 'v');
    EXPECT_TRUE(commit_rows(*engine_, rows).ok());
  }

  void open() { engine_ = open_shared(machine_.environment(), test_path, small_options()).value(); }
  // Publishes what was changed below the catalog, together with a row, and opens the file again.
  void publish_and_reopen() {
    ASSERT_EQ(commit_rows(*engine_, {{"published", "yes"}}).to_string(), "ok");
    engine_.reset();
    open();
  }
  std::string found() {
    const Result<VerifyReport> report = engine_->verify(0);
    return report.ok() ? "nothing" : report.status().to_string();
  }
  btree::Tree system() { return engine_->tree(catalog::system_tree, catalog::system_root); }
  static std::string tree_key(std::uint32_t id) { return std::string("\0\0\0", 3) + static_cast<char>(id); }
  std::string tree_row(std::uint32_t id) {
    std::string row;
    EXPECT_TRUE(system().get(tree_key(id), row).ok());
    return row;
  }

  os::SimEnvironment machine_;
  EnginePointer engine_;
};

TEST_F(engine_verify, finds_nothing_wrong_with_a_good_database) {
  EXPECT_EQ(found(), "nothing");
  const VerifyReport report = engine_->verify(0).value();
  EXPECT_EQ(report.rows, 202u);
  EXPECT_EQ(report.keyspaces, 2u);
  EXPECT_EQ(report.pages, engine_->statistics()->pages);
}

TEST_F(engine_verify, finds_a_wrong_number_of_rows) {
  const std::shared_ptr<const catalog::Catalog> now = engine_->catalog();
  ASSERT_TRUE(engine_->tree(*now->find("second")).put("uncounted", "row").ok());
  EXPECT_THAT(found(), HasSubstr("keyspace second has 1 rows, its count says 0"));
}

// Rows that nobody has counted are the file's mistake and not ours.
TEST_F(engine_verify, is_not_needed_to_refuse_erasing_more_rows_than_are_counted) {
  const catalog::KeyspaceRecord second = *engine_->catalog()->find("second");
  ASSERT_TRUE(engine_->tree(second).put("uncounted", "row").ok());
  std::optional<Writer> writer;
  ASSERT_TRUE(Writer::begin(*engine_, {}, writer).ok());
  ASSERT_TRUE(writer->erase(second, "uncounted").value());
  const Status refused = writer->commit();
  EXPECT_EQ(refused, Code::corrupt);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("more rows than its count says"));
  EXPECT_TRUE(engine_->usable().ok());
  EXPECT_EQ(rows_of(*engine_)->size(), 202u);
}

TEST_F(engine_verify, finds_a_page_that_two_values_share) {
  const std::shared_ptr<const catalog::Catalog> now = engine_->catalog();
  btree::Tree tree = engine_->tree(*now->find("default"));
  std::vector<PageId> leaves;
  ASSERT_TRUE(tree.walk([&](PageId id, btree::PageRole role, std::uint32_t) {
    if (role == btree::PageRole::leaf) leaves.push_back(id);
    return Status();
  }).ok());
  {
    // The rows "large1" and "large2" lie side by side in the last leaf.
    buffer::WritePage leaf = engine_->pool().write(leaves.back()).value();
    const btree::NodeView view(leaf.data(), 4096);
    const std::string_view first = view.value(view.count() - 2).bytes;
    const std::string_view second = view.value(view.count() - 1).bytes;
    ASSERT_EQ(first.size(), second.size());
    copy_bytes(leaf.data() + (as_bytes(second).data() - leaf.data()), first);
  }
  EXPECT_THAT(found(), HasSubstr("is referred to twice"));
}

TEST_F(engine_verify, finds_pages_that_no_tree_has) {
  ASSERT_TRUE(engine_->tree(catalog::names_tree, catalog::names_root).erase("second").value());
  ASSERT_TRUE(system().erase(tree_key(4)).value());
  publish_and_reopen();
  EXPECT_EQ(engine_->catalog()->keyspaces.size(), 1u);
  EXPECT_THAT(found(), HasSubstr("is marked in use, but in no tree"));
}

TEST_F(engine_verify, finds_a_keyspace_whose_root_is_another_tree) {
  std::string row = tree_row(4);
  row.replace(8, 8, tree_row(3), 8, 8);
  ASSERT_FALSE(system().put(tree_key(4), row).value());
  publish_and_reopen();
  EXPECT_THAT(found(), HasSubstr("keyspace second"));
  EXPECT_THAT(found(), HasSubstr("belongs to tree 3"));
}

TEST_F(engine_verify, is_told_at_opening_when_the_catalog_is_wrong) {
  const std::string good_row = tree_row(4);
  const std::map<std::string, std::string> wrong_rows{
      {"has 3 bytes, 16 expected", "abc"},
      {"has a kind or state that this version does not know", "\x09" + good_row.substr(1)},
  };
  for (const auto& [message, row] : wrong_rows) {
    ASSERT_FALSE(system().put(tree_key(4), row).value());
    ASSERT_EQ(commit_rows(*engine_, {{"published", message}}).to_string(), "ok");
    engine_.reset();
    const Result<EnginePointer> refused = open_shared(machine_.environment(), test_path, small_options());
    EXPECT_EQ(refused, Code::corrupt);
    EXPECT_THAT(std::string(refused.message()), HasSubstr(message));
    // Nothing can be repaired from here: begin anew.
    ASSERT_TRUE(machine_.files().remove(test_path).ok());
    open();
    ASSERT_TRUE(create_keyspace(*engine_, "second").ok());
  }
}

TEST_F(engine_verify, reads_images_from_the_file_again) {
  // Damage under a page that is in memory.
  const std::string bytes = machine_.files().contents(test_path).value();
  const std::size_t at = bytes.find(std::string(100, 'x'));
  ASSERT_NE(at, std::string::npos);
  ASSERT_TRUE(machine_.files().damage(test_path, at, std::byte{1}).ok());
  EXPECT_TRUE(rows_of(*engine_).ok()) << "memory still has it right";
  EXPECT_THAT(found(), HasSubstr("fails its checksum"));
}

}  // namespace
}  // namespace quire::engine
