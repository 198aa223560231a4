// Damaged nodes: check() names each kind of inconsistency, and no bytes at all make NodeView misbehave.
//
// Goal     what the pool takes in is a node; what a reader sees of a page that changes under it is harmless
// Method   one damage of each kind to a good node; random pages and random flips, read through every accessor
//          of a page-sized buffer (AddressSanitizer sees a step beyond it)
#include "btree/draw.hpp"
#include "btree/node.hpp"

#include "base/random.hpp"

namespace quire::btree {
namespace {

using testing::HasSubstr;

constexpr std::uint32_t page_bytes = 4096;

std::vector<std::byte> good_leaf() {
  std::vector<std::byte> page(page_bytes);
  page::format_page(page, {page::PageType::leaf, TreeId{7}, PageId{9}});
  Node node{MutableBytes(page)};
  node.format({0, "key-000", "key-999"});
  for (int i = 0; i < 40; ++i) {
    const std::string key = "key-" + std::to_string(100 + i);
    const bool overflow = i == 20;
    const std::string value = overflow ? std::string(32, '\0') : "value";
    node.insert(node.count(), {key, value, overflow});
    if (i % 10 == 5) node.set_row(node.count() - 1, RowHeader{Xid{100}, 1, 0}, i % 20 == 5);
  }
  return page;
}

std::byte* slot_of(std::vector<std::byte>& page, std::uint32_t index) {
  return page.data() + node_header_bytes + index * slot_bytes;
}

std::string check_of(const std::vector<std::byte>& page) {
  return NodeView(page.data(), static_cast<std::uint32_t>(page.size())).check().to_string();
}

struct Damage {
  const char* message;
  std::function<void(std::vector<std::byte>&)> apply;
};

// A field set to a value.
template <class Accessor>
std::function<void(std::vector<std::byte>&)> set(const Accessor& accessor, std::uint64_t value) {
  return [accessor, value](std::vector<std::byte>& page) {
    accessor.set(page.data(), static_cast<decltype(accessor.get(page.data()))>(value));
  };
}

template <class Accessor>
std::function<void(std::vector<std::byte>&)> set_in_slot(const Accessor& accessor, std::uint32_t index, std::uint64_t value) {
  return [accessor, index, value](std::vector<std::byte>& page) {
    std::byte* slot = slot_of(page, index);
    accessor.set(slot, static_cast<decltype(accessor.get(slot))>(value));
  };
}

void swap_slots(std::vector<std::byte>& page) {
  std::swap_ranges(slot_of(page, 3), slot_of(page, 4), slot_of(page, 4));
}

void break_value_length(std::vector<std::byte>& page) {
  const std::uint32_t offset = slot_field::offset.get(slot_of(page, 6));
  const std::uint32_t suffix = slot_field::packed.get(slot_of(page, 6)) & slot_suffix_mask;
  store_le(page.data() + offset + suffix, std::uint16_t{60000});
}

// The lower fence raised above the first key, the upper one lowered below the last; same length, same prefix.
void raise_lower_fence(std::vector<std::byte>& page) { page[node_field::lower_offset.get(page.data()) + 4] = std::byte{'2'}; }
void lower_upper_fence(std::vector<std::byte>& page) {
  const std::uint32_t offset = node_field::upper_offset.get(page.data());
  copy_bytes(page.data() + offset, "key-111");
}

void drop_overflow_stub(std::vector<std::byte>& page) {
  std::byte* slot = slot_of(page, 2);
  slot_field::packed.set(slot, static_cast<std::uint16_t>(slot_field::packed.get(slot) | slot_flag::overflow));
}

std::function<void(std::vector<std::byte>&)> set_flag(std::uint32_t index, int flag) {
  return [index, flag](std::vector<std::byte>& page) {
    std::byte* slot = slot_of(page, index);
    slot_field::packed.set(slot, static_cast<std::uint16_t>(slot_field::packed.get(slot) | flag));
  };
}
void mark_ghost(std::vector<std::byte>& page) { set_flag(2, slot_flag::ghost)(page); }

void set_reserved_bit(std::vector<std::byte>& page) {
  const std::uint32_t suffix = slot_field::packed.get(slot_of(page, 5)) & slot_suffix_mask;
  page[slot_field::offset.get(slot_of(page, 5)) + suffix + 6] = std::byte{1};
}

std::vector<Damage> damages() {
  return {
      {"slots is impossible", set(node_field::count, 60000)},
      {"contradicts its type", set(node_field::level, 1)},
      {"inside the slots or beyond the page", set(node_field::heap_low, 200)},
      {"inside the slots or beyond the page", set(node_field::heap_low, 5000)},
      {"inside the slots or beyond the page", set(node_field::heap_low, 0)},  // 65536
      {"the lower fence lies outside", set(node_field::lower_offset, 64)},
      {"the lower fence lies outside", set(node_field::lower_bytes, 5000)},
      {"the upper fence lies outside", set(node_field::upper_offset, 4095)},
      {"the upper fence lies outside", set(node_field::upper_bytes, 5000)},
      {"the fences share", set(node_field::prefix_bytes, 3)},
      {"the fences share", set(node_field::prefix_bytes, 900)},
      {"lies outside the records", set_in_slot(slot_field::offset, 7, 130)},
      {"lies outside the records", set_in_slot(slot_field::offset, 7, 4094)},
      {"reaches beyond the page", break_value_length},
      {"the header says", set(node_field::heap_used, 1)},
      {"heads leave out", set(node_field::head_skip, 200)},
      {"does not repeat its key", set_in_slot(slot_field::head, 7, 1)},
      {"is not above key", swap_slots},
      {"the first key is not above the lower fence", raise_lower_fence},
      {"the last key is above the upper fence", lower_upper_fence},
      {"wrong distance", set(node_field::hint_distance, 1)},
      {"hint 3 does not repeat", [](auto& page) { page[node_field::hints_offset + 3 * 4] ^= std::byte{1}; }},
      {"overflow stub", drop_overflow_stub},
      {"is a ghost without a row header", mark_ghost},
      {"impossible flags", set_flag(2, 0x8000)},
      {"ghosts", set_flag(15, slot_flag::ghost)},
      {"above the page's highest", [](auto& page) { page::header::max_xid.set(page.data(), 99); }},
      {"uses reserved bits", set_reserved_bit},
      {"ghosts", set(node_field::ghosts, 3)},
      {"row headers", set(node_field::row_headers, 3)},
  };
}

TEST(node_check, accepts_the_node_that_the_damages_start_from) { EXPECT_EQ(check_of(good_leaf()), "ok"); }

TEST(node_check, names_every_kind_of_inconsistency) {
  for (const Damage& damage : damages()) {
    std::vector<std::byte> page = good_leaf();
    damage.apply(page);
    EXPECT_THAT(check_of(page), HasSubstr(damage.message));
    EXPECT_THAT(check_of(page), HasSubstr("corrupt"));
  }
}

// Splits rely on the limits of records and keys, so a page that goes beyond them is refused.
TEST(node_check, refuses_a_record_and_a_fence_larger_than_any) {
  std::vector<std::byte> page(page_bytes);
  page::format_page(page, {page::PageType::leaf, TreeId{7}, PageId{9}});
  Node node{MutableBytes(page)};
  node.format({});
  node.insert(0, {"a", std::string(record_bytes_max(page_bytes) - 1 - row_header_bytes - value_length_bytes, 'v')});
  node.insert(1, {"b", std::string(500, 'v')});
  ASSERT_EQ(check_of(page), "ok");
  const std::uint32_t length_at = slot_field::offset.get(slot_of(page, 1)) + 1;
  store_le(page.data() + length_at, std::uint16_t{1020});
  EXPECT_THAT(check_of(page), HasSubstr("larger than records may be"));
  store_le(page.data() + length_at, std::uint16_t{500});
  node_field::lower_offset.set(page.data(), node_field::heap_low.get(page.data()));
  node_field::lower_bytes.set(page.data(), static_cast<std::uint16_t>(key_bytes_max(page_bytes) + 1));
  EXPECT_THAT(check_of(page), HasSubstr("longer than any key"));
}

TEST(node_check, refuses_an_inner_record_that_hangs_over_the_page) {
  std::vector<std::byte> page(page_bytes);
  page::format_page(page, {page::PageType::inner, TreeId{7}, PageId{9}});
  Node node{MutableBytes(page)};
  node.format({1, {}, std::nullopt});
  node.set_child(0, PageId{1});
  node.insert_separator(0, "m", PageId{2});
  ASSERT_EQ(check_of(page), "ok");
  slot_field::offset.set(slot_of(page, 0), static_cast<std::uint16_t>(page_bytes - child_bytes));
  EXPECT_THAT(check_of(page), HasSubstr("lies outside the records"));
}

// Reads everything that can be read; the sum keeps the compiler from leaving it out.
std::size_t read_everything(const std::vector<std::byte>& page, const std::string& key) {
  const NodeView view(page.data(), static_cast<std::uint32_t>(page.size()));
  std::size_t sum = view.lower_fence().size() + view.prefix().size() + view.free_bytes() + view.level();
  if (view.upper_fence()) sum += view.upper_fence()->size();
  for (std::uint32_t i = 0; i <= view.count(); ++i) sum += view.child(i).raw & 1;
  for (std::uint32_t i = 0; i < view.count(); ++i) {
    sum += view.key(i).size() + view.value(i).bytes.size() + view.record_bytes(i) + view.flags(i);
    sum += view.row_header(i).value_or(RowHeader{}).flags + static_cast<std::size_t>(view.ghost(i));
    for (const char c : view.value(i).bytes) sum += static_cast<unsigned char>(c);
  }
  sum += view.newest_xid().raw & 1;
  const SearchResult at = view.search(key);
  EXPECT_LE(at.index, view.count());
  return sum + at.index + static_cast<std::size_t>(view.check().ok());
}

TEST(node_view, survives_pages_of_random_bytes) {
  Random random(11);
  std::size_t sum = 0;
  for (int round = 0; round < 400; ++round) {
    std::vector<std::byte> page(round % 8 == 0 ? 65536 : 4096);
    const std::uint64_t zeros = random.below(4);  // sparse pages come further
    for (std::byte& b : page) b = random.chance(zeros, 4) ? std::byte{0} : static_cast<std::byte>(random.next());
    page[0] = static_cast<std::byte>(random.between({1, 2}));
    if (random.chance(1, 2)) node_field::count.set(page.data(), static_cast<std::uint16_t>(random.below(64)));
    sum += read_everything(page, std::string(random.below(10), 'k'));
    if (round % 16 == 0) sum += describe_node(page).size();
  }
  EXPECT_GT(sum, 0u);
}

// A page that passes check() despite a flip is one whose content changed, not its shape: it must be readable too.
TEST(node_view, survives_flips_in_a_good_page) {
  Random random(12);
  const std::vector<std::byte> good = good_leaf();
  std::size_t sum = 0;
  std::size_t accepted = 0;
  for (int round = 0; round < 3000; ++round) {
    std::vector<std::byte> page = good;
    const std::uint64_t flips = random.between({1, 4});
    for (std::uint64_t i = 0; i < flips; ++i) {
      const std::uint64_t at = random.chance(3, 4) ? random.below(node_header_bytes + 40 * slot_bytes) : random.below(page_bytes);
      page[at] ^= static_cast<std::byte>(1u << random.below(8));
    }
    accepted += check_of(page) == "ok" ? 1 : 0;
    sum += read_everything(page, "key-115") + describe_node(page).size();
  }
  EXPECT_GT(sum, 0u);
  EXPECT_LT(accepted, 2500u) << "check() accepts nearly everything";
}

}  // namespace
}  // namespace quire::btree
