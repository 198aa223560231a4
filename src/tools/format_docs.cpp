// Text of the documents of the file format.
//
// Numbers come from the layout tables; what is written here is what a table cannot say: the meaning of a field, and how
// the pieces belong together. A field without a meaning is left empty, which a test notices.
#include "tools/format_docs.hpp"

#include <fmt/format.h>

#include <map>

#include "btree/layout.hpp"
#include "catalog/layout.hpp"
#include "checkpoint/layout.hpp"
#include "overflow/layout.hpp"
#include "space/layout.hpp"
#include "txn/undo_layout.hpp"
#include "space/superblock.hpp"
#include "wal/layout.hpp"
#include "wal/record.hpp"

namespace quire::tools {

namespace {

using Meanings = std::map<std::string_view, std::string_view>;

std::string title(std::string_view text) {
  return fmt::format("# {}\n\nGenerated from the layout tables by `./dev docs`; do not edit.\n\n", text);
}

std::string table(const page::Layout& layout, const Meanings& meanings) {
  std::string text = "| offset | bytes | field | meaning |\n|---|---|---|---|\n";
  for (const page::Field& field : layout.fields) {
    const auto meaning = meanings.find(field.name);
    const bool reserved = field.name.starts_with("reserved");
    text += fmt::format("| {} | {} | `{}` | {} |\n", field.offset, field.bytes, field.name,
                        meaning != meanings.end() ? meaning->second : reserved ? "zero" : "");
  }
  return text;
}

std::string index_page() {
  return title("File format") +
         fmt::format(R"(One file of blocks of {} bytes. Integers are little-endian unless a text says otherwise. Format version {}.

    block 0          superblock A
    block 1          superblock B
    block 2 ...      pages, each on one or more consecutive blocks

A page is {} to {} bytes, a power of two, the same for the whole file. It is known by its page number (`PageId`); the
page table says on which block it lies and what its checksum must be. A page is never overwritten in place: every
checkpoint writes changed pages to free blocks, then the page table and the bitmap that refer to them, and last the
superblock that refers to those.

| document | what |
|---|---|
| [superblock.md](superblock.md) | the two roots of a file |
| [pages.md](pages.md) | page header, page types, page table, bitmap |
| [btree.md](btree.md) | nodes, slots and records of the B+ tree |
| [overflow.md](overflow.md) | values too large for a leaf |
| [undo.md](undo.md) | before images, and the transactions that a checkpoint found active |
| [log.md](log.md) | the log: segments, records, operations |
| [catalog.md](catalog.md) | the system trees, and where keys and rows are described |
)",
                     page::block_bytes, static_cast<std::uint32_t>(space::newest_format), page::page_bytes_min, page::page_bytes_max);
}

std::string superblock_page() {
  const Meanings meanings = {
      {"magic", "`QUIRE` `0d 0a 1a`"},
      {"format", "version of the format; a reader refuses a higher one than it knows"},
      {"page_shift", "page size as a power of two, 12 to 16"},
      {"checksum_kind", "1: XXH3-64"},
      {"flags", "1 clean: nothing to recover, 2 written by a backup, 4 commits after this state are in a log"},
      {"required", "features a reader must know; unknown bits refuse the file"},
      {"optional", "features a reader may ignore; unknown bits are kept"},
      {"uuid", "of the file; seeds all checksums"},
      {"generation", "number of the checkpoint; its lowest bit names the slot"},
      {"incarnation", "number of the writer's life; 0 without a log"},
      {"next_tree_id", "the next tree gets this number"},
      {"checkpoint_lsn", "where replay of a log begins; 0 without a log"},
      {"next_xid", "the next writing transaction gets this number"},
      {"clock", "timestamp of the last commit, a count"},
      {"next_page_id", "page numbers from here on were never used"},
      {"file_blocks", "the file has at least so many blocks; bits of the bitmap beyond are not stored"},
      {"table_depth", "levels of the page table"},
      {"bitmap_depth", "levels of the bitmap"},
      {"table_root", "entry of the page table's top page"},
      {"bitmap_root", "entry of the bitmap's top page"},
      {"notes", "entry of the first notes page; 0 without any"},
      {"source_lsn", "of a replica; 0 otherwise"},
      {"created_us", "microseconds since 1970-01-01 UTC"},
      {"checksum", "XXH3-64 of all bytes before it, seed 0"},
  };
  return title("Superblock") +
         fmt::format(R"({} bytes, stored twice in each of the two slots (blocks 0 and 1), at +0 and +{}. A checkpoint writes the
slot of its generation's lowest bit and leaves the other one alone. The valid copy with the highest generation is the
state of the file; a slot without any valid copy beside a valid one is a publish that a power cut tore. Magic, format
and checksum keep their places in every format.

)",
                     space::superblock_bytes, space::superblock_copy_offset) +
         table(space::superblock_layout, meanings);
}

std::string type_table() {
  std::string text = "| number | type |\n|---|---|\n";
  for (std::size_t type = 1; type < page::page_type_count; ++type) {
    text += fmt::format("| {} | {} |\n", type, page::page_type_name(static_cast<page::PageType>(type)));
  }
  return text;
}

std::string pages_page() {
  const Meanings header = {
      {"type", "what the page is, see below"},
      {"flags", "by type; 0 so far"},
      {"layout", "version of the type's layout; 0 so far"},
      {"tree_id", "the tree the page belongs to"},
      {"page_id", "its own number"},
      {"max_xid", "no row header of the page is of a later transaction"},
      {"generation", "of the checkpoint that wrote its last change"},
  };
  const Meanings entry = {{"place", "where the page lies, see below"},
                          {"checksum", "XXH3-64 of the whole page, seeded with the file's uuid and the page's number"}};
  std::string text = title("Pages, page table and bitmap");
  text += "## Page header\n\nEvery page with a page number begins so. The checksum is not in the page but beside the pointer to it.\n\n";
  text += table(page::header_layout, header);
  text += "\n## Page types\n\nNumbers are never used for anything else.\n\n" + type_table();
  text += "\n## Page-table entry\n\n" + table(space::entry_layout, entry);
  text += fmt::format(R"(
`place`, from the lowest bit up:

| bits | meaning |
|---|---|
| 40 | first block, at most {} |
| 4 | length in blocks, less one |
| 4 | kind: 0 free, 1 page, 2 undo page |
| 4 | compression: 0 none |
| 4 | of entries above the lowest level: 1 something below is free, 2 something below is an undo page |
| 8 | zero |

The seed of a checksum is the first half of the uuid (little-endian), exclusive-or its second half (big-endian),
exclusive-or the page's number times 9E3779B97F4A7C15 (hexadecimal, modulo 2^64). Pages of the table and of the bitmap
have no page number; theirs is 2^63 (table) or 2^63 + 2^62 (bitmap), plus level times 2^56, plus the index within
the level.

## Page table

Page number n is entry n modulo f of lowest page n / f, where f is the page size divided by {}. Each level above holds
the entries of the pages below it, f to a page; the superblock holds the entry of the single top page and the number of
levels. Entry 0 is not used. An entry of kind free below `next_page_id` is a page number that may be given again.

## Bitmap

The lowest pages are plain bits, the first block in the lowest bit of the first byte: 1 when the checkpoint refers to the
block, the superblocks included. A page holds eight times its size in bits. The levels above are as in the page table.
)",
                      space::Entry::block_max, space::entry_bytes);
  return text;
}

std::string node_tables() {
  const Meanings node = {
      {"count", "slots"},
      {"heap_low", "records and fences lie from here to the end of the page; 0 stands for 65536"},
      {"heap_used", "bytes of records and fences that are in use"},
      {"prefix_bytes", "so many first bytes are common to both fences and so to all keys; records leave them out"},
      {"lower_offset", "of the lower fence"},
      {"lower_bytes", "its length"},
      {"upper_offset", "of the upper fence"},
      {"upper_bytes", "its length; FFFF: none, the node is the last of its level"},
      {"right_sibling", "page number of the next node of the level; 0 for none"},
      {"last_child", "inner nodes: the child for keys above the last slot's"},
      {"level", "0 is a leaf"},
      {"head_skip", "so many first bytes are common to all suffixes, and heads leave them out; 0, or 4 and more"},
      {"ghosts", "deleted rows that are still there"},
      {"row_headers", "rows that have a row header"},
      {"hint_distance", "slots from one hint to the next; 0: no hints"},
      {"hints", "heads of every hint_distance-th slot, 4 bytes each"},
  };
  const Meanings slot = {
      {"head", "the first four bytes of the suffix behind head_skip as a big-endian number"},
      {"offset", "of the record"},
      {"suffix_bytes_and_flags", "length of the suffix in the low 12 bits; flags 1000 ghost, 2000 value in overflow pages, 4000 row header"},
  };
  const Meanings row = {{"xid_and_flags", "the transaction that wrote the row last in the low 48 bits; flags in the high 4, 0 so far"},
                        {"undo_handle", "[undo record](undo.md) of the version before; never followed after the file was reopened for writing"}};
  return "## Node header\n\nBehind the page header.\n\n" + table(btree::node_layout, node) + "\n## Slot\n\n" +
         table(btree::slot_layout, slot) + "\n## Row header\n\nIn a leaf record whose slot says so.\n\n" + table(btree::row_header_layout, row);
}

std::string btree_page() {
  std::string text = title("B+ tree");
  text += fmt::format(R"(A node is one page, of type `inner` or `leaf`. It covers the keys above its lower fence up to and including its upper
fence. Slots grow up from byte {}, in order of keys; records and fences grow down from the end of the page.

    leaf record     suffix | row header if flagged | u16 value bytes | value, or a {}-byte overflow stub
    inner record    suffix | u64 child page number; child i covers the keys above key i-1 up to key i

)",
                      btree::node_header_bytes, overflow::stub_bytes);
  text += node_tables();
  text += "\n## Limits\n\n| page size | longest key | longest record |\n|---|---|---|\n";
  for (std::uint32_t bytes = page::page_bytes_min; bytes <= page::page_bytes_max; bytes *= 2) {
    text += fmt::format("| {} | {} | {} |\n", bytes, btree::key_bytes_max(bytes), btree::record_bytes_max(bytes));
  }
  return text + "\nA longer value goes to [overflow pages](overflow.md).\n";
}

std::string overflow_page() {
  const Meanings stub = {{"length", "bytes of the value"},
                         {"first_index_page", "page number; 0 for an empty value"},
                         {"checksum", "XXH3-64 of the whole value, seed 0"}};
  const Meanings index = {{"next_index_page", "page number; 0 for the last one"}, {"count", "data pages listed here"}};
  std::string text = title("Overflow values");
  text += R"(A value too large for its leaf lies in data pages, which index pages list; the leaf keeps a stub. Byte n of the value is
reached in one step per index page.

    stub -> index page -> index page -> ...
               |  |  |
             data data data

)";
  text += "## Stub\n\n" + table(overflow::stub_layout, stub);
  text += "\n## Index page\n\nBehind the page header.\n\n" + table(overflow::index_layout, index);
  text += fmt::format(R"(
Page numbers of data pages follow from byte {} on, {} bytes each. A data page is a page header and payload from byte {} on;
every data page but the last is full.

| page size | payload of a data page | data pages of an index page |
|---|---|---|
)",
                      overflow::index_header_bytes, overflow::page_id_bytes, page::header_bytes);
  for (std::uint32_t bytes = page::page_bytes_min; bytes <= page::page_bytes_max; bytes *= 2) {
    text += fmt::format("| {} | {} | {} |\n", bytes, overflow::payload_bytes(bytes), overflow::ids_per_index(bytes));
  }
  return text;
}

std::string undo_page() {
  const Meanings page = {
      {"previous_page", "page number of the undo page begun before; may be free by now"},
      {"first_xid", "of the first record"},
      {"last_xid", "of the last record"},
      {"stream", "0 so far"},
      {"end", "where the next record begins; 0 stands for 65536"},
      {"live", "0 so far"},
  };
  const Meanings record = {
      {"eighths", "length of the record in units of 8 bytes"},
      {"type", "1 insert, 2 update, 3 erase, 4 create tree, 5 drop tree"},
      {"flags", "1 the value is an overflow stub, 2 the row was a ghost, 4 the row had a header"},
      {"tree", "number of the tree"},
      {"previous", "handle of the transaction's record before; 0 for its first"},
      {"row_xid_word", "from the row's header before the change"},
      {"row_handle", "likewise"},
      {"operation", "number of the change in its transaction, from 1"},
      {"key_bytes", "length of the key"},
      {"value_bytes", "length of the value"},
  };
  const Meanings notes = {{"next", "entry of the next notes page; 0 in the last"},
                          {"transactions", "active-transaction records, from byte 32 on"},
                          {"trees", "row-count records, behind those"}};
  const Meanings transaction = {
      {"xid", "number of the transaction"},
      {"undo_head", "handle of its newest undo record"},
      {"last_operation", "number of its last change"},
      {"state", "1 active"},
  };
  const Meanings count = {{"tree", "the tree"},
                          {"flags", "1: erased rows may be left behind by a crash"},
                          {"rows", "its committed rows"}};
  return title("Undo pages and notes") +
         "Undo pages have entries of kind 2 and belong to no tree. A file that was closed cleanly has none.\n\n## Undo page\n\n" +
         table(txn::undo_page_layout, page) + "\n## Undo record\n\nThen the key and the value, padded to 8 bytes. A handle is page number x 65536 + offset.\n\n" +
         table(txn::undo_record_layout, record) +
         "\n## Notes page\n\nWhat a checkpoint knows beside the pages of trees. The superblock's entry leads to the first; notes pages have no page "
         "header, and their checksums are seeded with 2^62, 2^62 + 1 and so on.\n\n" +
         table(checkpoint::notes_page_layout, notes) + "\n## Active transaction\n\n" + table(checkpoint::active_record_layout, transaction) +
         "\n## Row count\n\n" + table(checkpoint::count_record_layout, count);
}

std::string record_type_table() {
  std::string text = "| number | type |\n|---|---|\n";
  for (std::size_t type = 1; type < wal::record_type_count; ++type) {
    text += fmt::format("| {} | {} |\n", type, wal::record_type_name(static_cast<wal::RecordType>(type)));
  }
  return text;
}

std::string record_bodies() {
  const Meanings meanings = {
      {"previous_chunk", "LSN of the transaction's CHUNK before; 0 for its first"},
      {"op_count", "operations that follow"},
      {"first_operation", "number of the first of them"},
      {"timestamp", "of the commit, a count"},
      {"wall_us", "microseconds since 1970-01-01 UTC"},
      {"last_chunk", "LSN of the transaction's last CHUNK; 0 without any"},
      {"chunk_count", "CHUNKs of the transaction"},
      {"operation", "operations of the transaction with higher numbers are void"},
      {"durable", "everything below this LSN was durable"},
      {"generation", "of the superblock that was published"},
      {"checkpoint_lsn", "where replay of that generation begins"},
      {"previous_end", "LSN where the log of the incarnation before ends"},
  };
  std::string text;
  for (const page::Layout* layout : {&wal::chunk_layout, &wal::commit_layout, &wal::rollback_to_layout, &wal::mark_layout,
                                     &wal::checkpoint_layout, &wal::restart_layout}) {
    text += fmt::format("\n### {}\n\n", layout->name) + table(*layout, meanings);
  }
  return text;
}

std::string log_page() {
  const Meanings segment = {
      {"magic", "`QUIRELOG`"},
      {"version", "of the log; a reader refuses any other than it knows"},
      {"checksum", "low half of XXH3-64 of the header with zeros here, seed 0"},
      {"number", "as in the file's name"},
      {"start", "LSN of the file's first byte"},
      {"uuid", "of the database file"},
      {"incarnation", "of the superblock that this log belongs to"},
      {"blocks", "size of the file in units of 4096 bytes"},
      {"previous_end", "LSN where the log before this segment ends"},
  };
  const Meanings record = {
      {"checksum", "low half of XXH3-64 of the rest of the record, seeded with uuid and incarnation; of a PAD only the header"},
      {"bytes", "length of the record, a multiple of 8; of a PAD up to the segment's end"},
      {"lsn", "its own"},
      {"xid", "transaction; 0 in MARK, CKPT, RESTART and PAD"},
      {"type", "see below"},
      {"flags", "0 so far"},
      {"incarnation", "as in the segment's header"},
  };
  const Meanings op = {
      {"kind", "1 put, 2 erase, 3 heap put, 4 heap erase, 5 create tree, 6 drop tree, 7 part, 8 rows"},
      {"flags", "1 more of the value follows in a part"},
      {"key_bytes", "length of the key, or of the row pointer"},
      {"value_bytes", "length of the value, or of this piece of it; of rows 8"},
      {"tree", "number of the tree"},
      {"number", "of the change in its transaction, from 1"},
  };
  return title("Log") +
         fmt::format(R"(Files `<database>-wal.<16 hexadecimal digits>`, version {}. An LSN is a byte position in an endless log; a file is a segment
of it and holds the bytes from its header's `start` on. Records follow the header of {} bytes, one behind the other; none
crosses the end of a segment, which a PAD fills. The log ends at the first bytes that are no valid record of it. A record is
valid at its own LSN only, and only under the uuid and incarnation of the superblock.

## Segment

)",
                     static_cast<std::uint32_t>(wal::newest_log_version), wal::segment_header_bytes) +
         table(wal::segment_layout, segment) + "\n## Record\n\n" + table(wal::record_layout, record) + "\n" + record_type_table() +
         fmt::format("\nA record has {} bytes at most.\n", wal::record_bytes_max) + record_bodies() +
         "\n## Operation\n\nOperations follow the fields of CHUNK and COMMIT without gaps; then zeros up to a multiple of 8. After an "
         "operation's header come its key and its value. The value of rows is how the transaction changes the number of the "
         "tree's rows, in all, as a signed number.\n\n" +
         table(wal::op_layout, op);
}

std::string catalog_page() {
  const Meanings row = {{"kind", "1: B+ tree"},
                        {"state", "1: live, 2: dropped, its pages not yet free"},
                        {"root", "page number of the tree's root; it never changes"},
                        {"rows", "rows in the tree"}};
  return title("Catalog, keys and rows") +
         fmt::format(R"(Tree {} (root page {}) maps a tree's number, four bytes big-endian, to a system row:

{}
A row without a value, whose key is a tree's number and a page number of eight bytes, big-endian, names a large value that
was replaced and whose pages are not yet free.

Tree {} (root page {}) maps the name of a keyspace to a row: tree number, number of key columns, then the names of the
key columns and of the value columns, each a column. Tree {} is the default keyspace; further keyspaces have numbers from {}
on. A number is never given twice.

Keys and rows are encoded as [src/record/README.md](../../src/record/README.md) describes, byte for byte.
)",
                     catalog::system_tree.raw, catalog::system_root.raw, table(catalog::tree_row_layout, row), catalog::names_tree.raw,
                     catalog::names_root.raw, catalog::default_tree.raw, catalog::first_free_tree.raw);
}

}  // namespace

std::vector<FormatPage> format_pages() {
  return {{"README.md", index_page()},     {"superblock.md", superblock_page()}, {"pages.md", pages_page()},
          {"btree.md", btree_page()},      {"overflow.md", overflow_page()},     {"undo.md", undo_page()},
          {"log.md", log_page()},         {"catalog.md", catalog_page()}};
}

}  // namespace quire::tools
