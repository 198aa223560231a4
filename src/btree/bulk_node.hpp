// NodeBuilder: the records of one node that is being filled from the left.
//
// Records come in key order and stand in one flat buffer as the page takes them, from its end downwards. How much of their keys
// the page leaves out is known only with the upper fence, so a record leaves out what it shares with the lower fence
// when it comes; that can only shrink, and write() puts back what too many bytes were left out.
//
// Invariants   1. a record's `skipped` bytes are the lower fence's first, and never fewer than a later record's
//              2. after has_room() said yes, the node fits with the new key as its upper fence
// Threads      one
// Errors       none: room is asked for before
#pragma once

#include <vector>

#include "btree/node.hpp"

namespace quire::btree {

class NodeBuilder {
 public:
  NodeBuilder(std::uint32_t page_bytes, std::uint32_t level);

  // Empty, with this lower fence.
  void start(std::string_view lower);

  std::uint32_t level() const noexcept { return level_; }
  std::uint32_t count() const noexcept { return static_cast<std::uint32_t>(records_.size()); }
  std::string_view lower() const noexcept { return lower_; }
  std::string key(std::uint32_t index) const;
  // Leaf: the value or stub. Inner: nothing.
  ValueAt value(std::uint32_t index) const noexcept;
  // Inner: the child that ends at key `index`.
  PageId child(std::uint32_t index) const noexcept;

  // How a key follows on the last one.
  struct Place {
    bool ascends = true;
    std::uint32_t skipped = 0;  // bytes that it shares with the lower fence
  };
  Place place(std::string_view key) const noexcept;
  // Up to `bytes_max` bytes of the page, with this key as last record and upper fence.
  bool has_room(std::string_view key, Place place, std::uint32_t payload_bytes,
                std::uint32_t bytes_max) const noexcept {
    const std::uint64_t records = std::uint64_t{count()} + 1;
    const std::uint64_t whole_keys = full_bytes_ + 2 * key.size() + payload_bytes + lower_.size();
    return node_header_bytes + records * slot_bytes + whole_keys - records * place.skipped <= bytes_max;
  }
  void append(const LeafRecord& record, Place place);
  void append_child(std::string_view upper, Place place, PageId child);

  // The first `records` fit a page with this upper fence; all from `first` on, without one and behind `lower`.
  bool front_fits(std::uint32_t records, std::string_view upper) const noexcept;
  bool tail_fits(std::uint32_t first, std::size_t lower_bytes) const noexcept;
  // The first record of the second half by bytes.
  std::uint32_t middle() const noexcept;

  // Makes a node of the page from the first `records`. Inner: `last_child` lies behind them.
  void write(MutableBytes page, std::uint32_t records, std::optional<std::string_view> upper, PageId last_child) const;
  // Drops the records before `first`; the others stand behind the fence `lower` now.
  void keep_from(std::uint32_t first, std::string_view lower);

 private:
  struct Record {
    std::uint32_t at = 0;         // in buffer_: stored key bytes, then the payload, up to the record before
    std::uint16_t key_bytes = 0;  // stored
    std::uint16_t skipped = 0;
    std::uint16_t flags = 0;
  };

  std::uint32_t end_of(std::uint32_t index) const noexcept {
    return index > 0 ? records_[index - 1].at : static_cast<std::uint32_t>(buffer_.size());
  }
  std::uint64_t full_bytes(std::uint32_t begin, std::uint32_t end) const noexcept;
  // Room for a record below the others; its key is written, the payload goes where it returns.
  std::byte* add_record(std::string_view key, Place place, std::uint32_t payload_bytes, std::uint16_t flags);
  void write_records(std::byte* page, std::uint32_t records, std::uint32_t prefix, std::uint32_t top) const noexcept;

  const std::uint32_t page_bytes_;
  const std::uint32_t level_;
  std::string lower_;
  std::vector<std::byte> buffer_;
  std::uint32_t low_ = 0;  // of the lowest record
  std::vector<Record> records_;
  std::uint64_t full_bytes_ = 0;  // whole keys and payloads of all records
};

}  // namespace quire::btree
