// PageTable: slots, loading, page numbers.
//
// Free page numbers are collected one table page at a time, only from pages that say that they have some, and only those
// below the numbers handed out since the file was opened: later ones are known when they are freed.
#include "space/page_table.hpp"

#include <algorithm>
#include <bit>

#include "base/assert.hpp"
#include "base/seeded_bug.hpp"
#include "base/contain.hpp"
#include "base/try.hpp"

namespace quire::space {

namespace {

// Page numbers stay below 2^47, far beyond what 4 PiB of pages need.
constexpr std::uint64_t page_number_max = std::uint64_t{1} << 47;

}  // namespace

PageTable::PageTable(PageFile& file) : file_(file), entries_(file, EntryTree::Use::table) {}

void PageTable::create() {
  os::Lock lock(entries_mutex_);
  entries_.grow(1);
  depth_.store(entries_.depth(), relaxed);
  images_.assign(1, Image(slots_per_leaf()));
  search_end_ = PageId{1};
  ensure_slot(PageId{0});
}

Status PageTable::load_root(Entry root, std::uint32_t depth, PageId next_page) {
  if (next_page.raw == 0 || next_page.raw > page_number_max) {
    return Status(Code::corrupt, file_.path() + ": next page number " + std::to_string(next_page.raw) + " is impossible");
  }
  const std::uint64_t leaves = (next_page.raw + slots_per_leaf() - 1) / slots_per_leaf();
  os::Lock lock(entries_mutex_);
  QUIRE_TRY(entries_.load(root, depth, leaves));
  depth_.store(depth, relaxed);
  images_.assign(leaves, Image());
  search_end_ = next_page;
  published_next_page_ = next_page;
  next_page_.store(next_page.raw, release);
  for (std::uint64_t id = 0; id < next_page.raw; id += first_chunk_slots) ensure_slot(PageId{id});
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
  return load_leaf(id.raw / slots_per_leaf());
}

Status PageTable::load_leaf(std::uint64_t leaf) {
  {
    os::Lock lock(entries_mutex_);
    QUIRE_ASSERT(leaf < images_.size());
    if (!images_[leaf].empty()) return Status();
  }
  os::Lock loading(loading_);
  Entry place;
  {
    // A page that is not loaded does not move, and while `loading_` is held nobody else loads it.
    os::Lock lock(entries_mutex_);
    if (!images_[leaf].empty()) return Status();
    place = entries_.leaf(leaf);
  }
  std::vector<std::byte> bytes(file_.page_bytes());
  QUIRE_TRY(entries_.read_leaf(place, leaf, bytes));
  Image image(slots_per_leaf());
  for (std::uint64_t k = 0; k < slots_per_leaf(); ++k) {
    const PageId id{leaf * slots_per_leaf() + k};
    image[k] = load_entry(bytes.data() + k * entry_bytes);
    if ((id.raw >= search_end_.raw || id.raw == 0) && !image[k].free()) {
      return Status(Code::corrupt, entries_.name(0, leaf) + " of " + file_.path() + ": page " + std::to_string(id.raw) +
                                       " was never allocated, but is in use");
    }
  }
  os::Lock lock(entries_mutex_);
  for (std::uint64_t k = 0; k < slots_per_leaf(); ++k) {
    if (!image[k].free()) find(PageId{leaf * slots_per_leaf() + k})->entry = image[k];
  }
  images_[leaf] = std::move(image);
  return Status();
}

Result<PageId> PageTable::allocate_id() {
  os::Lock ids(ids_mutex_);
  {
    os::Lock returned(returned_mutex_);
    for (; !returned_.empty(); returned_.pop_back()) {
      free_ids_.push_back(returned_.back());
      std::push_heap(free_ids_.begin(), free_ids_.end(), std::greater<>());
    }
  }
  if (free_ids_.empty()) QUIRE_TRY(collect_free_ids());
  if (!free_ids_.empty()) {
    std::pop_heap(free_ids_.begin(), free_ids_.end(), std::greater<>());
    const PageId id = free_ids_.back();
    free_ids_.pop_back();
    return id;
  }
  const PageId id{next_page_.load(relaxed)};
  if (id.raw >= page_number_max) return Status(Code::limit, "page numbers are used up");
  ensure_slot(id);
  const std::uint64_t leaf = id.raw / slots_per_leaf();
  if (id.raw % slots_per_leaf() != 0) QUIRE_TRY(load_leaf(leaf));
  // One step for a flip that comes in between: either it knows the number and its table page, or neither.
  os::Lock lock(entries_mutex_);
  if (leaf >= images_.size()) {
    images_.emplace_back(slots_per_leaf());
    // The table being written is that of the flip; it grows when that is published.
    if (writing_ == Epoch{}) entries_.grow(leaf + 1);
    depth_.store(std::max(depth_.load(relaxed), entries_.depth_for(leaf + 1)), relaxed);
  }
  next_page_.store(id.raw + 1, release);
  return id;
}

Status PageTable::collect_free_ids() {
  while (free_ids_.empty()) {
    std::uint64_t leaf = 0;
    {
      os::Lock lock(entries_mutex_);
      leaf = leaves_searched_;
      if (leaf * slots_per_leaf() >= search_end_.raw) return Status();
      const bool may_have_free = !images_[leaf].empty() || (entries_.leaf(leaf).place & Entry::has_free) != 0;
      if (!may_have_free) {
        ++leaves_searched_;
        continue;
      }
    }
    QUIRE_TRY(load_leaf(leaf));
    // One step for those who free pages of it meanwhile: either the search finds the number, or they give it back.
    os::Lock lock(entries_mutex_);
    free_ids_.reserve(slots_per_leaf());
    leaves_searched_ = leaf + 1;
    for (std::uint64_t k = 0; k < slots_per_leaf(); ++k) {
      const PageId id{leaf * slots_per_leaf() + k};
      if (id.raw == 0 || id >= search_end_) continue;
      if (find(id)->entry.free()) free_ids_.push_back(id);
    }
    std::make_heap(free_ids_.begin(), free_ids_.end(), std::greater<>());
  }
  return Status();
}

void PageTable::free_id(PageId id) {
  QUIRE_ASSERT(id.raw != 0 && id.raw < next_page_.load(relaxed));
  // It comes from destructors too. A number that cannot be noted is found again by the next opening.
  const auto note = [&] {
    os::Lock lock(returned_mutex_);
    returned_.push_back(id);
    return Status();
  };
  (void)contain_no_memory(note).ok();
}

void PageTable::change_image(PageId id, Entry entry) {
  const std::uint64_t leaf = id.raw / slots_per_leaf();
  QUIRE_ASSERT(!images_[leaf].empty());
  images_[leaf][id.raw % slots_per_leaf()] = entry;
  entries_.mark_dirty(leaf);
}

void PageTable::set_entry(PageId id, Entry entry, Epoch epoch) {
  os::Lock lock(entries_mutex_);
  change_entry(id, entry, epoch);
}

bool PageTable::set_free(PageId id, Epoch epoch) {
  os::Lock lock(entries_mutex_);
  change_entry(id, Entry{}, epoch);
  return id >= search_end_ || leaf_of(id) < leaves_searched_;
}

void PageTable::change_entry(PageId id, Entry entry, Epoch epoch) {
  PageSlot* slot = find(id);
  QUIRE_ASSERT(slot != nullptr);
  slot->entry = entry;
  if (writing_ != Epoch{} && epoch != writing_) {
    if (!seeded_bug("publish_the_current_table")) {
      QUIRE_ASSERT(epoch > writing_);
      later_.push_back(id);
      return;
    }
  }
  change_image(id, entry);
}

std::uint64_t PageTable::path_units(PageId id, Epoch epoch) {
  os::Lock lock(path_mutex_);
  const std::uint64_t leaf = leaf_of(id);
  if (leaf < path_epoch_.size() && path_epoch_[leaf] == epoch.raw) return 0;
  if (leaf >= path_epoch_.size()) path_epoch_.resize(leaf + 1, 0);
  path_epoch_[leaf] = epoch.raw;
  return path_units_max();
}

bool PageTable::has_path(PageId id, Epoch epoch) const noexcept {
  os::Lock lock(path_mutex_);
  const std::uint64_t leaf = leaf_of(id);
  return leaf < path_epoch_.size() && path_epoch_[leaf] == epoch.raw;
}

bool PageTable::has_image(PageId id) const {
  os::Lock lock(entries_mutex_);
  return !find(id)->entry.free();
}

void PageTable::begin_write(Epoch epoch) {
  os::Lock lock(entries_mutex_);
  QUIRE_ASSERT(writing_ == Epoch{} && later_.empty());
  writing_ = epoch;
  next_page_at_flip_ = next_page();
  // Numbers that were handed out and never used stand in the file as free ones, and are found there.
  if (published_next_page_ == next_page_at_flip_) return;
  for (std::uint64_t leaf = published_next_page_.raw / slots_per_leaf(); leaf < entries_.leaves(); ++leaf) {
    entries_.mark_dirty(leaf);
  }
}

bool PageTable::dirty() const {
  os::Lock lock(entries_mutex_);
  return entries_.dirty();
}

std::uint64_t PageTable::unassigned() const {
  os::Lock lock(entries_mutex_);
  return entries_.unassigned();
}

bool PageTable::assign(BlockAllocator& blocks) {
  os::Lock lock(entries_mutex_);
  return entries_.assign(blocks, writing_);
}

Status PageTable::write(std::string_view why) {
  Epoch epoch;
  {
    os::Lock lock(entries_mutex_);
    epoch = writing_;
  }
  return entries_.write([this](std::uint64_t leaf, MutableBytes into) { return fill_leaf(leaf, into); }, {why, epoch});
}

std::uint64_t PageTable::fill_leaf(std::uint64_t leaf, MutableBytes into) {
  os::Lock lock(entries_mutex_);
  const Image& image = images_[leaf];
  std::uint64_t flags = 0;
  for (std::uint64_t k = 0; k < image.size(); ++k) {
    const std::uint64_t raw = leaf * slots_per_leaf() + k;
    if (raw == 0) continue;
    if (raw >= next_page_at_flip_.raw) break;
    store_entry(into.data() + k * entry_bytes, image[k]);
    if (image[k].free()) flags |= Entry::has_free;
    if (image[k].kind() == EntryKind::undo) flags |= Entry::has_undo;
  }
  return flags;
}

void PageTable::publish() {
  os::Lock lock(entries_mutex_);
  writing_ = Epoch{};
  published_next_page_ = next_page_at_flip_;
  entries_.grow(images_.size());
  for (const PageId id : later_) change_image(id, find(id)->entry);
  later_.clear();
}

Status PageTable::mark_dirty(std::uint32_t level, std::uint64_t index) {
  if (level == 0) QUIRE_TRY(load_leaf(index));
  os::Lock lock(entries_mutex_);
  QUIRE_ASSERT(writing_ == Epoch{});
  entries_.mark(level, index);
  return Status();
}

Status PageTable::mark_behind(Block block) {
  std::vector<std::pair<std::uint32_t, std::uint64_t>> behind;
  {
    os::Lock lock(entries_mutex_);
    for (std::uint32_t level = 0; level < entries_.depth(); ++level) {
      for (std::uint64_t i = 0; i < entries_.level(level).size(); ++i) {
        if (entries_.level(level)[i].block() >= block) behind.emplace_back(level, i);
      }
    }
  }
  for (const auto& [level, i] : behind) QUIRE_TRY(mark_dirty(level, i));
  return Status();
}

Result<Entry> PageTable::entry(PageId id) {
  const std::uint64_t leaf = id.raw / slots_per_leaf();
  QUIRE_TRY(load_leaf(leaf));
  os::Lock lock(entries_mutex_);
  const Image& image = images_[leaf];
  const std::uint64_t k = id.raw % slots_per_leaf();
  return k < image.size() ? image[k] : Entry{};
}

Status PageTable::for_each(const std::function<Status(PageId, const Entry&)>& visit) {
  const std::uint64_t end = next_page_.load(acquire);
  for (std::uint64_t leaf = 0; leaf * slots_per_leaf() < end; ++leaf) {
    QUIRE_TRY(load_leaf(leaf));
    Image image;
    {
      os::Lock lock(entries_mutex_);
      image = images_[leaf];
    }
    for (std::uint64_t k = 0; k < image.size(); ++k) {
      const PageId id{leaf * slots_per_leaf() + k};
      if (id.raw == 0 || id.raw >= end) continue;
      QUIRE_TRY(visit(id, image[k]));
    }
  }
  return Status();
}

Result<std::vector<PageId>> PageTable::undo_pages() {
  std::vector<PageId> found;
  const std::uint64_t end = next_page_.load(acquire);
  for (std::uint64_t leaf = 0; leaf * slots_per_leaf() < end; ++leaf) {
    {
      os::Lock lock(entries_mutex_);
      if (images_[leaf].empty() && (entries_.leaf(leaf).place & Entry::has_undo) == 0) continue;
    }
    QUIRE_TRY(load_leaf(leaf));
    os::Lock lock(entries_mutex_);
    for (std::uint64_t k = 0; k < images_[leaf].size(); ++k) {
      if (images_[leaf][k].kind() == EntryKind::undo) found.push_back(PageId{leaf * slots_per_leaf() + k});
    }
  }
  return found;
}

}  // namespace quire::space
