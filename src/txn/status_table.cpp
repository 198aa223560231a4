// StatusTable: see status_table.hpp.
//
// A chunk is taken out of its directory after the floor has passed its last number, and wiped with releasing stores: whoever
// reads a wiped word therefore sees the floor that was set before.
#include "txn/status_table.hpp"

#include "base/assert.hpp"

namespace quire::txn {

StatusTable::~StatusTable() {
  for (Atomic<Directory*>& directory : root_) delete directory.load(relaxed);
}

void StatusTable::open(Xid floor) {
  os::Lock lock(mutex_);
  QUIRE_ASSERT(chunks_.empty());
  floor_.store(floor.raw, release);
  extended_.store(floor.raw >> chunk_bits << chunk_bits, release);
}

void StatusTable::extend_to(Xid xid) {
  os::Lock lock(mutex_);
  for (Xid end{extended_.load(relaxed)}; end <= xid; extended_.store(end.raw, release)) {
    Atomic<Directory*>& directory = root_[in_root(end)];
    if (directory.load(relaxed) == nullptr) directory.store(new Directory(), release);
    if (free_.empty()) {
      free_.reserve(chunks_.size() + 1);  // so that giving one back needs no memory
      chunks_.push_back(std::make_unique<Chunk>());
      free_.push_back(chunks_.back().get());
    }
    directory.load(relaxed)->chunks[in_directory(end)].store(free_.back(), release);
    free_.pop_back();
    end.raw += std::uint64_t{1} << chunk_bits;
  }
}

Atomic<std::uint64_t>* StatusTable::find(Xid xid) const noexcept {
  const Directory* directory = root_[in_root(xid)].load(acquire);
  if (directory == nullptr) return nullptr;
  Chunk* chunk = directory->chunks[in_directory(xid)].load(acquire);
  return chunk == nullptr ? nullptr : &chunk->words[in_chunk(xid)];
}

Atomic<std::uint64_t>& StatusTable::word_of(Xid xid) noexcept {
  Atomic<std::uint64_t>* word = find(xid);
  QUIRE_ASSERT(word != nullptr && xid >= floor() && word->load(relaxed) == active_word);
  return *word;
}

std::uint64_t StatusTable::read(Xid xid) const noexcept {
  if (xid < floor()) return everybodys_word;
  const Atomic<std::uint64_t>* word = find(xid);
  const std::uint64_t value = word == nullptr ? active_word : word->load(seq_cst);
  return xid < floor() ? everybodys_word : value;
}

bool StatusTable::active(Xid xid) const noexcept { return read(xid) == active_word; }

bool StatusTable::committed_before(Xid xid, Timestamp limit) const noexcept {
  const std::uint64_t word = read(xid);
  return word == everybodys_word || (word != active_word && word < limit.raw && (word & aborted_bit) == 0);
}

Timestamp StatusTable::committed_at(Xid xid) const noexcept {
  const std::uint64_t word = read(xid);
  return Timestamp{word == active_word ? UINT64_MAX : word == everybodys_word ? 0 : time_of(word)};
}

Xid StatusTable::raise_floor(Timestamp horizon, Xid next) noexcept {
  const Xid before = floor();
  Xid now = before;
  while (now < next) {
    const Atomic<std::uint64_t>* word = find(now);
    const std::uint64_t value = word == nullptr ? active_word : word->load(seq_cst);
    if (value == active_word || time_of(value) >= horizon.raw) break;
    ++now.raw;
  }
  if (now == before) return now;
  floor_.store(now.raw, seq_cst);
  recycle(before, now);
  return now;
}

void StatusTable::recycle(Xid from, Xid to) noexcept {
  const std::uint64_t last = to.raw >> chunk_bits;
  for (std::uint64_t number = from.raw >> chunk_bits; number < last; ++number) {
    const Xid first{number << chunk_bits};
    Directory* directory = root_[in_root(first)].load(acquire);
    Chunk* chunk = directory->chunks[in_directory(first)].exchange(nullptr, seq_cst);
    for (Atomic<std::uint64_t>& word : chunk->words) word.store(active_word, release);
    os::Lock lock(mutex_);
    free_.push_back(chunk);
  }
}

}  // namespace quire::txn
