// Pool: capturing, setting aside and writing dirty pages.
//
// The order inside capture matters: the image is counted as in flight, then the tag goes, then block and entry are set.
// Whoever captures a page for an epoch counts for that epoch, evictor, action or checkpoint (BP-5).
#include <algorithm>
#include <exception>

#include "base/try.hpp"
#include "buffer/dirty_word.hpp"
#include "buffer/pause.hpp"
#include "buffer/pool.hpp"
#include "os/hook.hpp"

namespace quire::buffer {

namespace {

// Images of pages that changes have set aside and the checkpoint has not written yet. Beyond them a change writes
// the page itself.
constexpr std::size_t side_images_max = 64;

// A shared latch until the end of the scope, also when memory runs out.
struct Latched {
  space::PageSlot& slot;
  void (*unlock)(space::PageSlot&) noexcept;
  ~Latched() { unlock(slot); }
};

// An image that is captured only in part is never written: then nobody may wait for it, and nothing is published any more.
struct HalfCaptured {
  Pool& pool;
  int exceptions = std::uncaught_exceptions();
  ~HalfCaptured() {
    if (std::uncaught_exceptions() > exceptions) pool.fail(Status(Code::no_memory));
  }
};

}  // namespace

void Pool::take_promise(std::uint64_t units, Epoch epoch) noexcept {
  const std::uint64_t before = promised_[parity(epoch)].fetch_sub(units, relaxed);
  QUIRE_ASSERT(before >= units);
}

bool Pool::mark_dirty(const WritePage& page) {
  space::PageSlot& slot = *page.slot_;
  const std::uint32_t own = dirty::tag(running_);
  const std::uint32_t word = slot.dirty.load(acquire);
  const bool may_stay = page::type_of(page.data()) == page::PageType::undo && slot.entry.free();
  if ((word & dirty::tag_mask) == own) {
    // One that was kept back belongs to this epoch already.
    if (may_stay && (word & dirty::may_stay) == 0) {
      slot.dirty.fetch_or(dirty::may_stay, release);
      add_dirty(page.id(), may_stay);
    }
    return false;
  }
  QUIRE_ASSERT((word & dirty::tag_mask) == 0 || seeded_bug("skip_copy_on_update"));
  slot.dirty.fetch_and(dirty::in_flight, relaxed);
  slot.dirty.fetch_or(own | (may_stay ? dirty::may_stay : 0), release);
  add_dirty(page.id(), may_stay);
  return true;
}

void Pool::add_dirty(PageId id, bool may_stay) {
  os::Lock lock(changes_mutex_);
  DirtyPages& pages = dirty_[parity(running_)];
  DirtyList& list = may_stay ? pages.undo : pages.pages;
  list.ids.push_back(id);
  // Pages that were written out and changed again are in it more than once.
  if (list.ids.size() < 2 * list.tidied + 4 * frame_count_) return;
  std::erase_if(list.ids, [&](PageId each) { return (table_.find(each)->dirty.load(relaxed) & dirty::tag_mask) != dirty::tag(running_); });
  std::sort(list.ids.begin(), list.ids.end());
  list.ids.erase(std::unique(list.ids.begin(), list.ids.end()), list.ids.end());
  list.tidied = list.ids.size();
}

std::optional<Image> Pool::capture(PageId id, space::PageSlot& slot, MutableBytes into) {
  std::uint32_t word = slot.dirty.load(acquire);
  const std::uint32_t tag = word & dirty::tag_mask;
  if (tag == 0 || (word & dirty::in_flight) != 0) return std::nullopt;
  const Epoch epoch = tag == dirty::tag(running_) ? running_ : Epoch{writing_.load(relaxed)};
  QUIRE_ASSERT(tag == dirty::tag(epoch));
  in_flight_[parity(epoch)].fetch_add(1, seq_cst);
  if (!slot.dirty.compare_exchange_strong(word, dirty::in_flight, seq_cst, relaxed)) {
    in_flight_[parity(epoch)].fetch_sub(1, seq_cst);
    return std::nullopt;
  }
  const HalfCaptured half{*this};
  const Bytes bytes = bytes_of(slot);
  std::memcpy(into.data(), bytes.data(), bytes.size());
  QUIRE_ASSERT(page::id_of(into.data()) == id);
  QUIRE_VERIFY(check_image(id, into).ok());
  take_promise(1, epoch);
  const Block block = blocks_.allocate(epoch);
  const space::Entry old = slot.entry;
  if (!old.free()) blocks_.supersede(old.block(), epoch);
  const bool undo = page::type_of(into.data()) == page::PageType::undo;
  QUIRE_ASSERT((word & dirty::may_stay) == 0 || (undo && old.free()));
  QUIRE_ASSERT((word & dirty::may_stay) == 0 || epoch == running_ || !kept_undo_back_);
  space::Entry entry = space::Entry::make(block, file_.page_blocks(), undo ? space::EntryKind::undo : space::EntryKind::page);
  entry.checksum = file_.checksum(into, id.raw);
  table_.set_entry(id, entry, epoch);
  return Image{id, block, epoch};
}

void Pool::written(const Image& image) noexcept {
  table_.find(image.id)->dirty.fetch_and(~dirty::in_flight, release);
  in_flight_[parity(image.epoch)].fetch_sub(1, seq_cst);
}

void Pool::fail(const Status& status) {
  os::Lock lock(changes_mutex_);
  if (failure_.ok()) failure_ = status;
  failed_.store(true, release);
}

Status Pool::failure() const {
  os::Lock lock(changes_mutex_);
  return failure_;
}

// Images of neighbouring blocks that also lie side by side in memory go out in one write.
Status Pool::write_images(std::vector<std::pair<Image, Bytes>>& images, std::string_view why) {
  std::sort(images.begin(), images.end(), [](const auto& a, const auto& b) { return a.first.block < b.first.block; });
  for (std::size_t first = 0; first < images.size();) {
    std::size_t end = first + 1;
    while (end < images.size() && images[end].first.block.raw == images[end - 1].first.block.raw + file_.page_blocks() &&
           images[end].second.data() == images[end - 1].second.data() + page_bytes_) {
      ++end;
    }
    Status status = os::hook("pool.before_write");
    const Image& image = images[first].first;
    if (status.ok()) status = file_.write(image.block, Bytes(images[first].second.data(), (end - first) * page_bytes_), {why, image.epoch});
    if (!status.ok()) {
      // The frames of these pages stay: the file does not have them.
      fail(status);
      return status;
    }
    for (std::size_t i = first; i < end; ++i) written(images[i].first);
    first = end;
  }
  return Status();
}

Status Pool::write_out(const std::vector<PageId>& ids, std::string_view why) {
  QUIRE_TRY(failure());
  std::vector<std::byte> buffer(ids.size() * page_bytes_);
  std::vector<std::pair<Image, Bytes>> images;
  images.reserve(ids.size());
  {
    struct InGate {
      Gate& gate;
      ~InGate() { gate.leave(); }
    };
    gate_.enter();
    const InGate in_gate{gate_};
    for (const PageId id : ids) {
      space::PageSlot* slot = table_.find(id);
      if (slot == nullptr || !try_lock_shared(*slot)) continue;
      // Out of use afterwards, as the clock found it.
      const Latched latched{*slot, unlock_shared_cooling};
      const MutableBytes into(buffer.data() + images.size() * page_bytes_, page_bytes_);
      const std::optional<Image> image = capture(id, *slot, into);
      if (image) images.emplace_back(*image, into);
    }
  }
  return write_images(images, why);
}

bool Pool::set_aside(const WritePage& page) {
  space::PageSlot& slot = *page.slot_;
  const std::uint32_t word = slot.dirty.load(acquire);
  const std::uint32_t tag = word & dirty::tag_mask;
  if (tag == 0 || tag == dirty::tag(running_)) return true;
  if (seeded_bug("skip_copy_on_update")) return true;
  if ((word & dirty::in_flight) != 0) return false;
  SideImage side;
  {
    os::Lock lock(side_mutex_);
    if (side_spare_.empty()) {
      if (side_count_ == side_images_max) return false;
      ++side_count_;
      side_spare_.emplace_back(page_bytes_);
    }
    side.bytes = std::move(side_spare_.back());
    side_spare_.pop_back();
  }
  const std::optional<Image> image = capture(page.id(), slot, side.bytes);
  QUIRE_ASSERT(image.has_value());
  side.image = *image;
  os::Lock lock(side_mutex_);
  side_.push_back(std::move(side));
  return true;
}

Status Pool::make_way(PageId id) {
  QUIRE_ASSERT(latches_held == 0);  // BP-1: it enters the gate
  for (int attempt = 0;; ++attempt) {
    space::PageSlot* slot = table_.find(id);
    const std::uint32_t word = slot->dirty.load(acquire);
    const std::uint64_t writing = writing_.load(acquire);
    if (writing == 0 || (word & dirty::tag_mask) != dirty::tag(Epoch{writing})) return Status();
    if ((word & dirty::in_flight) == 0) QUIRE_TRY(write_out({id}, "change"));
    QUIRE_TRY(failure());
    pause_for(attempt);
  }
}

Epoch Pool::flip() {
  QUIRE_ASSERT(writing_.load(relaxed) == 0);
  const Epoch epoch = running_;
  writing_.store(epoch.raw, release);
  running_ = Epoch{epoch.raw + 1};
  kept_undo_back_ = false;
  return epoch;
}

std::uint64_t Pool::keep_back_units() const {
  std::vector<std::uint64_t> leaves;
  {
    os::Lock lock(changes_mutex_);
    for (const PageId id : dirty_[parity(running_)].undo.ids) leaves.push_back(table_.leaf_of(id));
  }
  std::sort(leaves.begin(), leaves.end());
  return static_cast<std::uint64_t>(std::unique(leaves.begin(), leaves.end()) - leaves.begin()) * table_.path_units_max();
}

std::uint64_t Pool::keep_undo_back(std::uint64_t units) {
  const Epoch epoch{writing_.load(relaxed)};
  os::Lock lock(changes_mutex_);
  std::vector<PageId>& undo = dirty_[parity(epoch)].undo.ids;
  while (!undo.empty()) {
    const PageId id = undo.back();
    if (units < table_.path_units_max() && !table_.has_path(id, running_)) break;
    undo.pop_back();
    space::PageSlot& slot = *table_.find(id);
    // Those that were written out or freed meanwhile, and maybe made anew as something else, have lost one or the other.
    const std::uint32_t word = slot.dirty.load(acquire) & ~dirty::in_flight;
    if (word != (dirty::tag(epoch) | dirty::may_stay)) continue;
    QUIRE_ASSERT(slot.entry.free());
    slot.dirty.fetch_xor(word ^ dirty::tag(running_), acq_rel);
    dirty_[parity(running_)].pages.ids.push_back(id);
    // Its unit goes with it; its way through the table is the next epoch's own.
    take_promise(1, epoch);
    const std::uint64_t path = table_.path_units(id, running_);
    units -= path;
    promise(1 + path);
  }
  kept_undo_back_ = undo.empty();
  return units;
}

bool Pool::has_dirty() const {
  os::Lock lock(changes_mutex_);
  const DirtyPages& pages = dirty_[parity(running_)];
  return !pages.pages.ids.empty() || !pages.undo.ids.empty();
}

std::vector<PageId> Pool::take_dirty(Epoch epoch) {
  std::vector<PageId> ids;
  {
    os::Lock lock(changes_mutex_);
    DirtyPages& pages = dirty_[parity(epoch)];
    ids.swap(pages.pages.ids);
    ids.insert(ids.end(), pages.undo.ids.begin(), pages.undo.ids.end());
    pages = DirtyPages{};
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

std::optional<Image> Pool::capture_at_flip(PageId id, Epoch epoch, MutableBytes into) {
  space::PageSlot* slot = table_.find(id);
  for (int attempt = 0;; ++attempt) {
    const std::uint32_t word = slot->dirty.load(acquire);
    if ((word & dirty::tag_mask) != dirty::tag(epoch)) return std::nullopt;
    if (failed()) return std::nullopt;
    if ((word & dirty::in_flight) == 0 && try_lock_shared(*slot)) {
      const Latched latched{*slot, unlock_shared};
      const std::optional<Image> image = capture(id, *slot, into);
      if (image) return image;
    }
    pause_for(attempt);
  }
}

Status Pool::write_set_aside() {
  std::vector<SideImage> images;
  {
    os::Lock lock(side_mutex_);
    images.swap(side_);
  }
  for (SideImage& side : images) {
    const Status status = file_.write(side.image.block, side.bytes, {"change", side.image.epoch});
    if (!status.ok()) {
      fail(status);
      return status;
    }
    written(side.image);
    os::Lock lock(side_mutex_);
    side_spare_.push_back(std::move(side.bytes));
  }
  return Status();
}

Status Pool::await_images(Epoch epoch) {
  for (int attempt = 0;; ++attempt) {
    QUIRE_TRY(write_set_aside());
    QUIRE_TRY(failure());
    if (seeded_bug("publish_with_eviction_in_flight") || in_flight_[parity(epoch)].load(seq_cst) == 0) return Status();
    pause_for(attempt);
  }
}

void Pool::end_epoch(Epoch epoch) {
  writing_.store(0, release);
  blocks_.unreserve(promised_[parity(epoch)].exchange(0, relaxed));
}

}  // namespace quire::buffer
