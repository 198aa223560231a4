// Looking inside: trees, pages and superblocks as text.
#include "kv/inspect.hpp"

#include "base/try.hpp"
#include "btree/draw.hpp"
#include "kv/state.hpp"
#include "overflow/layout.hpp"
#include "page/describe.hpp"

namespace quire::kv {

namespace {

Result<btree::Tree> tree_of(const Visit& visit, std::string_view keyspace) {
  QUIRE_ASSIGN(const catalog::KeyspaceRecord* record, visit.find(keyspace));
  return visit.engine().tree(*record);
}

}  // namespace

Result<std::string> draw_tree(const Database& database, std::string_view keyspace, DrawTree options) {
  QUIRE_ASSIGN(const Visit visit, Visit::begin(*database.impl()->state));
  QUIRE_ASSIGN(const btree::Tree tree, tree_of(visit, keyspace));
  return btree::draw(tree, {.pages_max = options.pages_max, .keys_per_node = options.keys_per_node});
}

Result<std::string> dump_tree(const Database& database, std::string_view keyspace) {
  QUIRE_ASSIGN(const Visit visit, Visit::begin(*database.impl()->state));
  QUIRE_ASSIGN(const btree::Tree tree, tree_of(visit, keyspace));
  return btree::dump(tree);
}

Result<std::string> describe_page(const Database& database, std::uint64_t page) {
  QUIRE_ASSIGN(const Visit visit, Visit::begin(*database.impl()->state));
  engine::Engine& engine = visit.engine();
  const PageId id{page};
  const std::uint64_t limit = engine.table().next_page().raw;
  if (page == 0 || page >= limit) {
    return Status(Code::not_found, "there is no page " + std::to_string(page) + "; page numbers run from 1 to " + std::to_string(limit - 1));
  }
  QUIRE_TRY(engine.table().load(id));
  const space::Entry entry = engine.table().find(id)->entry;
  if (entry.free()) return Status(Code::not_found, "page " + std::to_string(page) + " is free");
  std::vector<std::byte> image(engine.page_bytes());
  QUIRE_TRY(engine.file().read(entry, page, "page " + std::to_string(page), image));
  std::string text = "page " + std::to_string(page) + ", " + std::string(page::page_type_name(page::type_of(image.data()))) + ", block " +
                     std::to_string(entry.block().raw) + ", " + std::to_string(entry.blocks()) + " blocks\n";
  text += page::describe_fields(page::header_layout, image);
  const page::PageType type = page::type_of(image.data());
  if (type == page::PageType::leaf || type == page::PageType::inner) text += btree::describe_node(image);
  if (type == page::PageType::overflow_index) text += page::describe_fields(overflow::index_layout, image);
  return text;
}

Result<std::string> describe_superblocks(const Database& database) {
  QUIRE_ASSIGN(const Visit visit, Visit::begin(*database.impl()->state));
  return visit.engine().describe_superblocks();
}

Result<std::uint64_t> page_number_limit(const Database& database) {
  QUIRE_ASSIGN(const Visit visit, Visit::begin(*database.impl()->state));
  return visit.engine().table().next_page().raw;
}

}  // namespace quire::kv
