// PageTable: slots, loading, page numbers.
//
// Free page numbers are collected one table page at a time, only from pages that say that they have some, and only those
// below the numbers handed out since the last publish.
#include "space/page_table.hpp"

#include <algorithm>
#include <bit>

#include "base/assert.hpp"
#include "base/try.hpp"

namespace quire::space {

namespace {

// Page numbers stay below 2^47, far beyond what 4 PiB of pages need.
constexpr std::uint64_t page_number_max = std::uint64_t{1} << 47;

}  // namespace

PageTable::PageTable(PageFile& file) : file_(file), entries_(file, EntryTree::Use::table) {}

void PageTable::create() {
  entries_.grow(1);
  os::Lock lock(loading_);
  loaded_.assign(1, true);
  ensure_slot(PageId{0});
}

Status PageTable::load_root(Entry root, std::uint32_t depth, PageId next_page) {
  if (next_page.raw == 0 || next_page.raw > page_number_max) {
    return Status(Code::corrupt, file_.path() + ": next page number " + std::to_string(next_page.raw) + " is impossible");
  }
  const std::uint64_t leaves = (next_page.raw + slots_per_leaf() - 1) / slots_per_leaf();
  QUIRE_TRY(entries_.load(root, depth, leaves));
  next_page_.store(next_page.raw, release);
  published_next_page_ = next_page.raw;
  for (std::uint64_t id = 0; id < next_page.raw; id += first_chunk_slots) ensure_slot(PageId{id});
  os::Lock lock(loading_);
  loaded_.assign(leaves, false);
  return Status();
}

// Chunk k holds the slots of numbers first_chunk_slots * (2^k - 1) up to, not including, that of k + 1.
PageSlot* PageTable::find(PageId id) const noexcept {
  if (id.raw >= next_page_.load(acquire)) return nullptr;
  const std::uint64_t shifted = id.raw + first_chunk_slots;
  const std::size_t chunk =
      static_cast<std::size_t>(std::bit_width(shifted)) - static_cast<std::size_t>(std::bit_width(first_chunk_slots));
  PageSlot* slots = chunks_[chunk].load(acquire);
  return &slots[shifted - (first_chunk_slots << chunk)];
}

PageSlot* PageTable::ensure_slot(PageId id) {
  const std::uint64_t shifted = id.raw + first_chunk_slots;
  const std::size_t chunk =
      static_cast<std::size_t>(std::bit_width(shifted)) - static_cast<std::size_t>(std::bit_width(first_chunk_slots));
  QUIRE_ASSERT(chunk < chunk_count);
  PageSlot* slots = chunks_[chunk].load(relaxed);
  if (slots == nullptr) {
    chunk_memory_[chunk] = std::make_unique<PageSlot[]>(first_chunk_slots << chunk);
    slots = chunk_memory_[chunk].get();
    chunks_[chunk].store(slots, release);
  }
  return &slots[shifted - (first_chunk_slots << chunk)];
}

Status PageTable::load(PageId id) {
  QUIRE_ASSERT(id.raw < next_page_.load(acquire));
  os::Lock lock(loading_);
  return load_leaf(id.raw / slots_per_leaf());
}

Status PageTable::load_leaf(std::uint64_t leaf) {
  QUIRE_ASSERT(leaf < loaded_.size());
  if (loaded_[leaf]) return Status();
  std::vector<std::byte> image(file_.page_bytes());
  QUIRE_TRY(entries_.read(0, leaf, image));
  for (std::uint64_t k = 0; k < slots_per_leaf(); ++k) {
    const PageId id{leaf * slots_per_leaf() + k};
    const Entry entry = load_entry(image.data() + k * entry_bytes);
    if (id.raw >= published_next_page_ || id.raw == 0) {
      if (!entry.free()) return Status(Code::corrupt, entries_.name(0, leaf) + " of " + file_.path() + ": page " +
                                                          std::to_string(id.raw) + " was never allocated, but is in use");
      continue;
    }
    PageSlot* slot = find(id);
    QUIRE_ASSERT(slot != nullptr);
    slot->entry = entry;
  }
  loaded_[leaf] = true;
  return Status();
}

Result<PageId> PageTable::allocate_id() {
  if (free_ids_.empty()) QUIRE_TRY(collect_free_ids());
  if (!free_ids_.empty()) {
    const PageId id = free_ids_.back();
    free_ids_.pop_back();
    taken_ids_.push_back(id);
    return id;
  }
  const PageId id{next_page_.load(relaxed)};
  if (id.raw >= page_number_max) return Status(Code::limit, "page numbers are used up");
  ensure_slot(id);
  const std::uint64_t leaf = id.raw / slots_per_leaf();
  if (leaf >= entries_.leaves()) {
    os::Lock lock(loading_);
    entries_.grow(leaf + 1);
    loaded_.resize(leaf + 1, true);
  } else {
    QUIRE_TRY([&] {
      os::Lock lock(loading_);
      return load_leaf(leaf);
    }());
  }
  next_page_.store(id.raw + 1, release);
  return id;
}

Status PageTable::collect_free_ids() {
  while (free_ids_.empty() && leaves_searched_ < entries_.leaves()) {
    const std::uint64_t leaf = leaves_searched_;
    if (!entries_.leaf(leaf).free() && (entries_.leaf(leaf).place & Entry::has_free) != 0) {
      os::Lock lock(loading_);
      QUIRE_TRY(load_leaf(leaf));
      for (std::uint64_t k = slots_per_leaf(); k-- > 0;) {
        const PageId id{leaf * slots_per_leaf() + k};
        if (id.raw == 0 || id.raw >= published_next_page_) continue;
        if (find(id)->entry.free()) free_ids_.push_back(id);
      }
    }
    ++leaves_searched_;
  }
  return Status();
}

void PageTable::free_id(PageId id) {
  QUIRE_ASSERT(id.raw != 0 && id.raw < next_page_.load(relaxed));
  freed_ids_.push_back(id);
}

void PageTable::set_entry(PageId id, Entry entry) {
  PageSlot* slot = find(id);
  QUIRE_ASSERT(slot != nullptr);
  slot->entry = entry;
  entries_.mark_dirty(id.raw / slots_per_leaf());
}

std::uint64_t PageTable::path_units(PageId id) {
  return paths_reserved_.insert(id.raw / slots_per_leaf()).second ? path_units_max() : 0;
}

bool PageTable::assign(BlockAllocator& blocks) {
  os::Lock lock(loading_);
  return entries_.assign(blocks);
}

Status PageTable::write() {
  os::Lock lock(loading_);
  return entries_.write([this](std::uint64_t leaf, MutableBytes into) { return fill_leaf(leaf, into); });
}

std::uint64_t PageTable::fill_leaf(std::uint64_t leaf, MutableBytes into) {
  std::uint64_t flags = 0;
  for (std::uint64_t k = 0; k < slots_per_leaf(); ++k) {
    const PageId id{leaf * slots_per_leaf() + k};
    if (id.raw == 0) continue;
    const PageSlot* slot = find(id);
    if (slot == nullptr) break;
    store_entry(into.data() + k * entry_bytes, slot->entry);
    if (slot->entry.free()) flags |= Entry::has_free;
    if (slot->entry.kind() == EntryKind::undo) flags |= Entry::has_undo;
  }
  return flags;
}

void PageTable::publish() {
  for (const PageId id : freed_ids_) {
    // Free numbers of table pages not searched yet are found there when their turn comes.
    if (id.raw / slots_per_leaf() < leaves_searched_) free_ids_.push_back(id);
  }
  std::sort(free_ids_.begin(), free_ids_.end(), std::greater<>());
  QUIRE_VERIFY(std::adjacent_find(free_ids_.begin(), free_ids_.end()) == free_ids_.end());
  freed_ids_.clear();
  taken_ids_.clear();
  paths_reserved_.clear();
  published_next_page_ = next_page_.load(relaxed);
}

void PageTable::discard() {
  free_ids_.insert(free_ids_.end(), taken_ids_.begin(), taken_ids_.end());
  std::sort(free_ids_.begin(), free_ids_.end(), std::greater<>());
  taken_ids_.clear();
  freed_ids_.clear();
  paths_reserved_.clear();
  next_page_.store(published_next_page_, release);
  // The table pages begun for numbers of the epoch go too: how many there are follows from next_page.
  os::Lock lock(loading_);
  entries_.shrink((published_next_page_ + slots_per_leaf() - 1) / slots_per_leaf());
  loaded_.resize(entries_.leaves());
}

Status PageTable::for_each(const std::function<Status(PageId, const Entry&)>& visit) {
  for (std::uint64_t raw = 1; raw < next_page_.load(relaxed); ++raw) {
    if (raw == 1 || raw % slots_per_leaf() == 0) QUIRE_TRY(load(PageId{raw}));
    QUIRE_TRY(visit(PageId{raw}, find(PageId{raw})->entry));
  }
  return Status();
}

}  // namespace quire::space
