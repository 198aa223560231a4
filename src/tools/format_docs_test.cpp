// Goal: docs/format says what the layout tables say.
// Method: the committed pages against generated ones (./dev golden or ./dev docs rewrites them); no table of a layout
//         header and no field of a table is left out.
#include "tools/format_docs.hpp"

#include <gtest/gtest.h>

#include "btree/layout.hpp"
#include "catalog/layout.hpp"
#include "checkpoint/layout.hpp"
#include "overflow/layout.hpp"
#include "space/layout.hpp"
#include "txn/undo_layout.hpp"
#include "wal/layout.hpp"
#include "support/golden.hpp"

namespace quire::tools {
namespace {

TEST(format_docs, are_what_the_tables_say) {
  for (const FormatPage& page : format_pages()) EXPECT_EQ(test::golden_difference("docs/format/" + page.file, page.text), "");
}

TEST(format_docs, contain_every_field_of_every_layout) {
  std::string all;
  for (const FormatPage& page : format_pages()) all += page.text;
  for (const page::Layout* layout :
       {&page::header_layout, &space::superblock_layout, &space::entry_layout, &btree::node_layout, &btree::slot_layout,
        &btree::row_header_layout, &txn::undo_page_layout, &txn::undo_record_layout, &checkpoint::notes_page_layout,
        &checkpoint::active_record_layout, &checkpoint::count_record_layout, &overflow::stub_layout, &overflow::index_layout, &catalog::tree_row_layout,
        &wal::segment_layout, &wal::record_layout, &wal::chunk_layout, &wal::commit_layout, &wal::rollback_to_layout,
        &wal::mark_layout, &wal::checkpoint_layout, &wal::restart_layout, &wal::op_layout}) {
    for (const page::Field& field : layout->fields) {
      const std::string row = "| " + std::to_string(field.offset) + " | " + std::to_string(field.bytes) + " | `" + std::string(field.name) + "` |";
      EXPECT_NE(all.find(row), std::string::npos) << layout->name << ": " << row;
    }
  }
}

TEST(format_docs, give_every_field_a_meaning) {
  for (const FormatPage& page : format_pages()) EXPECT_EQ(page.text.find("` |  |"), std::string::npos) << page.file;
}

}  // namespace
}  // namespace quire::tools
