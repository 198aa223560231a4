// Looking inside: trees, pages and superblocks as text.
//
// Everything is read through a Visit, so what is shown is one committed state. Pages are read from the file, not
// from memory.
#include "kv/inspect.hpp"

#include "base/try.hpp"
#include "btree/draw.hpp"
#include "kv/state.hpp"
#include "overflow/layout.hpp"
#include "page/describe.hpp"
#include "quire/key.hpp"

namespace quire::kv {

namespace {

// "NO,Oslo,42"; bytes that do not decode, such as separators, are shown as they are.
std::string joined(const Result<std::vector<Value>>& values, std::string_view bytes) {
  if (!values.ok()) return page::printable(bytes, SIZE_MAX);
  std::string text;
  for (const Value& value : *values) text += (text.empty() ? "" : ",") + value.to_string();
  return page::printable(text, SIZE_MAX);
}

// Keyspaces with columns show their values, others bytes.
btree::Text text_of(const Schema& schema) {
  if (schema.plain()) return {};
  return {.key = [](std::string_view key) { return joined(decode_key(key), key); },
          .value = [](std::string_view row) { return joined(decode_row(row), row); }};
}

}  // namespace

Result<std::string> draw_tree(const Database& database, std::string_view keyspace, DrawTree options) {
  QUIRE_ASSIGN(const Visit visit, Visit::begin(*database.impl()->state));
  QUIRE_ASSIGN(const catalog::KeyspaceRecord record, visit.find(keyspace));
  const btree::DrawOptions draw{
      .pages_max = options.pages_max, .keys_per_node = options.keys_per_node, .text = text_of(record.schema)};
  return btree::draw(visit.engine().tree(record), draw);
}

Result<std::string> dump_tree(const Database& database, std::string_view keyspace) {
  QUIRE_ASSIGN(const Visit visit, Visit::begin(*database.impl()->state));
  QUIRE_ASSIGN(const catalog::KeyspaceRecord record, visit.find(keyspace));
  return btree::dump(visit.engine().tree(record), text_of(record.schema));
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
