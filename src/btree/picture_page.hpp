// Page picture: what lies where in one page, in no particular format.
//
// The regions cover the page from its first byte to its last in order, each of one kind. They are taken from a page
// that nobody may have checked, so they are cut to the page and to each other.
//
// Threads   functions without state
#pragma once

#include <string>
#include <vector>

#include "btree/picture.hpp"

namespace quire::btree {

enum class RegionKind { header, slots, free, record, fence, dead, ids, content };
inline constexpr std::size_t region_kinds = 8;

// "header", "slots", ... and the letter that stands for it in a text map.
const char* region_name(RegionKind kind) noexcept;
char region_letter(RegionKind kind) noexcept;

struct PageRegion {
  RegionKind kind = RegionKind::content;
  std::uint32_t offset = 0;
  std::uint32_t bytes = 0;
  std::string label;  // a record's key, "lower fence"; may be empty
};

struct PageField {
  std::string name;
  std::string value;
};

struct PageSlot {
  std::uint32_t offset = 0;  // of the record
  std::uint32_t bytes = 0;
  std::string key;
  std::string value;         // of a leaf: the value; of an inner node: "page 7"
};

struct PagePicture {
  std::uint64_t page = 0;
  std::string type;
  std::string keyspace;  // empty for the catalog's trees
  std::uint32_t page_bytes = 0;
  std::uint64_t block = 0;
  std::uint32_t blocks = 0;
  std::vector<PageField> fields;
  std::vector<PageRegion> regions;
  std::vector<PageSlot> slots;  // of a node

  std::uint64_t bytes_of(RegionKind kind) const noexcept;
};

// Type, fields and regions of any page; slots of nodes. Where the page lies in the file is the caller's to add.
PagePicture picture_page(Bytes page, const Text& text = {});

// The map as lines of letters, and the bytes of each kind.
std::string map_text(const PagePicture& picture);

// Sixteen bytes a line with their offset; lines that repeat are one star.
std::string hex_dump(Bytes bytes);

}  // namespace quire::btree
