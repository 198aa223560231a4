// SimInode: recording changes, and composing what survives of them.
//
// Composing starts from the durable content, cuts it by every truncation that is kept, sets the size, and
// lays the chosen sectors over it, each no further than truncations after it allow. Sync is the composition
// that keeps everything, so crash images and syncs cannot disagree about what a change means.
#include "os/sim/sim_inode.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/assert.hpp"

namespace quire::os {

namespace {

// Beyond so many versions of a chunk the two oldest become one, unless the device is ordered and every one
// of them may be asked for. It only leaves out some images of files that are written for long without sync.
constexpr std::size_t versions_max = 32;

constexpr std::uint64_t chunks_of(std::uint64_t bytes) noexcept { return (bytes + chunk_bytes - 1) / chunk_bytes; }

class UntilPick final : public Pick {
 public:
  explicit UntilPick(std::uint64_t sequence) noexcept : sequence_(sequence) {}
  std::uint32_t choose(const Slot& slot) override { return slot.until(sequence_); }

 private:
  const std::uint64_t sequence_;
};

// What a failed writeback got done.
class LosePick final : public Pick {
 public:
  LosePick(Random& random, bool all) noexcept : random_(random), all_(all) {}
  std::uint32_t choose(const Slot& slot) override {
    if (slot.kind == Slot::Kind::size) return slot.newest();
    return all_ || random_.chance(1, 2) ? 0 : slot.newest();
  }

 private:
  Random& random_;
  const bool all_;
};

}  // namespace

// A pending sector and the versions of its chunk that wrote to it.
struct SimInode::Sector {
  std::uint64_t chunk = 0;
  std::uint32_t begin = 0;
  std::uint32_t bytes = 0;
  const std::vector<ChunkVersion>* versions = nullptr;
  const std::vector<std::uint32_t>* covering = nullptr;

  std::uint64_t offset() const noexcept { return chunk * chunk_bytes + begin; }
  const ChunkVersion& version(std::uint32_t choice) const noexcept { return (*versions)[(*covering)[choice - 1]]; }
};

std::uint32_t Slot::until(std::uint64_t sequence) const noexcept {
  return static_cast<std::uint32_t>(std::upper_bound(sequences.begin(), sequences.end(), sequence) - sequences.begin());
}

std::uint64_t SimInode::newest_pending() const noexcept {
  std::uint64_t newest = pending_sizes_.empty() ? 0 : pending_sizes_.back().sequence;
  for (const auto& [index, versions] : pending_chunks_) newest = std::max(newest, versions.back().sequence);
  return newest;
}

void SimInode::write(std::uint64_t sequence, std::uint64_t offset, Bytes from, const DeviceProfile& profile) {
  if (from.empty()) return;
  const std::uint64_t old_size = cached_.size();
  cached_.write(offset, from);
  if (cached_.size() > old_size) pending_sizes_.push_back({.sequence = sequence, .bytes = cached_.size()});
  record_versions(sequence, offset, from.size(), profile);
}

void SimInode::record_versions(std::uint64_t sequence, std::uint64_t offset, std::uint64_t bytes,
                               const DeviceProfile& profile) {
  const std::uint64_t end = offset + bytes;
  for (std::uint64_t index = offset / chunk_bytes; index * chunk_bytes < end; ++index) {
    const std::uint64_t base = index * chunk_bytes;
    std::vector<ChunkVersion>& versions = pending_chunks_[index];
    versions.push_back({.sequence = sequence,
                        .begin = static_cast<std::uint32_t>(std::max(offset, base) - base),
                        .end = static_cast<std::uint32_t>(std::min<std::uint64_t>(end - base, chunk_bytes)),
                        .content = cached_.chunk(index)});
    if (profile.ordered || versions.size() <= versions_max) continue;
    versions[1].begin = std::min(versions[0].begin, versions[1].begin);
    versions[1].end = std::max(versions[0].end, versions[1].end);
    versions.erase(versions.begin());
  }
}

void SimInode::resize(std::uint64_t sequence, std::uint64_t bytes) {
  if (bytes == cached_.size()) return;
  cached_.resize(bytes);
  pending_sizes_.push_back({.sequence = sequence, .bytes = bytes});
  give_back_behind(bytes);
}

// Visits every sector that has a pending version, by rising offset.
template <class Visit>
void SimInode::for_each_sector(const DeviceProfile& profile, Visit&& visit) const {
  std::vector<std::uint32_t> covering;
  for (const auto& [index, versions] : pending_chunks_) {
    for (std::uint32_t begin = 0; begin < chunk_bytes; begin += profile.sector_bytes) {
      covering.clear();
      for (std::uint32_t at = 0; at < versions.size(); ++at) {
        if (versions[at].begin < begin + profile.sector_bytes && versions[at].end > begin) covering.push_back(at);
      }
      if (covering.empty()) continue;
      visit(Sector{
          .chunk = index, .begin = begin, .bytes = profile.sector_bytes, .versions = &versions, .covering = &covering});
    }
  }
}

ChunkedBytes SimInode::compose(Pick& pick, const DeviceProfile& profile, std::uint64_t tear_seed) const {
  ChunkedBytes content = durable_;
  std::vector<std::uint64_t> sequences;
  std::size_t sizes_kept = 0;
  if (!pending_sizes_.empty()) {
    for (const SizeChange& change : pending_sizes_) sequences.push_back(change.sequence);
    sizes_kept = pick.choose({.kind = Slot::Kind::size, .can_tear = false, .sequences = sequences});
    QUIRE_ASSERT(sizes_kept <= pending_sizes_.size());
    // What any kept truncation cut off is gone, even if the file grew again.
    for (std::size_t at = 0; at < sizes_kept; ++at) {
      if (pending_sizes_[at].bytes < content.size()) content.resize(pending_sizes_[at].bytes);
    }
    if (sizes_kept > 0) content.resize(pending_sizes_[sizes_kept - 1].bytes);
  }
  for_each_sector(profile, [&](const Sector& sector) {
    sequences.clear();
    for (const std::uint32_t at : *sector.covering) sequences.push_back((*sector.versions)[at].sequence);
    const Slot slot{.kind = Slot::Kind::sector, .can_tear = profile.tearing != Tearing::never, .sequences = sequences};
    const std::uint32_t choice = pick.choose(slot);
    QUIRE_ASSERT(choice < slot.alternatives());
    if (choice == slot.torn()) {
      const std::uint64_t end = visible_end(content, sector.version(slot.newest()), sizes_kept);
      put_torn(content, sector, {.end = end, .seed = tear_seed ^ number_ << 40, .tearing = profile.tearing});
    } else if (choice > 0) {
      put_sector(content, sector, {.choice = choice, .end = visible_end(content, sector.version(choice), sizes_kept)});
    }
  });
  return content;
}

// How far into the file a version reaches, once the kept sizes are what they are.
std::uint64_t SimInode::visible_end(const ChunkedBytes& content, const ChunkVersion& version,
                                    std::size_t sizes_kept) const noexcept {
  std::uint64_t end = content.size();
  for (std::size_t at = 0; at < sizes_kept; ++at) {
    // A later truncation that survived cuts off what this write brought.
    if (pending_sizes_[at].sequence > version.sequence) end = std::min(end, pending_sizes_[at].bytes);
  }
  return end;
}

// Replaces a sector by one of its versions.
void SimInode::put_sector(ChunkedBytes& content, const Sector& sector, Placing placing) {
  const ChunkVersion& version = sector.version(placing.choice);
  if (sector.offset() >= placing.end) return;
  if (sector.bytes == chunk_bytes && placing.end >= sector.offset() + chunk_bytes) {
    content.set_chunk(sector.chunk, version.content);
    return;
  }
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(sector.bytes, placing.end - sector.offset()));
  content.write(sector.offset(), Bytes(version.content->bytes).subspan(sector.begin, count));
}

// Leaves a sector in the state of an interrupted write: half of it new up to some byte, or not even that.
void SimInode::put_torn(ChunkedBytes& content, const Sector& sector, TornPlacing placing) {
  const bool whole = placing.tearing == Tearing::whole_sector;
  std::uint32_t begin = whole ? sector.begin : chunk_bytes;
  std::uint32_t end = whole ? sector.begin + sector.bytes : 0;
  for (const std::uint32_t at : *sector.covering) {
    begin = std::min(begin, std::max((*sector.versions)[at].begin, sector.begin));
    end = std::max(end, std::min((*sector.versions)[at].end, sector.begin + sector.bytes));
  }
  QUIRE_ASSERT(begin < end);
  const std::uint64_t base = sector.chunk * chunk_bytes;
  if (base + begin >= placing.end) return;
  end = static_cast<std::uint32_t>(std::min<std::uint64_t>(end, placing.end - base));
  Random random(placing.seed ^ (base + sector.begin));
  std::array<std::byte, chunk_bytes> mixed;
  const ChunkVersion& newest = sector.versions->at(sector.covering->back());
  if (random.chance(1, 2)) {
    const auto cut = static_cast<std::uint32_t>(random.between({.from = begin, .to = end}));
    std::copy(newest.content->bytes.begin() + begin, newest.content->bytes.begin() + cut, mixed.begin());
    content.write(base + begin, Bytes(mixed).first(cut - begin));
    return;
  }
  for (std::uint32_t at = 0; at < end - begin; ++at) mixed[at] = static_cast<std::byte>(random.next() & 0xff);
  content.write(base + begin, Bytes(mixed).first(end - begin));
}

void SimInode::flush_until(std::uint64_t sequence, const DeviceProfile& profile) {
  if (!has_pending()) return;
  UntilPick pick(sequence);
  durable_ = compose(pick, profile, 0);
  forget_until(sequence);
}

void SimInode::forget_until(std::uint64_t sequence) {
  std::erase_if(pending_sizes_, [&](const SizeChange& change) { return change.sequence <= sequence; });
  for (auto& [index, versions] : pending_chunks_) {
    std::erase_if(versions, [&](const ChunkVersion& version) { return version.sequence <= sequence; });
  }
  std::erase_if(pending_chunks_, [](const auto& entry) { return entry.second.empty(); });
}

void SimInode::lose_pending(Random& random, const DeviceProfile& profile) {
  // An ordered device shows prefixes only, so there nothing of the failed batch arrives.
  LosePick pick(random, profile.ordered || random.chance(1, 2));
  durable_ = compose(pick, profile, 0);
  forget_until(std::numeric_limits<std::uint64_t>::max());
}

void SimInode::drop_cache(const DeviceProfile& profile) {
  UntilPick everything(std::numeric_limits<std::uint64_t>::max());
  cached_ = compose(everything, profile, 0);
}

void SimInode::flip(std::uint64_t offset, std::byte mask) {
  for (ChunkedBytes* bytes : {&durable_, &cached_}) {
    std::byte value{};
    if (bytes->read(offset, {&value, 1}) == 0) continue;
    value ^= mask;
    bytes->write(offset, {&value, 1});
  }
  const auto found = pending_chunks_.find(offset / chunk_bytes);
  if (found == pending_chunks_.end()) return;
  for (ChunkVersion& version : found->second) {
    version.content = std::make_shared<Chunk>(*version.content);
    version.content->bytes[offset % chunk_bytes] ^= mask;
  }
}

std::shared_ptr<SimInode> SimInode::clone() const {
  auto copy = std::make_shared<SimInode>(*this);
  copy->locks.clear();
  copy->handles = 0;
  return copy;
}

std::shared_ptr<SimInode> SimInode::settled(const SimInode& source, ChunkedBytes content) {
  auto inode = std::make_shared<SimInode>(source.number_);
  const std::uint64_t chunks = chunks_of(content.size());
  inode->taken_.resize(static_cast<std::size_t>(chunks));
  for (std::uint64_t at = 0; at < chunks; ++at) {
    const bool taken = content.has_chunk(at) || (at < source.taken_.size() && source.taken_[at]);
    inode->taken_[at] = taken;
    inode->taken_count_ += taken ? 1 : 0;
  }
  inode->durable_ = content;
  inode->cached_ = std::move(content);
  return inode;
}

std::uint64_t SimInode::missing_chunks(std::uint64_t offset, std::uint64_t bytes) const noexcept {
  std::uint64_t missing = 0;
  for (std::uint64_t at = offset / chunk_bytes; at < chunks_of(offset + bytes); ++at) {
    if (at >= taken_.size() || !taken_[at]) ++missing;
  }
  return missing;
}

void SimInode::take_chunks(std::uint64_t offset, std::uint64_t bytes) {
  const std::uint64_t end = chunks_of(offset + bytes);
  if (end > taken_.size()) taken_.resize(static_cast<std::size_t>(end));
  for (std::uint64_t at = offset / chunk_bytes; at < end; ++at) {
    if (!taken_[at]) ++taken_count_;
    taken_[at] = true;
  }
}

void SimInode::give_back_behind(std::uint64_t bytes) {
  for (std::uint64_t at = chunks_of(bytes); at < taken_.size(); ++at) taken_count_ -= taken_[at] ? 1 : 0;
  if (chunks_of(bytes) < taken_.size()) taken_.resize(static_cast<std::size_t>(chunks_of(bytes)));
}

}  // namespace quire::os
