// Operations inside CHUNK and COMMIT: what a transaction did, by key.
//
// OpBuffer is a transaction's part of the log before it is one: operations are encoded as they happen, in the order of their
// numbers, and copied into the record as a whole. A value that is too long for one operation is continued by `part`.
//
//   ops.put(tree, number, key, value);                    a whole value
//   ops.begin_put(tree, number, key, first_piece);        a long one
//   ops.part(tree, number, piece, is_last);
//
// Invariants   numbers in one buffer never fall
// Threads      one
// Errors       OpReader refuses what is not canonical: unknown kinds and flags, a key or value where none belongs
#pragma once

#include <vector>

#include "base/ids.hpp"
#include "wal/layout.hpp"

namespace quire::wal {

struct Op {
  OpKind kind = OpKind::put;
  bool more = false;  // a part of the value follows
  TreeId tree{};
  std::uint32_t number = 0;  // of the change in its transaction, from 1
  Bytes key{};               // heap operations: the row pointer
  Bytes value{};
};

std::string_view op_kind_name(OpKind kind) noexcept;

// The change that an operation of kind `rows` tells.
std::int64_t rows_of(const Op& op) noexcept;

class OpBuffer {
 public:
  void put(TreeId tree, std::uint32_t number, Bytes key, Bytes value) { add({OpKind::put, false, tree, number, key, value}); }
  void erase(TreeId tree, std::uint32_t number, Bytes key) { add({OpKind::erase, false, tree, number, key, {}}); }
  void heap_put(TreeId tree, std::uint32_t number, Bytes pointer, Bytes row) {
    add({OpKind::heap_put, false, tree, number, pointer, row});
  }
  void heap_erase(TreeId tree, std::uint32_t number, Bytes pointer) {
    add({OpKind::heap_erase, false, tree, number, pointer, {}});
  }
  void create_tree(TreeId tree, std::uint32_t number) { add({OpKind::create_tree, false, tree, number, {}, {}}); }
  void drop_tree(TreeId tree, std::uint32_t number) { add({OpKind::drop_tree, false, tree, number, {}, {}}); }
  void begin_put(TreeId tree, std::uint32_t number, Bytes key, Bytes piece) {
    add({OpKind::put, true, tree, number, key, piece});
  }
  void part(TreeId tree, std::uint32_t number, Bytes piece, bool is_last) {
    add({OpKind::part, !is_last, tree, number, {}, piece});
  }

  void rows(TreeId tree, std::uint32_t number, std::int64_t change);

  void add(const Op& op);

  // Forgets operations with numbers above `number` (WAL-2).
  void drop_above(std::uint32_t number);
  // Empty again. Memory beyond `keep_bytes_max`, which one long transaction took, is given back.
  void clear(std::size_t keep_bytes_max = chunk_ops_bytes);

  Bytes bytes() const noexcept { return bytes_; }
  std::uint32_t count() const noexcept { return count_; }
  std::uint32_t first_number() const noexcept { return first_number_; }
  std::uint32_t last_number() const noexcept { return last_number_; }
  bool empty() const noexcept { return count_ == 0; }

 private:
  std::vector<std::byte> bytes_;
  std::uint32_t count_ = 0;
  std::uint32_t first_number_ = 0;
  std::uint32_t last_number_ = 0;
};

// Walks over encoded operations.
class OpReader {
 public:
  explicit OpReader(Bytes ops) noexcept : ops_(ops) {}

  // False at the end, and where the bytes are no operation. The op's views point into the bytes.
  bool next(Op& op) noexcept;
  // Bytes walked over so far.
  std::size_t position() const noexcept { return position_; }

 private:
  Bytes ops_;
  std::size_t position_ = 0;
};

}  // namespace quire::wal
