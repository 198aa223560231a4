// Fuzzes the file of a database: a small real one, changed by a script, opened for reading and for writing.
//
// The first byte says which database - closed, or copied while a transaction was under way, so that opening recovers - and
// whether the checksums of all that can be reached are recomputed, so that what lies behind them is reached. Each further five
// bytes change one place: {what, block, offset 2, value}. Whatever is found must end in an answer or an error, without a
// failed assertion; and with the checksums as they were, rows that are read are the right ones.
//
// A database changed by hand lives in memory; the time and the random numbers are fixed, so that a finding can be repeated.
#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/assert.hpp"
#include "checkpoint/layout.hpp"
#include "kv/open.hpp"
#include "os/mem/manual_clock.hpp"
#include "os/mem/mem_file_system.hpp"
#include "space/superblock.hpp"

namespace {

using namespace quire;

constexpr const char* path = "/d/x.qdb";
constexpr std::uint64_t page_bytes = space::block_bytes;
// More than a script can reach without going in circles.
constexpr int mended_pages_max = 4000;
constexpr std::uint64_t rows_max = 5000;

using Model = std::map<std::string, std::string>;
using FileContents = std::map<std::string, std::vector<std::byte>>;

struct Machine {
  os::MemFileSystem files;
  os::ManualClock clock{{.step_us = 1}};
  os::SeededEntropy entropy{1};
  os::Environment environment{files, clock, entropy};

  Result<Database> open(Mode mode) {
    return kv::open_database(environment, path, {.mode = mode, .page_size = page_bytes, .memory_limit = std::uint64_t{1} << 20, .lock_timeout_ms = 0});
  }
  FileContents contents() {
    FileContents all;
    for (const std::string& name : files.list("/d").value()) {
      const auto file = files.open("/d/" + name, {}).value();
      std::vector<std::byte>& bytes = all[name];
      bytes.resize(file->size().value());
      QUIRE_ASSERT(file->read_at(0, bytes).ok());
    }
    return all;
  }
  void install(const FileContents& all) {
    for (const auto& [name, bytes] : all) QUIRE_ASSERT(files.open("/d/" + name, {.write = true, .create = true}).value()->write_at(0, bytes).ok());
  }
};

// What the fuzzer begins with: rows over several leaves, large values, two more keyspaces, ghosts.
struct Seeds {
  FileContents closed;
  FileContents copied;  // with a log, and a checkpoint in which a transaction is active
  Model rows;
};

void fill(Database& db, Model& rows) {
  for (int commit = 0; commit < 3; ++commit) {
    QUIRE_ASSERT(db.update([&](Transaction& tx) {
      if (commit == 0) QUIRE_ASSERT(tx.create_keyspace("second").ok() && tx.create_keyspace("third", {{"a", "b"}, {"c"}}).ok());
      for (int i = 0; i < 90; ++i) {
        const std::string key = "key" + std::to_string(commit * 70 + i);
        rows[key] = std::string(60, static_cast<char>('a' + commit));
        QUIRE_ASSERT(tx.put(default_keyspace, key, rows[key]).ok());
      }
      rows["large"] = std::string(9000, static_cast<char>('A' + commit));
      return tx.put(default_keyspace, "large", rows["large"]);
    }).ok());
  }
  rows.erase("key17");
  QUIRE_ASSERT(db.keyspace()->erase("key17").ok());
  QUIRE_ASSERT(db.checkpoint().ok());
}

Seeds make_seeds() {
  Seeds seeds;
  {
    Machine machine;
    Database db = machine.open(Mode::create).value();
    fill(db, seeds.rows);
    QUIRE_ASSERT(db.close().ok());
    seeds.closed = machine.contents();
  }
  Machine machine;
  Database db = machine.open(Mode::create).value();
  Model same;
  fill(db, same);
  Transaction tx = db.begin().value();
  for (int i = 0; i < 30; ++i) QUIRE_ASSERT(tx.put(default_keyspace, "key" + std::to_string(i), std::string(80, 'z')).ok());
  QUIRE_ASSERT(tx.put(default_keyspace, "large", std::string(5000, 'z')).ok() && tx.drop_keyspace("second").ok());
  QUIRE_ASSERT(db.checkpoint().ok());
  seeds.copied = machine.contents();
  return seeds;
}

// ---- checksums

class Mender {
 public:
  explicit Mender(std::vector<std::byte>& file) : file_(file) {}

  // The older state first: what both lead to is made right for the newer one.
  void mend() {
    for (const std::uint64_t slot : {older_slot(), 1 - older_slot()}) {
      std::byte* first = file_.data() + slot * page_bytes;
      std::copy_n(first + space::sb::uuid_offset, uuid_.size(), uuid_.begin());
      mend_tree(first + space::sb::table_root_offset, true, space::sb::table_depth.get(first), 0);
      mend_tree(first + space::sb::bitmap_root_offset, false, space::sb::bitmap_depth.get(first), 0);
      mend_notes(first + space::sb::notes_offset, 0);
      space::sb::checksum.set(first, hash64(Bytes(first, space::sb::checksum_offset)));
      std::copy_n(first, space::superblock_bytes, first + space::superblock_copy_offset);
    }
  }

 private:
  std::uint64_t older_slot() const {
    return space::sb::generation.get(file_.data()) < space::sb::generation.get(file_.data() + page_bytes) ? 0 : 1;
  }
  // The page that an entry leads to, or nothing.
  std::byte* page_of(const std::byte* entry) {
    const std::uint64_t block = space::load_entry(entry).block().raw;
    if (block < space::superblock_blocks || (block + 1) * page_bytes > file_.size() || ++pages_ > mended_pages_max) return nullptr;
    return file_.data() + block * page_bytes;
  }
  void set_checksum(std::byte* entry, const std::byte* page, std::uint64_t number) {
    space::Entry mended = space::load_entry(entry);
    mended.checksum = hash64(Bytes(page, page_bytes), space::checksum_seed(uuid_, number));
    space::store_entry(entry, mended);
  }
  // Below the root of depth 1 is the one leaf page; `level` counts from there up.
  void mend_tree(std::byte* entry, bool table, std::uint32_t depth, std::uint64_t index) {
    if (depth == 0 || depth > 4) return;
    const std::uint32_t level = depth - 1;
    std::byte* page = page_of(entry);
    if (page == nullptr) return;
    for (std::uint64_t i = 0; (level > 0 || table) && i < page_bytes / space::entry_bytes; ++i) {
      std::byte* below = page + i * space::entry_bytes;
      const std::uint64_t number = index * (page_bytes / space::entry_bytes) + i;
      if (space::load_entry(below).free()) continue;
      if (level > 0) {
        mend_tree(below, table, depth - 1, number);
      } else if (const std::byte* image = page_of(below)) {
        set_checksum(below, image, number);
      }
    }
    set_checksum(entry, page, table ? space::table_page_number(level, index) : space::bitmap_page_number(level, index));
  }
  void mend_notes(std::byte* entry, std::uint64_t index) {
    std::byte* page = index < 8 && !space::load_entry(entry).free() ? page_of(entry) : nullptr;
    if (page == nullptr) return;
    mend_notes(page + checkpoint::notes_field::next_offset, index + 1);
    set_checksum(entry, page, checkpoint::notes_page_number + index);
  }

  std::vector<std::byte>& file_;
  space::Uuid uuid_{};
  int pages_ = 0;
};

// ---- changing and looking

constexpr std::size_t step_bytes = 5;

void change(std::vector<std::byte>& file, Bytes step) {
  const std::uint64_t blocks = file.size() / page_bytes;
  const std::uint64_t offset = load_le<std::uint16_t>(step.data() + 2) % page_bytes;
  const auto value = step[4];
  std::byte* block = file.data() + std::to_integer<std::uint64_t>(step[1]) % blocks * page_bytes;
  const std::uint64_t room = page_bytes - offset;
  switch (std::to_integer<unsigned>(step[0]) % 6) {
    case 0: block[offset] = value; break;
    case 1: block[offset] ^= value; break;
    case 2: block[offset] ^= std::byte{1} << (std::to_integer<unsigned>(value) % 8); break;
    case 3: std::fill_n(block + offset, std::min<std::uint64_t>(room, std::to_integer<std::uint64_t>(value) % 32), std::byte{}); break;
    case 4: std::fill_n(block + offset, std::min<std::uint64_t>(room, std::to_integer<std::uint64_t>(value) % 16), std::byte{0xff}); break;
    default: std::copy_n(file.data() + std::to_integer<std::uint64_t>(value) % blocks * page_bytes + offset, std::min<std::uint64_t>(room, 16), block + offset); break;
  }
}

// The rows of the default keyspace; nothing when some of them could not be read.
std::optional<Model> read_everything(Database& db) {
  (void)db.verify().ok();
  (void)db.statistics().ok();
  const Result<Transaction> tx = db.begin(Access::read);
  if (!tx.ok()) return std::nullopt;
  std::optional<Model> rows;
  const Result<std::vector<KeyspaceInfo>> keyspaces = tx->keyspaces();
  for (const KeyspaceInfo& keyspace : keyspaces.ok() ? *keyspaces : std::vector<KeyspaceInfo>()) {
    for (const bool reverse : {false, true}) {
      Model found;
      Scan scan = tx->scan(keyspace.name, Range::all(), {.reverse = reverse, .limit = rows_max});
      for (const Entry& entry : scan) found.emplace(entry.key, entry.value);
      if (scan.status().ok() && !reverse && keyspace.name == default_keyspace) rows = std::move(found);
    }
    for (const char* key : {"key1", "key42", "key99", "large", "a", "zz"}) (void)tx->get(keyspace.name, key).ok();
  }
  return rows;
}

void write_some(Database& db) {
  (void)db.update([](Transaction& tx) {
    for (int i = 0; i < 60; ++i) {
      Status put = tx.put(default_keyspace, "key" + std::to_string(i * 3), std::string(50, 'w'));
      if (!put.ok()) return put;
    }
    const Status erased = tx.erase(default_keyspace, "key40");
    return erased == Code::not_found ? Status() : erased;
  }).ok();
  (void)db.update([](Transaction& tx) { return tx.drop_keyspace("third"); }).ok();
  (void)db.checkpoint().ok();
  (void)db.compact().ok();
  (void)db.verify().ok();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Seeds seeds = make_seeds();
  if (size < 1) return 0;
  const Bytes input = as_bytes(std::string_view(reinterpret_cast<const char*>(data), size));
  const bool copied = (data[0] & 1) != 0;
  const bool mends = (data[0] & 2) != 0;
  FileContents all = copied ? seeds.copied : seeds.closed;
  std::vector<std::byte>& file = all["x.qdb"];
  for (std::size_t at = 1; at + step_bytes <= input.size(); at += step_bytes) change(file, input.subspan(at, step_bytes));
  if (mends) Mender(file).mend();
  for (const Mode mode : {Mode::read_only, Mode::open}) {
    Machine machine;
    machine.install(all);
    Result<Database> db = machine.open(mode);
    if (!db.ok()) continue;
    const std::optional<Model> rows = read_everything(*db);
    QUIRE_ASSERT(mends || !rows || *rows == seeds.rows);
    if (mode == Mode::open) write_some(*db);
    (void)db->close().ok();
  }
  return 0;
}
