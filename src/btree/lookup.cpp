// Descending and reading: find, get, versions of rows, copies of leaves.
//
// A descent holds no latch. It takes the child's version and then asks whether the parent is still what it was;
// if so, the child was the right one at that moment. Whatever is read from a page counts only after its valid(), what
// is read from undo only after that of the leaf that led there (TX-4).
#include "base/seeded_bug.hpp"
#include "base/try.hpp"
#include "btree/tree.hpp"
#include "overflow/overflow.hpp"

namespace quire::btree {

using buffer::OptimisticPage;
using buffer::Pool;

namespace {

// The front of a leaf that is fetched before it is looked at: header, hints and slots of a leaf of mean rows. Their
// cache lines come together, not one after the other.
constexpr std::size_t line_bytes = 64;
std::size_t front_bytes(std::uint32_t page_bytes) noexcept { return page_bytes / 10; }

void prefetch_front(const OptimisticPage& leaf, std::uint32_t page_bytes) noexcept {
#if !defined(QUIRE_TSAN)
  for (std::size_t at = 0; at < front_bytes(page_bytes); at += line_bytes) __builtin_prefetch(leaf.data() + at);
#endif
}

// A descent that restarts more often than this follows pointers that do not settle: damage.
constexpr int restarts_max = 1 << 20;

class NodeKind final : public buffer::PageKind {
 public:
  Status check(Bytes page) const override {
    return NodeView(page.data(), static_cast<std::uint32_t>(page.size())).check();
  }
};

}  // namespace

const buffer::PageKind& node_kind() {
  static const NodeKind kind;
  return kind;
}

Status Tree::not_a_node(PageId id) const {
  return Status(Code::corrupt, "page " + std::to_string(id.raw) + " of " + pool().path() + " is referred to by tree " +
                                   std::to_string(id_.raw) + ", but is not a node of it");
}

// The child may have been freed since the parent was read; then what happened to it does not matter.
Status Tree::await_child(PageId child, const Seen& parent) const {
  Status status = pool().await(child);
  if (status.ok()) return status;
  const OptimisticPage again = pool().optimistic(parent.id);
  return again && again.version() == parent.version ? status : Status();
}

Status Tree::descend(LeafOf which, std::uint32_t level, Path& path, OptimisticPage& page) const {
  path = Path{};
  PageId id = root_;
  page = pool().peek(id);
  if (!page) return pool().await(id);
  std::uint64_t hits = 1;
  for (std::uint32_t above = UINT32_MAX;; ++hits) {
    const NodeView node(page.data(), pool().page_bytes());
    const bool reaches = node.level() >= level || id == root_;
    const bool ours = node.is_node() && page::tree_of(page.data()) == id_ && node.level() < above && reaches;
    if (!ours) {
      const bool damage = page.valid();
      page.release();
      return damage ? not_a_node(id) : Status();
    }
    above = node.level();
    path.node = {id, page.version()};
    path.level = above;
    if (above <= level) {
      pool().count_hits(hits);
      return Status();
    }
    const std::uint32_t index = which.rightmost ? node.count() : node.search(which.key).index;
    const PageId child = node.child(index);
    if (!page.valid()) {
      page.release();
      return Status();
    }
    OptimisticPage next = pool().peek(child);
    if (next && above == 1) prefetch_front(next, pool().page_bytes());
    if (!next) {
      page.release();
      return await_child(child, path.node);
    }
    // The child may have been split between the two looks; the parent would have changed too.
    if (!page.valid()) {
      next.release();
      page.release();
      return Status();
    }
    path.parent = path.node;
    path.child_index = index;
    id = child;
    page = std::move(next);
  }
}

Status Tree::find(LeafOf which, std::uint32_t level, Path& path, OptimisticPage& page) const {
  for (int attempt = 0; attempt < restarts_max; ++attempt) {
    QUIRE_TRY(descend(which, level, path, page));
    if (page) return Status();
  }
  return not_a_node(path.node.id);
}

void Tree::begin_version(const NodeView& leaf, std::uint32_t index, Version& version) {
  version.exists = !leaf.ghost(index);
  version.older = false;
  version.value = leaf.value(index);
  version.next = leaf.row_header(index);
  version.settled = true;
  version.copy = 0;
  version.last_time = Timestamp{UINT64_MAX};
  version.last_xid = Xid{};
}

// From record to record as long as they are in memory; false when one is not. Each is older than the one before: of a transaction that
// committed earlier, or an earlier operation of the same one. A chain that a damaged file leads in a circle ends.
Result<bool> Tree::follow(const Looking& at, Version& version) const {
  while (version.next && !at.view.sees(version.next->xid)) {
    txn::UndoCopy& undo = version.undo[version.copy];
    const txn::UndoRead read = txn::try_read_undo(pool(), version.next->undo, undo);
    if (read == txn::UndoRead::absent) return false;
    if (read == txn::UndoRead::wrong) {
      return Status(Code::corrupt, "a row of tree " + std::to_string(id_.raw) + " of " + pool().path() + " names an undo record on page " +
                                       std::to_string(txn::page_of_undo(version.next->undo).raw) + " that is not there");
    }
    version.settled = version.settled && at.view.is_settled(version.next->xid, at.settled);
    const txn::UndoRecord& record = undo.record;
    // An erased row's value is that of the ghost.
    version.exists = record.type != txn::UndoType::insert && (record.flags & txn::undo_flag::ghost) == 0;
    if (record.type == txn::UndoType::update) {
      version.older = true;
      version.value = {record.value, (record.flags & txn::undo_flag::overflow) != 0};
      version.copy = 1 - version.copy;  // the value stays where it is while the other copy serves the next hop
    }
    const Xid xid = version.next->xid;
    const Timestamp time = at.view.committed_at(xid);
    const bool circle = time > version.last_time || (version.last_xid != Xid{} && time == version.last_time && (xid != version.last_xid || record.operation >= version.last_operation));
    if (circle) {
      return Status(Code::corrupt, "the versions of a row of tree " + std::to_string(id_.raw) + " of " + pool().path() +
                                       " lead from one to a newer one, on undo page " + std::to_string(txn::page_of_undo(version.next->undo).raw));
    }
    version.last_time = time;
    version.last_xid = xid;
    version.last_operation = record.operation;
    version.next.reset();
    if (record.type != txn::UndoType::insert && (record.flags & txn::undo_flag::row_header) != 0) {
      version.next = RowHeader{Xid{record.row_xid_word & row_header_field::xid_mask}, record.row_handle};
    }
  }
  return true;
}

Result<bool> Tree::find_version(const Looking& at, OptimisticPage& page, Version& version) const {
  for (;;) {
    Result<bool> found = follow(at, version);
    // Looked at after the records were read.
    const bool same_leaf = page && page.valid();
    const bool done = found.ok() && *found;
    const bool settled = version.settled && (done || at.view.is_settled(version.next->xid, at.settled));
    if (!settled && !same_leaf && !seeded_bug("follow_an_undo_handle_without_validating")) return false;
    if (!found.ok() || done) return found;
    // The next record is not in memory. Coming back to the leaf each time also keeps it in memory.
    const std::uint64_t seen = same_leaf ? page.version() : 0;
    page.release();
    Status read = pool().await(txn::page_of_undo(version.next->undo));
    if (same_leaf) page = pool().optimistic(at.leaf);
    if (page && page.version() != seen) page.release();
    // What is not settled may have been taken back meanwhile, and its undo page freed.
    if (!read.ok() && (settled || page)) return read;
  }
}

// For a view without a snapshot: the row as it is.
Result<std::optional<Tree::Found>> Tree::read_newest(OptimisticPage& page, std::uint32_t index, const txn::View& view, std::string* value, Xid* unseen) const {
  const NodeView leaf(page.data(), pool().page_bytes());
  const std::optional<RowHeader> header = leaf.row_header(index);
  const ValueAt stored = leaf.value(index);
  const bool exists = !leaf.ghost(index);
  const std::string bytes(value != nullptr ? stored.bytes : std::string_view());
  // Asked before the leaf is validated: who was active when it was read may have ended since, with another version.
  const bool seen = !header || view.sees(header->xid);
  if (!page.valid()) return std::optional<Found>();
  if (!seen) {
    if (unseen != nullptr) *unseen = header->xid;
    return std::optional<Found>(Found::needs_snapshot);
  }
  if (!exists || value == nullptr) return std::optional<Found>(exists ? Found::yes : Found::no);
  Status status = read_value({bytes, stored.overflow}, *value);
  // The large value may have been replaced, and its pages freed, while it was read; or it took so much memory that the leaf
  // had to go. A snapshot does not ask.
  if (!view.stable && !page.valid()) return std::optional<Found>(Found::needs_snapshot);
  if (!status.ok()) return status;
  return std::optional<Found>(Found::yes);
}

Result<std::optional<Tree::Found>> Tree::read_version(OptimisticPage& page, std::uint32_t index, const Looking& at, std::string* value) const {
  Version version;
  begin_version(NodeView(page.data(), pool().page_bytes()), index, version);
  const std::string in_leaf(value != nullptr ? version.value.bytes : std::string_view());
  if (!page.valid()) return std::optional<Found>();
  QUIRE_ASSIGN(const bool found, find_version(at, page, version));
  page.release();
  if (!found) return std::optional<Found>();
  if (!version.exists || value == nullptr) return std::optional<Found>(version.exists ? Found::yes : Found::no);
  // A large value's pages stay as long as the view is registered.
  QUIRE_TRY(read_value({version.older ? version.value.bytes : std::string_view(in_leaf), version.value.overflow}, *value));
  return std::optional<Found>(Found::yes);
}

Result<Tree::Found> Tree::read(std::string_view key, std::string* value, const txn::View& view, Xid* unseen) const {
  for (;;) {
    const Timestamp settled = view.settled();
    Path path;
    OptimisticPage page;
    QUIRE_TRY(find({key}, 0, path, page));
    const NodeView leaf(page.data(), pool().page_bytes());
    const SearchResult at = leaf.search(key);
    if (!at.found) {
      if (page.valid()) return Found::no;
      continue;
    }
    if (leaf.flags(at.index) == 0) {
      if (value != nullptr) value->assign(leaf.value(at.index).bytes);
      if (page.valid()) return Found::yes;
      continue;
    }
    QUIRE_ASSIGN(const std::optional<Found> found, view.registered ? read_version(page, at.index, {view, settled, path.node.id}, value)
                                                                   : read_newest(page, at.index, view, value, unseen));
    if (found) return *found;
  }
}

Status Tree::get(std::string_view key, std::string& value, const txn::View& view) const {
  QUIRE_ASSIGN(const Found found, read(key, &value, view));
  QUIRE_ASSERT(found != Found::needs_snapshot);
  return found == Found::yes ? Status() : Status(Code::not_found);
}

Result<bool> Tree::contains(std::string_view key, const txn::View& view) const {
  QUIRE_ASSIGN(const Found found, read(key, nullptr, view));
  QUIRE_ASSERT(found != Found::needs_snapshot);
  return found == Found::yes;
}

Status Tree::read_value(const ValueAt& where, std::string& into) const {
  if (!where.overflow) {
    into.assign(where.bytes);
    return Status();
  }
  if (where.bytes.size() != overflow::stub_bytes) {
    return Status(Code::corrupt, "an overflow stub of " + std::to_string(where.bytes.size()) + " bytes in tree " + std::to_string(id_.raw));
  }
  return overflow::read(pool(), overflow::load_stub(where.bytes), into);
}

Status Tree::open_leaf(LeafOf which, OptimisticPage& page) const {
  Path path;
  return find(which, 0, path, page);
}

Status Tree::copy_leaf(LeafOf which, MutableBytes into) const {
  for (;;) {
    OptimisticPage page;
    QUIRE_TRY(open_leaf(which, page));
    std::memcpy(into.data(), page.data(), into.size());
    if (page.valid()) return Status();
  }
}

Status Tree::open_sibling(PageId id, std::string_view lower, OptimisticPage& page) const {
  // A sibling that was freed or damaged is as good as another one: the caller descends and finds out.
  for (int attempt = 0; attempt < restarts_max; ++attempt) {
    page = pool().optimistic(id);
    if (!page) {
      if (!pool().await(id).ok()) return Status();
      continue;
    }
    const NodeView leaf(page.data(), pool().page_bytes());
    const bool right = leaf.leaf() && page::tree_of(page.data()) == id_ && leaf.lower_fence() == lower;
    if (!page.valid()) continue;
    if (!right) page.release();
    return Status();
  }
  return Status();
}

}  // namespace quire::btree
