// Node against a std::map of its records.
//
// Goal     every change leaves a node that checks, holds exactly the model's records and finds every key; fits()
//          is exact: it says yes as long as the bytes suffice, and not once longer
// Method   exhaustive short sequences of changes; random long ones over prefixes, equal heads and page sizes
#include "btree/node.hpp"

#include <numeric>

#include "base/random.hpp"

namespace quire::btree {
namespace {

struct Stored {
  std::string value;
  bool overflow = false;
  bool ghost = false;
  std::optional<RowHeader> header = std::nullopt;
};

// One node and what must be in it.
class ModelledNode {
 public:
  ModelledNode(std::uint32_t page_bytes, Node::Shape shape)
      : page_(page_bytes), node_(MutableBytes(page_)), fence_bytes_(shape.lower.size() + (shape.upper ? shape.upper->size() : 0)) {
    page::format_page(page_, {page::PageType::leaf, TreeId{7}, PageId{9}});
    node_.format(shape);
  }

  Node& node() { return node_; }
  const std::map<std::string, Stored>& model() const { return model_; }

  // False when it did not fit, which must be so.
  bool put(const std::string& key, const Stored& stored) {
    const LeafRecord record{key, stored.value, stored.overflow, stored.ghost, stored.header};
    const SearchResult at = node_.search(key);
    EXPECT_EQ(at.found, model_.contains(key));
    const bool fits = at.found ? node_.fits_replacing(at.index, record) : node_.fits(record);
    EXPECT_EQ(fits, bytes_with(key, stored) <= page_.size());
    if (!fits) return false;
    if (at.found) {
      node_.replace(at.index, record);
    } else {
      node_.insert(at.index, record);
    }
    model_[key] = stored;
    return true;
  }

  void erase(const std::string& key) {
    const SearchResult at = node_.search(key);
    ASSERT_EQ(at.found, model_.erase(key) == 1);
    if (at.found) node_.erase(at.index);
  }

  // Changes header and ghost of a row that is there; false when there is no room, which must be so.
  bool set_row(const std::string& key, const std::optional<RowHeader>& header, bool ghost) {
    Stored stored = model_.at(key);
    stored.header = header;
    stored.ghost = ghost;
    const SearchResult at = node_.search(key);
    EXPECT_TRUE(at.found);
    EXPECT_EQ(node_.fits_header(at.index), model_.at(key).header || bytes() + row_header_bytes <= page_.size());
    if (header && !node_.fits_header(at.index)) return false;
    node_.set_row(at.index, header, ghost);
    model_[key] = stored;
    return true;
  }

  void strip_headers(Xid horizon) {
    std::uint32_t expected = 0;
    for (auto& [key, stored] : model_) {
      if (stored.ghost || !stored.header || stored.header->xid >= horizon) continue;
      stored.header = std::nullopt;
      ++expected;
    }
    EXPECT_EQ(node_.strip_headers(horizon), expected);
    if (expected > 0) {
      EXPECT_EQ(page::header::max_xid.get(page_.data()), newest().raw);
    }
  }

  Xid newest() const {
    Xid xid;
    for (const auto& [key, stored] : model_) xid = std::max(xid, stored.header.value_or(RowHeader{}).xid);
    return xid;
  }

  // The first difference between node and model.
  std::string difference() const {
    const Status own = node_.check();
    if (!own.ok()) return own.to_string();
    if (node_.count() != model_.size()) return "another number of records";
    std::uint32_t index = 0;
    for (const auto& [key, stored] : model_) {
      if (node_.key(index) != key) return "slot " + std::to_string(index) + " holds another key";
      const ValueAt value = node_.value(index);
      if (value.bytes != stored.value || value.overflow != stored.overflow) return "another value of " + key;
      if (node_.row_header(index) != stored.header) return "another row header of " + key;
      if (node_.ghost(index) != stored.ghost) return "a ghost or not: " + key;
      const SearchResult at = node_.search(key);
      if (!at.found || at.index != index) return "search misses " + key;
      ++index;
    }
    if (node_.newest_xid() != newest()) return "another newest xid";
    return node_.free_bytes() == page_.size() - bytes() ? "" : "free bytes are not exact";
  }

  // search() for a key that need not be there.
  std::string search_difference(const std::string& key) const {
    const SearchResult at = node_.search(key);
    const auto expected = model_.lower_bound(key);
    const auto index = static_cast<std::uint32_t>(std::distance(model_.begin(), expected));
    const bool found = expected != model_.end() && expected->first == key;
    return at.index == index && at.found == found ? "" : "search for '" + key + "' is wrong";
  }

 private:
  std::size_t record_bytes(const std::string& key, const Stored& stored) const {
    return slot_bytes + key.size() - node_.prefix().size() + (stored.header ? row_header_bytes : 0) + value_length_bytes +
           stored.value.size();
  }
  std::size_t bytes() const {
    std::size_t sum = node_header_bytes + fence_bytes_;
    for (const auto& [key, stored] : model_) sum += record_bytes(key, stored);
    return sum;
  }
  std::size_t bytes_with(const std::string& key, const Stored& stored) const {
    const auto old = model_.find(key);
    return bytes() + record_bytes(key, stored) - (old == model_.end() ? 0 : record_bytes(key, old->second));
  }

  std::vector<std::byte> page_;
  Node node_;
  std::size_t fence_bytes_;
  std::map<std::string, Stored> model_;
};

TEST(node, holds_its_records_after_every_short_sequence_of_changes) {
  const std::vector<std::string> keys{"a", std::string("a\0", 2), "b", "c"};
  const std::vector<Stored> values{{""}, {std::string(500, 'x')}, {std::string(1002, 'y'), false, true, RowHeader{Xid{5}}}};
  const std::size_t choices = keys.size() * (values.size() + 1);
  constexpr std::size_t length = 4;
  std::size_t sequences = 1;
  for (std::size_t i = 0; i < length; ++i) sequences *= choices;
  std::size_t refused = 0;
  for (std::size_t sequence = 0; sequence < sequences; ++sequence) {
    ModelledNode modelled(4096, {});
    std::size_t rest = sequence;
    for (std::size_t step = 0; step < length; ++step, rest /= choices) {
      const std::string& key = keys[rest % choices % keys.size()];
      const std::size_t what = rest % choices / keys.size();
      if (what == values.size()) {
        modelled.erase(key);
      } else if (!modelled.put(key, values[what])) {
        ++refused;
      }
    }
    ASSERT_EQ(modelled.difference(), "") << "sequence " << sequence;
  }
  EXPECT_GT(refused, 0u) << "no sequence came to the page's end";
}

// A row without a header, a row with one, and a ghost, of two lengths each, turned into each other in a full page.
TEST(node, turns_rows_into_ghosts_and_back_after_every_short_sequence) {
  struct Turn {
    std::optional<RowHeader> header;
    bool ghost;
  };
  const std::vector<std::string> keys{"a", "b", "c", "d"};
  const std::vector<Turn> turns{{std::nullopt, false}, {RowHeader{Xid{7}, 70, 1}, false}, {RowHeader{Xid{9}, 90, 0}, true}};
  const std::size_t choices = keys.size() * turns.size();
  constexpr std::size_t length = 4;
  std::size_t refused = 0;
  for (std::size_t sequence = 0; sequence < choices * choices * choices * choices; ++sequence) {
    ModelledNode modelled(4096, {});
    // 20 bytes are left: room for one header.
    for (const std::string& key : keys) modelled.put(key, {std::string(key == "d" ? 902 : 1001, key[0])});
    std::size_t rest = sequence;
    for (std::size_t step = 0; step < length; ++step, rest /= choices) {
      const Turn& turn = turns[rest % choices / keys.size()];
      if (!modelled.set_row(keys[rest % choices % keys.size()], turn.header, turn.ghost)) ++refused;
    }
    ASSERT_EQ(modelled.difference(), "") << "sequence " << sequence;
  }
  EXPECT_GT(refused, 0u) << "no sequence came to the page's end";
}

TEST(node, orders_every_permutation_of_insertions_and_erasures) {
  const std::vector<std::string> keys{"a", "aa", std::string("aa\0", 3), "ab", "aaaaa", "aaaab"};
  for (const std::uint32_t page_bytes : {4096u, 65536u}) {
    std::vector<std::size_t> order(keys.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    do {
      ModelledNode modelled(page_bytes, {});
      for (const std::size_t i : order) modelled.put(keys[i], i % 2 == 0 ? Stored{std::string(32, '!'), true} : Stored{keys[i] + "!", false});
      ASSERT_EQ(modelled.difference(), "");
      for (const std::size_t i : order) {
        modelled.erase(keys[(i + 1) % keys.size()]);
        ASSERT_EQ(modelled.difference(), "");
      }
    } while (std::next_permutation(order.begin(), order.end()));
  }
}

// Keys between the fences ("prefix|", "prefix|~]" or everything), short alphabets so that heads are equal.
struct Territory {
  std::string prefix;
  std::string lower;
  std::optional<std::string> upper;
};

std::string random_key(Random& random, const Territory& territory) {
  std::string key = territory.prefix;
  const std::uint64_t bytes = random.between({1, 9});
  const std::string alphabet("\0ab~", 4);
  for (std::uint64_t i = 0; i < bytes; ++i) key += alphabet[random.below(random.chance(1, 8) ? 4 : 3)];
  if (key <= territory.lower) key += std::string(territory.lower.size(), 'b');
  return key;
}

void change_at_random(std::uint64_t seed, std::uint32_t page_bytes, const Territory& territory, int steps) {
  SCOPED_TRACE("seed " + std::to_string(seed) + ", page size " + std::to_string(page_bytes));
  Random random(seed);
  const std::optional<std::string_view> upper =
      territory.upper ? std::optional<std::string_view>(*territory.upper) : std::nullopt;
  ModelledNode modelled(page_bytes, {0, territory.lower, upper});
  for (int step = 0; step < steps; ++step) {
    const std::string key = random_key(random, territory);
    if (key <= territory.lower || (upper && key > *upper)) continue;
    const RowHeader header{Xid{1 + random.below(1u << 20)}, random.next(), static_cast<std::uint8_t>(random.below(16))};
    const std::uint64_t what = random.below(100);
    if (what < 1) {
      modelled.strip_headers(Xid{random.below(1u << 20)});
    } else if (what < 30) {
      modelled.erase(key);
    } else if (what < 50 && !modelled.model().empty()) {
      const auto at = modelled.model().lower_bound(key);
      const bool with_header = random.chance(3, 4);
      modelled.set_row(at == modelled.model().end() ? modelled.model().begin()->first : at->first,
                       with_header ? std::optional(header) : std::nullopt, with_header && random.chance(1, 2));
    } else {
      const bool overflow = random.chance(1, 10);
      const std::uint64_t bytes = overflow ? 32 : random.chance(1, 20) ? random.below(900) : random.below(12);
      Stored stored{std::string(bytes, static_cast<char>('a' + step % 26)), overflow};
      if (random.chance(1, 2)) stored.header = header;
      stored.ghost = stored.header && random.chance(1, 4);
      modelled.put(key, stored);
    }
    ASSERT_EQ(modelled.node().check().to_string(), "ok") << "step " << step;
    ASSERT_EQ(modelled.search_difference(random_key(random, territory)), "") << "step " << step;
    if (step % 64 == 0) {
      ASSERT_EQ(modelled.difference(), "") << "step " << step;
    }
  }
  ASSERT_EQ(modelled.difference(), "");
}

TEST(node, agrees_with_a_map_over_random_changes) {
  const Territory everything{"", "", std::nullopt};
  const Territory last{"cities|", "cities|a", std::nullopt};
  const Territory shared{"cities|NO|", "cities|NO|", "cities|NO|~~~"};
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    for (const Territory& territory : {everything, last, shared}) {
      change_at_random(seed, 4096, territory, 1200);
      change_at_random(seed, 65536, territory, 1200);
    }
  }
}

TEST(node, finds_keys_by_hints_whatever_their_number) {
  ModelledNode modelled(65536, {});
  for (int i = 0; i < 400; ++i) {
    std::string key = "k";
    key += static_cast<char>('a' + i * 7 % 400 / 40);
    key += std::to_string(1000 + i * 7 % 400);
    modelled.put(key, {"v", false});
    ASSERT_EQ(modelled.difference(), "") << i;
  }
}

TEST(node, does_not_repeat_the_prefix_that_both_fences_share) {
  ModelledNode modelled(4096, {0, "cities|NO|Bergen", "cities|NO|Oslo"});
  EXPECT_EQ(modelled.node().prefix(), "cities|NO|");
  modelled.put("cities|NO|Bodo", {"1", false});
  EXPECT_EQ(modelled.node().suffix(0), "Bodo");
  EXPECT_EQ(modelled.node().key(0), "cities|NO|Bodo");
  EXPECT_EQ(modelled.difference(), "");
}

// Inner nodes: separators and children against a map from upper bound to child.
TEST(node, leads_every_key_to_the_child_that_covers_it) {
  Random random(5);
  std::vector<std::byte> page(4096);
  page::format_page(page, {page::PageType::inner, TreeId{7}, PageId{9}});
  Node node{MutableBytes(page)};
  node.format({1, {}, std::nullopt});
  node.set_child(0, PageId{1});
  std::map<std::string, PageId> covered;  // by upper bound
  PageId last{1};
  const Territory everything{"", "", std::nullopt};
  for (std::uint64_t child = 2; child < 120; ++child) {
    const std::string separator = random_key(random, everything);
    const SearchResult at = node.search(separator);
    if (at.found) continue;
    ASSERT_TRUE(node.fits_separator(separator));
    const auto split = covered.lower_bound(separator);
    PageId& old = split == covered.end() ? last : split->second;
    covered[separator] = old;
    node.insert_separator(at.index, separator, PageId{child});
    (split == covered.end() ? last : covered.upper_bound(separator)->second) = PageId{child};
    ASSERT_EQ(node.check().to_string(), "ok");
    for (int look = 0; look < 20; ++look) {
      const std::string key = random_key(random, everything);
      const auto expected = covered.lower_bound(key);
      ASSERT_EQ(node.child_for(key), expected == covered.end() ? last : expected->second);
    }
  }
  EXPECT_EQ(node.child(node.count()), last);
}

TEST(node, is_rebuilt_record_by_record_under_a_longer_prefix) {
  ModelledNode wide(8192, {0, "a", std::nullopt});
  for (int i = 0; i < 60; ++i) wide.put("cities|" + std::to_string(100 + i), {std::string(32, static_cast<char>('0' + i)), i % 3 == 0});
  std::vector<std::byte> page(8192);
  page::format_page(page, {page::PageType::leaf, TreeId{7}, PageId{10}});
  Node narrow{MutableBytes(page)};
  narrow.format({0, "cities|10", "cities|159"});
  narrow.append_from(wide.node(), 0, wide.node().count());
  narrow.update_heads();
  ASSERT_EQ(narrow.check().to_string(), "ok");
  EXPECT_EQ(narrow.prefix(), "cities|1");
  for (std::uint32_t i = 0; i < 60; ++i) {
    EXPECT_EQ(narrow.key(i), wide.node().key(i));
    EXPECT_EQ(narrow.value(i).bytes, wide.node().value(i).bytes);
    EXPECT_EQ(narrow.value(i).overflow, i % 3 == 0);
  }
}

TEST(node, holds_two_of_the_largest_records_between_the_largest_fences) {
  for (const std::uint32_t page_bytes : {4096u, 8192u, 16384u, 32768u, 65536u}) {
    const std::size_t most = key_bytes_max(page_bytes);
    const std::string lower(most, 'a');
    const std::string upper(most, 'y');
    ModelledNode modelled(page_bytes, {0, lower, std::string_view(upper)});
    const std::size_t value_bytes = record_bytes_max(page_bytes) - most - row_header_bytes - value_length_bytes;
    EXPECT_TRUE(modelled.put(std::string(most, 'b'), {std::string(value_bytes, 'v'), false}));
    EXPECT_TRUE(modelled.put(std::string(most, 'c'), {std::string(value_bytes, 'v'), false}));
    EXPECT_EQ(modelled.difference(), "");
  }
}

// The sizes of rows with and without headers differ by exactly the header; ghosts are not stripped.
TEST(node, strips_headers_below_the_horizon_only) {
  ModelledNode modelled(4096, {});
  for (std::uint64_t i = 1; i <= 9; ++i) modelled.put("k" + std::to_string(i), {"v", false, i % 3 == 0, RowHeader{Xid{i * 10}, i}});
  EXPECT_EQ(modelled.node().ghosts(), 3u);
  EXPECT_EQ(modelled.node().row_headers(), 9u);
  const std::uint32_t before = modelled.node().free_bytes();
  EXPECT_EQ(modelled.node().strip_headers(Xid{50}), 3u);
  EXPECT_EQ(modelled.node().free_bytes(), before + 3 * row_header_bytes);
  EXPECT_EQ(modelled.node().row_headers(), 6u);
  EXPECT_EQ(modelled.node().newest_xid(), Xid{90});
  EXPECT_EQ(modelled.node().row_header(3), std::nullopt);
  EXPECT_EQ(modelled.node().row_header(4), (RowHeader{Xid{50}, 5}));
  EXPECT_EQ(modelled.node().strip_headers(Xid{1000}), 3u);
  EXPECT_EQ(modelled.node().row_headers(), 3u);
  EXPECT_EQ(modelled.node().check().to_string(), "ok");
}

TEST(node, keeps_all_bits_of_a_row_header) {
  ModelledNode modelled(4096, {});
  const RowHeader largest{Xid{(std::uint64_t{1} << 48) - 1}, UINT64_MAX, 15};
  modelled.put("k", {"v", false, true, largest});
  EXPECT_EQ(modelled.difference(), "");
  std::byte bytes[row_header_bytes];
  store_row_header(bytes, {Xid{0x112233445566}, 0x8877665544332211, 0xF});
  EXPECT_EQ(load_le<std::uint64_t>(bytes), 0xF000112233445566u);
  EXPECT_EQ(load_le<std::uint64_t>(bytes + 8), 0x8877665544332211u);
}

TEST(node, has_a_model_that_can_disagree) {
  ModelledNode modelled(4096, {});
  modelled.put("a", {"1", false});
  modelled.put("b", {"2", false});
  modelled.node().erase(0);
  EXPECT_NE(modelled.difference(), "");
}

}  // namespace
}  // namespace quire::btree
