// Named tree cases: what the B+ tree does, a case each, as a picture, a text and a paragraph.
//
// Goal     each case makes exactly the tree that a textbook would draw, and leaves a picture of it for people
// Method   nodes of at most four slots; the expected shape is written out; contents are compared with a std::map.
//          <build>/pictures/<case>.svg, .txt, .md, what it was before where that tells, and an index.html come from the
//          code that the shell's tree and page commands use
#include <filesystem>
#include <fstream>

#include "base/random.hpp"
#include "btree/draw.hpp"
#include "btree/test_store.hpp"
#include "kv/inspect.hpp"
#include "kv/test_database.hpp"
#include "quire/key.hpp"
#include "tools/page_formats.hpp"
#include "tools/picture_output.hpp"
#include "tools/svg.hpp"
#include "tools/tree_formats.hpp"

namespace quire::tools {
namespace {

namespace fs = std::filesystem;
using btree::Model;
using btree::PictureLevel;
using btree::PictureNode;
using btree::SlotsScope;
using btree::TestStore;
using btree::Tree;
using btree::TreePicture;

constexpr std::uint32_t slots_max = 4;

// Which pictures a case has beside that of the tree it ends with.
enum class Shows { after, tree_before, page_before_and_after };

struct CaseText {
  const char* name;
  const char* title;
  const char* description;
  Shows shows = Shows::after;
};

constexpr CaseText cases[] = {
    {"insert_without_split", "Insert without split", "Three keys, put in any order, lie sorted in one leaf, which is the root: nothing has been split."},
    {"insert_with_split", "Insert with split",
     "The fifth key does not fit into a leaf of four slots. The leaf becomes two, and because it was the root its content moves down: the root "
     "keeps its page number and now holds one separator between two leaves, which are linked from left to right.", Shows::tree_before},
    {"insert_complex", "Complex inserts",
     "Forty keys in a scattered order split leaves and inner nodes until the tree has three levels. Every child lies between the separators of its "
     "parent, and every level is linked from its first node to its last."},
    {"search", "Search",
     "Every key that was put is found by one descent from the root; keys before the first, between two and behind the last are not."},
    {"range_across_leaves", "Range across leaves",
     "Walking from 30 to 100 begins in the middle of a leaf and follows the right links over the leaves behind it, without going through the root again."},
    {"update_in_place", "Update in place", "A value of the same length is written over the old one: neither its place in the page nor the tree's shape changes.",
     Shows::page_before_and_after},
    {"update_moved", "Update moved",
     "A longer value does not fit where the old one was. The record moves to free space of its page, the old bytes become free, and the tree's shape stays.",
     Shows::page_before_and_after},
    {"delete_simple", "Delete, simple", "One key goes from a leaf that keeps enough others. Separators stay as they are: they divide, they need not exist as keys.",
     Shows::tree_before},
    {"delete_borrow_left", "Delete, borrow from the left",
     "A leaf that has become too empty takes keys over from its left neighbour, which has some to spare; the separator between them changes.", Shows::tree_before},
    {"delete_borrow_right", "Delete, borrow from the right",
     "A leaf that has become too empty takes keys over from its right neighbour, which has some to spare; the separator between them changes.", Shows::tree_before},
    {"delete_merge", "Delete, merge", "Two neighbours that fit into one page become one: a page and the separator between the two are gone. Here they "
     "were the last two, so the root becomes their leaf and the tree a level lower.", Shows::tree_before},
    {"delete_all", "Delete all", "After the last key the tree holds nothing, and everything can be put in again.", Shows::tree_before},
    {"load_from_disk", "Load from disk", "The database is closed and opened again. The tree that is read from the file has the same pages, keys and links as before."},
    {"composite_keys", "Composite keys",
     "Keys of country and number are encoded so that bytes sort as the columns do: by country, then by number. Separators are shortened where "
     "that is enough to divide, so some end within a column."},
    {"hundred_thousand_keys", "100 000 keys", "A hundred thousand keys in random order, in pages of full size: the tree has three levels at most and every key is found in order."},
};

const CaseText& text_of(std::string_view name) {
  return *std::find_if(std::begin(cases), std::end(cases), [&](const CaseText& c) { return c.name == name; });
}

// Beside the directory of the test program: <build>/pictures.
fs::path pictures() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  const fs::path directory = (error ? fs::path(".") : program.parent_path().parent_path()) / "pictures";
  fs::create_directories(directory, error);
  return directory;
}

// The same from every case, so it does not matter which of several processes writes it last.
void write_index(const fs::path& directory) {
  std::string html = "<!doctype html>\n<meta charset=\"utf-8\">\n<title>Tree cases</title>\n"
                     "<style>body{font-family:sans-serif;max-width:75em;margin:2em auto;color:#1f2933}img{max-width:100%;border:1px solid #dde3ea}</style>\n"
                     "<h1>Tree cases</h1>\n";
  for (const CaseText& each : cases) {
    const std::string name = each.name;
    const auto image = [&](const std::string& file, const char* caption) {
      html += "<p>" + std::string(caption) + "</p>\n<img alt=\"" + each.title + ", " + caption + "\" src=\"" + file + ".svg\">\n";
    };
    html += "<h2 id=\"" + name + "\">" + each.title + "</h2>\n<p>" + xml_text(each.description) + " <a href=\"" + name + ".txt\">As text.</a></p>\n";
    if (each.shows == Shows::tree_before) image(name + "_before", "Before");
    if (each.shows == Shows::page_before_and_after) image(name + "_page_before", "The page before");
    if (each.shows == Shows::page_before_and_after) image(name + "_page_after", "The page after");
    image(name, each.shows == Shows::after ? "The tree" : "The tree after");
  }
  const Status ignored = write_file((directory / "index.html").string(), html);
}

void publish(const std::string& name, TreePicture picture) {
  const CaseText& text = text_of(name);
  picture.title = text.title;
  const fs::path directory = pictures();
  EXPECT_TRUE(write_file((directory / (name + ".svg")).string(), tree_svg(picture)).ok());
  EXPECT_TRUE(write_file((directory / (name + ".txt")).string(), btree::draw_text(picture)).ok());
  EXPECT_TRUE(write_file((directory / (name + ".md")).string(), "# " + std::string(text.title) + "\n\n" + text.description + "\n").ok());
  write_index(directory);
}

// "[b] / [a b] [c d]": the keys of every node, a level behind a slash.
std::string shape(const TreePicture& picture) {
  std::string text;
  for (const PictureLevel& level : picture.levels) {
    if (&level != picture.levels.data()) text += " /";
    for (const PictureNode& node : level.nodes) {
      text += text.empty() ? "[" : " [";
      for (const std::string& key : node.first) text += (&key == node.first.data() ? "" : " ") + key;
      text += "]";
    }
  }
  return text;
}

const btree::PictureOptions everything{.pages_max = UINT64_MAX, .keys_per_node = UINT32_MAX, .edge_nodes = 2, .text = {}};

const btree::PictureOptions whole_small_nodes{.pages_max = 60, .keys_per_node = 8, .edge_nodes = 2, .text = {}};

class tree_case : public testing::Test {
 protected:
  void put(const std::string& key, const std::string& value = "value") {
    ASSERT_TRUE(tree_.put(key, value).ok());
    model_[key] = value;
  }
  void put_all(const std::vector<int>& numbers) {
    for (const int number : numbers) put(key(number));
  }
  void erase(int number) {
    ASSERT_TRUE(tree_.erase(key(number)).value());
    ASSERT_TRUE(tree_.merge_underfull(key(number)).ok());  // as purge does
    model_.erase(key(number));
  }
  static std::string key(int number) { return (number < 10 ? "00" : number < 100 ? "0" : "") + std::to_string(number); }

  TreePicture picture() const { return btree::picture(tree_, everything).value(); }
  std::string shape_now() const { return shape(picture()); }
  std::vector<PictureNode> leaf_nodes() const { return picture().levels.back().nodes; }
  std::size_t leaves() const { return leaf_nodes().size(); }

  // Holds for every tree of every case.
  void check() {
    EXPECT_EQ(btree::difference(tree_, model_), "");
    const TreePicture drawn = picture();
    for (const PictureLevel& level : drawn.levels) {
      for (std::size_t i = 0; i < level.nodes.size(); ++i) {
        EXPECT_EQ(level.nodes[i].right, i + 1 < level.nodes.size() ? level.nodes[i + 1].page : no_page);
        EXPECT_LE(level.nodes[i].keys, std::max(slots_max, Tree::max_slots_for_tests));
      }
    }
  }
  // The tree as it is before what the case is about.
  void show_before(const char* name) {
    ASSERT_EQ(text_of(name).shows, Shows::tree_before);
    TreePicture drawn = btree::picture(tree_, whole_small_nodes).value();
    drawn.title = std::string(text_of(name).title) + ": before";
    EXPECT_TRUE(write_file((pictures() / (std::string(name) + "_before.svg")).string(), tree_svg(drawn)).ok());
  }
  void show_page(const std::string& name, const char* when) {
    ASSERT_EQ(text_of(name).shows, Shows::page_before_and_after);
    const buffer::ReadPage page = store_.pool().read(tree_.root()).value();
    EXPECT_TRUE(write_file((pictures() / (name + "_page_" + when + ".svg")).string(), page_svg(btree::picture_page(page.bytes()))).ok());
  }
  void finish(const char* name) {
    check();
    publish(name, btree::picture(tree_, whole_small_nodes).value());
  }

  // Where the record of a key lies in the root leaf.
  std::uint32_t offset_of(const std::string& wanted) {
    const buffer::ReadPage page = store_.pool().read(tree_.root()).value();
    for (const btree::PageSlot& slot : btree::picture_page(page.bytes()).slots) {
      if (slot.key == wanted) return slot.offset;
    }
    return 0;
  }

  SlotsScope slots_{slots_max};
  TestStore store_;
  Tree tree_{store_.make_tree()};
  Model model_;
};

TEST_F(tree_case, insert_without_split) {
  put_all({20, 30, 10});
  EXPECT_EQ(shape_now(), "[010 020 030]");
  finish("insert_without_split");
}

TEST_F(tree_case, insert_with_split) {
  put_all({10, 20, 30, 40});
  EXPECT_EQ(leaves(), 1u);
  const PageId root = tree_.root();
  show_before("insert_with_split");
  put_all({25});
  EXPECT_EQ(shape_now(), "[03] / [010 020 025] [030 040]");
  EXPECT_EQ(tree_.root(), root);
  finish("insert_with_split");
}

TEST_F(tree_case, insert_complex) {
  for (int i = 0; i < 40; ++i) put(key(10 + i * 17 % 40));
  const TreePicture drawn = picture();
  EXPECT_EQ(drawn.height(), 3u);
  EXPECT_EQ(drawn.rows, 40u);
  for (const PictureLevel& level : drawn.levels) {
    for (const PictureNode& node : level.nodes) {
      for (const std::string& each : node.first) {
        EXPECT_GT(each, node.lower);
        if (node.has_upper) {
          EXPECT_LE(each, node.upper);
        }
      }
    }
  }
  finish("insert_complex");
}

TEST_F(tree_case, search) {
  for (int i = 10; i <= 120; i += 10) put(key(i), "value of " + std::to_string(i));
  std::string value;
  for (int i = 10; i <= 120; i += 10) {
    EXPECT_TRUE(tree_.get(key(i), value).ok());
    EXPECT_EQ(value, "value of " + std::to_string(i));
  }
  for (const int missing : {0, 15, 55, 119, 121}) EXPECT_EQ(tree_.get(key(missing), value), Code::not_found);
  EXPECT_EQ(picture().height(), 2u);
  finish("search");
}

TEST_F(tree_case, range_across_leaves) {
  for (int i = 10; i <= 120; i += 10) put(key(i));
  std::vector<std::string> met;
  btree::TreeCursor cursor(tree_);
  for (Status at = cursor.seek_ge(key(30)); at.ok() && cursor.key() <= key(100); at = cursor.next()) met.emplace_back(cursor.key());
  EXPECT_THAT(met, testing::ElementsAre("030", "040", "050", "060", "070", "080", "090", "100"));
  std::size_t touched = 0;
  for (const PictureNode& leaf : leaf_nodes()) {
    touched += std::any_of(leaf.first.begin(), leaf.first.end(), [&](const std::string& k) { return std::find(met.begin(), met.end(), k) != met.end(); }) ? 1 : 0;
  }
  EXPECT_GE(touched, 3u);
  finish("range_across_leaves");
}

TEST_F(tree_case, update_in_place) {
  put_all({10, 20, 30});
  const std::uint32_t before = offset_of("020");
  show_page("update_in_place", "before");
  put("020", "VALUE");
  show_page("update_in_place", "after");
  EXPECT_EQ(offset_of("020"), before);
  EXPECT_EQ(shape_now(), "[010 020 030]");
  finish("update_in_place");
}

TEST_F(tree_case, update_moved) {
  put_all({10, 20, 30});
  const std::uint32_t before = offset_of("020");
  show_page("update_moved", "before");
  put("020", std::string(200, 'v'));
  show_page("update_moved", "after");
  EXPECT_NE(offset_of("020"), before);
  EXPECT_EQ(shape_now(), "[010 020 030]");
  finish("update_moved");
}

TEST_F(tree_case, delete_simple) {
  put_all({10, 20, 30, 40, 25});
  show_before("delete_simple");
  erase(20);
  EXPECT_EQ(shape_now(), "[03] / [010 025] [030 040]");
  std::string value;
  EXPECT_EQ(tree_.get(key(20), value), Code::not_found);
  EXPECT_FALSE(tree_.erase(key(20)).value());
  finish("delete_simple");
}

// A node of less than a quarter takes rows from a neighbour that is too full to be joined with it.
TEST_F(tree_case, delete_borrow_left) {
  const SlotsScope eight(8);
  for (int i = 10; i <= 100; i += 10) put(key(i));
  ASSERT_EQ(shape_now(), "[09] / [010 020 030 040 050 060 070 080] [090 100]");
  show_before("delete_borrow_left");
  erase(100);
  EXPECT_EQ(shape_now(), "[06] / [010 020 030 040 050] [060 070 080 090]");
  finish("delete_borrow_left");
}

TEST_F(tree_case, delete_borrow_right) {
  const SlotsScope eight(8);
  for (int i = 10; i <= 160; i += 10) put(key(i));
  ASSERT_EQ(shape_now(), "[09] / [010 020 030 040 050 060 070 080] [090 100 110 120 130 140 150 160]");
  for (int i = 10; i <= 60; i += 10) erase(i);
  ASSERT_EQ(shape_now(), "[09] / [070 080] [090 100 110 120 130 140 150 160]");
  show_before("delete_borrow_right");
  erase(70);
  EXPECT_EQ(shape_now(), "[13] / [080 090 100 110 120] [130 140 150 160]");
  finish("delete_borrow_right");
}

TEST_F(tree_case, delete_merge) {
  const SlotsScope eight(8);
  for (int i = 10; i <= 100; i += 10) put(key(i));
  for (int i = 10; i <= 50; i += 10) erase(i);
  ASSERT_EQ(shape_now(), "[09] / [060 070 080] [090 100]");
  show_before("delete_merge");
  erase(100);
  EXPECT_EQ(shape_now(), "[060 070 080 090]");
  finish("delete_merge");
}

TEST_F(tree_case, delete_all) {
  for (int i = 10; i <= 120; i += 10) put(key(i));
  show_before("delete_all");
  for (int i = 10; i <= 120; i += 10) erase(i);
  check();
  EXPECT_EQ(picture().rows, 0u);
  btree::TreeCursor cursor(tree_);
  EXPECT_EQ(cursor.first(), Code::not_found);
  EXPECT_EQ(shape_now(), "[]");
  finish("delete_all");
  for (int i = 10; i <= 120; i += 10) put(key(i));
  check();
}

TEST(tree_case_database, load_from_disk) {
  const SlotsScope slots(slots_max);
  kv::TestMachine machine;
  std::string before;
  {
    Database db = machine.open(kv::impatient).value();
    Transaction tx = db.begin().value();
    for (int i = 100; i < 140; ++i) ASSERT_TRUE(tx.put("default", std::to_string(i), "value " + std::to_string(i)).ok());
    ASSERT_TRUE(tx.commit().ok());
    before = tree_document(kv::picture_tree(db, "default", everything).value()).dump();
    ASSERT_TRUE(db.close().ok());
  }
  Database db = machine.open(kv::impatient).value();
  EXPECT_EQ(tree_document(kv::picture_tree(db, "default", everything).value()).dump(), before);
  EXPECT_GE(kv::picture_tree(db, "default")->height(), 3u);
  for (int i = 100; i < 140; ++i) EXPECT_EQ(db.keyspace()->get(std::to_string(i)).value(), "value " + std::to_string(i));
  publish("load_from_disk", kv::picture_tree(db, "default").value());
}

TEST(tree_case_database, composite_keys) {
  const SlotsScope slots(slots_max);
  kv::TestMachine machine;
  Database db = machine.open(kv::impatient).value();
  ASSERT_TRUE(db.create_keyspace("towns", {{"country", "number"}, {"name"}}).ok());
  Transaction tx = db.begin().value();
  for (const int number : {100, 9, -3, 20}) {
    for (const char* country : {"SE", "NO", "DK"}) {
      ASSERT_TRUE(tx.put("towns", encode_key({Value(country), Value(number)}), encode_row({Value("town")})).ok());
    }
  }
  ASSERT_TRUE(tx.commit().ok());
  std::vector<std::string> met;
  const TreePicture picture = kv::picture_tree(db, "towns", everything).value();
  for (const PictureNode& leaf : picture.levels.back().nodes) met.insert(met.end(), leaf.first.begin(), leaf.first.end());
  EXPECT_THAT(met, testing::ElementsAre("DK,-3", "DK,9", "DK,20", "DK,100", "NO,-3", "NO,9", "NO,20", "NO,100", "SE,-3", "SE,9", "SE,20", "SE,100"));
  publish("composite_keys", kv::picture_tree(db, "towns").value());
}

TEST(tree_case_large, hundred_thousand_keys) {
  TestStore store;
  Tree tree = store.make_tree();
  std::vector<int> numbers(100'000);
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<int>(100'000 + i);
  Random(1).shuffle(numbers);
  Model model;
  for (const int number : numbers) {
    const std::string key = "user:" + std::to_string(number);
    ASSERT_TRUE(tree.put(key, std::to_string(number * 7)).value());
    model[key] = std::to_string(number * 7);
  }
  EXPECT_EQ(btree::difference(tree, model), "");
  const TreePicture picture = btree::picture(tree, {.pages_max = 60}).value();
  EXPECT_EQ(picture.rows, 100'000u);
  EXPECT_LE(picture.height(), 3u);
  EXPECT_GT(picture.levels.back().fill(), 0.5);
  publish("hundred_thousand_keys", picture);
}

}  // namespace
}  // namespace quire::tools
