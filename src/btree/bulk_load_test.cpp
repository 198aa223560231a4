// Goal: a bulk-loaded tree is a tree like any other, holds exactly the rows that came, and can be dropped at any moment.
// Method: every number of rows up to some levels of small nodes, and families of keys that press on prefix, fences and the
//         borders of pages, for every page size, each against a map before and after random changes; refusals at every
//         position; a checkpoint behind every row, and room that runs out at every step, each with a drop after it.
#include "btree/bulk_load.hpp"

#include <set>

#include "base/random.hpp"
#include "btree/test_store.hpp"

namespace quire::btree {
namespace {

// Loads the rows of the model in order; the first failure.
Status load(TestStore& store, const Tree& tree, const Model& rows) {
  BulkLoader loader(store.resources(), tree.id(), tree.root());
  for (const auto& [key, value] : rows) {
    Status status = loader.add(key, value);
    if (!status.ok()) return status;
  }
  const Result<std::uint64_t> loaded = loader.finish();
  if (!loaded.ok()) return loaded.status();
  return *loaded == rows.size() ? Status() : Status(Code::corrupt, std::to_string(*loaded) + " rows counted");
}

// No node is empty but a root leaf, and no inner node has a single child.
void expect_no_empty_node(const Tree& tree) {
  const Status walked = tree.walk([&](PageId id, PageRole role, std::uint32_t) -> Status {
    if (role == PageRole::overflow || id == tree.root()) return Status();
    EXPECT_GE(NodeView(tree.pool().read(id)->data(), tree.pool().page_bytes()).count(), 1u) << "page " << id.raw;
    return Status();
  });
  EXPECT_EQ(walked.to_string(), "ok");
}

void change_at_random(const Tree& tree_before, Model& model, std::uint64_t seed) {
  Tree tree = tree_before;
  Random random(seed);
  for (int step = 0; step < 300; ++step) {
    auto near = model.lower_bound(std::string(1, static_cast<char>(random.next())));
    std::string key = near == model.end() ? "k" : near->first;
    if (random.chance(1, 2) && key.size() < key_bytes_max(tree.pool().page_bytes()))
      key += static_cast<char>(random.next());
    if (random.chance(1, 2)) {
      const std::string value(random.below(60), 'v');
      ASSERT_EQ(tree.put(key, value).value(), model.insert_or_assign(key, value).second);
    } else {
      ASSERT_EQ(tree.erase(key).value(), model.erase(key) == 1);
    }
    std::string got;
    ASSERT_EQ(tree.get(key, got).ok(), model.contains(key));
  }
  ASSERT_EQ(difference(tree, model), "");
}

void load_and_change(const Model& rows, TestStoreOptions options, std::uint64_t seed = 1) {
  TestStore store(options);
  const Tree tree = store.make_tree();
  ASSERT_EQ(load(store, tree, rows).to_string(), "ok");
  ASSERT_EQ(difference(tree, rows), "");
  expect_no_empty_node(tree);
  ASSERT_EQ(store.publish().to_string(), "ok");
  const Survey found = survey(tree).value();
  EXPECT_EQ(store.published_pages(), found.inner_pages + found.leaf_pages + found.overflow_pages) << "a page too many";
  Model model = rows;
  change_at_random(tree, model, seed);
}

std::string big_endian(std::uint64_t n) {
  std::string text;
  for (int shift = 56; shift >= 0; shift -= 8) text += static_cast<char>(n >> shift);
  return text;
}

TEST(bulk_load, makes_a_tree_of_any_number_of_rows) {
  for (const std::uint32_t slots : {2u, 3u, 4u}) {
    const SlotsScope scope(slots);
    Model rows;
    for (std::uint64_t count = 0; count <= 130; ++count) {
      SCOPED_TRACE(std::to_string(slots) + " slots, " + std::to_string(count) + " rows");
      load_and_change(rows, {}, count);
      if (HasFatalFailure()) return;
      rows["row" + std::to_string(1000 + count)] = std::to_string(count);
    }
  }
}

TEST(bulk_load, makes_whole_pages_full) {
  for (const std::uint32_t page_bytes : {4096u, 8192u, 16384u, 32768u, 65536u}) {
    SCOPED_TRACE("page " + std::to_string(page_bytes));
    TestStore store({.page_bytes = page_bytes});
    const Tree tree = store.make_tree();
    Model rows;
    for (std::uint64_t n = 0; n < 40000; ++n) rows[big_endian(n * 77)] = std::string(n % 50, 'x');
    ASSERT_EQ(load(store, tree, rows).to_string(), "ok");
    ASSERT_EQ(difference(tree, rows), "");
    const Survey found = survey(tree).value();
    // The last leaf holds what remains.
    const double full = static_cast<double>(found.leaf_pages - 1);
    EXPECT_GT(found.leaf_fill_sum / full, 0.92);
    EXPECT_LT(found.leaf_fill_sum / static_cast<double>(found.leaf_pages), 0.96);
  }
}

// Families of keys, each a different strain on prefix and fences.
Model keys_of(int family, std::uint64_t count, std::uint32_t page_bytes, Random& random) {
  const std::size_t most = key_bytes_max(page_bytes);
  Model rows;
  while (rows.size() < count) {
    std::string key;
    switch (family) {
      case 0:  // random bytes
        for (std::size_t n = random.between({1, 20}); n > 0; --n) key += static_cast<char>(random.next());
        break;
      case 1:  // nearly all of the longest key is shared
        key = std::string(most - 4, 'p') + std::to_string(1000 + random.below(9000));
        break;
      case 2:  // as long as can be, sharing anything
        key = std::string(random.below(most), 'q') + static_cast<char>(random.next());
        key.resize(most, static_cast<char>(random.next()));
        break;
      case 3:  // groups: the prefix breaks off now and then
        key =
            std::string(1 + random.below(8), static_cast<char>('a' + random.below(4))) + big_endian(random.below(300));
        break;
      case 4:  // each key a prefix of the next
        key = std::string(1 + rows.size() % most, 'z');
        if (rows.contains(key)) key.back() = static_cast<char>('a' + random.below(25));
        break;
      default:  // long groups of long keys with a short one between
        key = random.chance(1, 9)
                  ? std::string(1 + random.below(3), static_cast<char>('a' + random.below(6)))
                  : std::string(most / 2, static_cast<char>('a' + random.below(6))) + big_endian(random.below(1000));
    }
    // Around the border of the longest record that stays in the leaf.
    const std::size_t border = record_bytes_max(page_bytes) - row_header_bytes - value_length_bytes - key.size();
    const std::uint64_t kind = random.below(30);
    const std::size_t bytes = kind == 0   ? border - 1 + random.below(3)
                              : kind == 1 ? random.below(3 * page_bytes)
                                          : random.below(60);
    rows[key] = std::string(bytes, static_cast<char>('A' + random.below(26)));
  }
  return rows;
}

TEST(bulk_load, copes_with_every_kind_of_key) {
  for (const std::uint32_t page_bytes : {4096u, 8192u, 65536u}) {
    for (int family = 0; family < 6; ++family) {
      for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        Random random(seed * 100 + static_cast<std::uint64_t>(family));
        const std::uint64_t count = page_bytes == 65536 ? 900 : 50 + random.below(700);
        SCOPED_TRACE("page " + std::to_string(page_bytes) + ", family " + std::to_string(family) + ", seed " +
                     std::to_string(seed));
        load_and_change(keys_of(family, count, page_bytes, random),
                        {.page_bytes = page_bytes, .memory_bytes = std::uint64_t{128} << 20}, seed);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST(bulk_load, keeps_small_nodes_right_for_every_kind_of_key) {
  for (const std::uint32_t slots : {2u, 3u}) {
    const SlotsScope scope(slots);
    for (int family = 0; family < 6; ++family) {
      Random random(static_cast<std::uint64_t>(family) + 7);
      SCOPED_TRACE("family " + std::to_string(family));
      load_and_change(keys_of(family, 120, 4096, random), {});
      if (HasFatalFailure()) return;
    }
  }
}

// The last node of a level loses its prefix with its upper fence: rows that fitted before may not fit then.
TEST(bulk_load, divides_the_last_node_when_its_keys_become_longer) {
  for (std::uint64_t count = 1; count < 60; ++count) {
    SCOPED_TRACE(count);
    Model rows;
    rows["a"] = "first";
    for (std::uint64_t n = 0; n < count; ++n) rows[std::string(900, 'm') + std::to_string(100 + n)] = "v";
    load_and_change(rows, {}, count);
    if (HasFatalFailure()) return;
  }
}

// ---- refusals

// Every page hung on the root: none is left.
void expect_dropped_whole(TestStore& store, Tree tree) {
  {
    const buffer::StandingRoom room(store.resources());
    ASSERT_EQ(tree.drop().to_string(), "ok");
  }
  store.files().set_quota(os::MemFileSystem::no_quota);
  ASSERT_EQ(store.publish().to_string(), "ok");
  ASSERT_EQ(store.published_pages(), 0u);
}

TEST(bulk_load, refuses_rows_out_of_order) {
  const SlotsScope scope(3);
  for (std::uint64_t good = 1; good <= 40; ++good) {
    for (const bool same : {true, false}) {
      TestStore store;
      const Tree tree = store.make_tree();
      {
        BulkLoader loader(store.resources(), tree.id(), tree.root());
        for (std::uint64_t n = 0; n < good; ++n) {
          ASSERT_TRUE(loader.add("row" + std::to_string(100 + n), std::string(n % 7 == 0 ? 5000 : 5, 'v')).ok());
        }
        const std::string bad =
            same ? "row" + std::to_string(100 + good - 1) : "row" + std::to_string(100 + good - 1).substr(0, 2);
        const Status refused = loader.add(bad, "v");
        EXPECT_EQ(refused.code(), Code::invalid);
        EXPECT_EQ(refused.message(), "row " + std::to_string(good + 1) + " of a bulk load " +
                                         (same ? "has the same key as" : "has a key below that of") +
                                         " the row before it; keys must ascend");
        EXPECT_EQ(loader.add("z", "v").code(), Code::invalid) << "after a failure nothing is taken";
        EXPECT_EQ(loader.finish().code(), Code::invalid);
      }
      expect_dropped_whole(store, tree);
    }
  }
}

TEST(bulk_load, refuses_a_tree_with_rows) {
  TestStore store;
  Tree tree = store.make_tree();
  ASSERT_TRUE(tree.put("key", "value").ok());
  for (const std::uint64_t rows : {0, 1000}) {
    BulkLoader loader(store.resources(), tree.id(), tree.root());
    Status status;
    for (std::uint64_t n = 0; n < rows && status.ok(); ++n) status = loader.add(big_endian(n), std::string(50, 'v'));
    EXPECT_EQ(rows == 0 ? loader.finish().status() : status, Code::invalid);
  }
  EXPECT_EQ(difference(tree, {{"key", "value"}}), "");
  ASSERT_EQ(store.publish().to_string(), "ok");
  EXPECT_EQ(store.published_pages(), 1u);
}

// A checkpoint may come between any two rows, and what it publishes leads to every page.
TEST(bulk_load, hangs_every_page_on_the_root_at_any_moment) {
  for (const std::uint32_t slots : {2u, 3u, 0u}) {
    const SlotsScope scope(slots);
    for (std::uint64_t count = 0; count <= 130; ++count) {
      SCOPED_TRACE(std::to_string(slots) + " slots, " + std::to_string(count) + " rows");
      TestStore store({.memory_bytes = std::uint64_t{1} << 20});
      const Tree tree = store.make_tree();
      {
        BulkLoader loader(store.resources(), tree.id(), tree.root());
        for (std::uint64_t n = 0; n < count; ++n) {
          // Every fifth value is large; long keys that share most of their bytes do not fit without their prefix.
          const std::string value(n % 5 == 1 ? 5000 + n * 100 : slots == 0 ? 90 : 5, 'v');
          ASSERT_EQ(loader.add(std::string(600, 'k') + big_endian(n), value).to_string(), "ok");
          ASSERT_EQ(store.publish().to_string(), "ok");
        }
      }
      expect_dropped_whole(store, tree);
    }
  }
}

TEST(bulk_load, takes_nothing_more_when_it_is_finished) {
  TestStore store;
  const Tree tree = store.make_tree();
  BulkLoader loader(store.resources(), tree.id(), tree.root());
  ASSERT_TRUE(loader.add("a", "1").ok());
  EXPECT_EQ(loader.finish().value(), 1u);
  EXPECT_EQ(loader.add("b", "2").code(), Code::invalid);
  EXPECT_EQ(loader.finish().code(), Code::invalid);
  EXPECT_EQ(difference(tree, {{"a", "1"}}), "");
}

// A full disk at every step: the load fails or succeeds as a whole, and a failed one can be taken back whole.
TEST(bulk_load, can_be_taken_back_when_the_disk_is_full) {
  Model rows;
  for (std::uint64_t n = 0; n < 3000; ++n) rows[big_endian(n)] = std::string(n % 97 == 0 ? 9000 : 90, 'v');
  int failures = 0;
  for (std::uint64_t kilobytes = 0;; kilobytes += 4) {
    SCOPED_TRACE(std::to_string(kilobytes) + " KiB");
    TestStore store;
    const Tree tree = store.make_tree();
    ASSERT_EQ(store.publish().to_string(), "ok");
    store.files().set_quota(store.files().used_bytes() + kilobytes * 1024);
    const Status loaded = load(store, tree, rows);
    if (loaded.ok()) {
      EXPECT_EQ(difference(tree, rows), "");
      break;
    }
    ++failures;
    ASSERT_EQ(loaded.code(), Code::full);
    expect_dropped_whole(store, tree);
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(failures, 10);
}

// A damaged file may lead the drop in a circle.
TEST(bulk_load, drops_no_tree_whose_right_links_lead_back) {
  const SlotsScope scope(2);
  for (const bool with_fence : {true, false}) {
    TestStore store;
    Tree tree = store.make_tree();
    BulkLoader loader(store.resources(), tree.id(), tree.root());
    for (std::uint64_t n = 0; n < 9; ++n) ASSERT_TRUE(loader.add(big_endian(n), "v").ok());
    PageId child = NodeView(store.pool().read(tree.root())->data(), 4096).child(0);
    while (!with_fence && NodeView(store.pool().read(child)->data(), 4096).upper_fence()) child = NodeView(store.pool().read(child)->data(), 4096).right_sibling();
    {
      buffer::WritePage page = store.pool().write(child).value();
      Node(page.bytes()).set_right_sibling(child);
    }
    EXPECT_EQ(tree.drop(), Code::corrupt);
  }
}

}  // namespace
}  // namespace quire::btree
