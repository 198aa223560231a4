// Looking inside: trees, pages and superblocks as text.
//
// Trees are walked, and pages copied, while no other thread writes; they are shown as they are, with what this thread's
// open transaction has changed.
#include "kv/inspect.hpp"

#include <algorithm>

#include "base/try.hpp"
#include "btree/draw.hpp"
#include "btree/verify.hpp"
#include "kv/state.hpp"
#include "overflow/layout.hpp"
#include "page/describe.hpp"
#include "quire/key.hpp"

namespace quire::kv {

namespace {

// A cut number lacks at most this many bytes.
constexpr std::size_t cut_bytes_max = 9;

std::string joined(const std::vector<Value>& values) {
  std::string text;
  for (const Value& value : values) text += (text.empty() ? "" : ",") + value.to_string();
  return page::printable(text, SIZE_MAX);
}

// Without the bytes of a UTF-8 character at the end of which some are missing.
std::string_view whole_characters(std::string_view text) {
  for (std::size_t back = 1; back <= 3 && back <= text.size(); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if (byte < 0x80) break;
    const std::size_t length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 0;
    if (length != 0) return length > back ? text.substr(0, text.size() - back) : text;
  }
  return text;
}

// "NO,Oslo,42", "NO,Os..." for a cut one; bytes that do not decode are shown as they are.
std::string shown_key(std::string_view key) {
  const Result<KeyParts> parts = decode_key_parts(key);
  return parts.ok() ? joined(parts->values) + (parts->whole ? "" : "...") : page::printable(key, SIZE_MAX);
}

std::string shown_row(std::string_view row) {
  const Result<std::vector<Value>> values = decode_row(row);
  return values.ok() ? joined(*values) : page::printable(row, SIZE_MAX);
}

// What the caller left open: keyspaces with columns show their values, others bytes.
void complete(btree::Text& text, const Schema& schema) {
  if (!text.key && !schema.key_columns.empty()) text.key = shown_key;
  if (!text.value && !schema.plain()) text.value = shown_row;
}

// A page, and where its newest image lies.
struct PageImage {
  std::vector<std::byte> bytes;
  space::Entry entry;
};

Result<PageImage> read_page(const Database& database, std::uint64_t page) {
  DatabaseState& state = *database.impl()->state;
  QUIRE_ASSIGN(const Visit visit, Visit::begin(state));
  engine::Engine& engine = visit.engine();
  const PageId id{page};
  PageImage image;
  QUIRE_TRY(engine.undisturbed(state.lock_timeout_us, [&]() -> Status {
    const std::uint64_t limit = engine.table().next_page().raw;
    if (page == 0 || page >= limit) {
      return Status(Code::not_found, "there is no page " + std::to_string(page) + "; page numbers run from 1 to " + std::to_string(limit - 1));
    }
    QUIRE_ASSIGN(image.entry, engine.table().entry(id));
    if (image.entry.free()) return Status(Code::not_found, "page " + std::to_string(page) + " is free");
    QUIRE_ASSIGN(const buffer::ReadPage bytes, engine.pool().read(id));
    image.bytes.assign(bytes.bytes().begin(), bytes.bytes().end());
    return Status();
  }));
  return image;
}

// The keyspace whose tree a page belongs to, empty for the catalog's; completes how its keys are shown.
std::string owner_of(engine::Engine& engine, Bytes page, const TextOf& text_of, btree::Text& text) {
  const TreeId tree = page::tree_of(page.data());
  const std::shared_ptr<const catalog::Catalog> now = engine.catalog();
  for (const auto& [name, record] : now->keyspaces) {
    if (record.tree != tree) continue;
    if (text_of) text = text_of(record.schema);
    complete(text, record.schema);
    return name;
  }
  return {};
}

std::string title_of(const PageImage& image, std::uint64_t page, const std::string& keyspace) {
  std::string title = "page " + std::to_string(page) + ", " + std::string(page::page_type_name(page::type_of(image.bytes.data())));
  if (!keyspace.empty()) title += " of keyspace " + page::printable(keyspace, SIZE_MAX);
  return title + ", block " + std::to_string(image.entry.block().raw) + ", " + std::to_string(image.entry.blocks()) + " blocks";
}

std::string page_ids(Bytes page) {
  const std::uint32_t count = std::min(overflow::index_field::count.get(page.data()), overflow::ids_per_index(static_cast<std::uint32_t>(page.size())));
  std::string text = "data pages:";
  for (std::uint32_t i = 0; i < count; ++i) text += " " + std::to_string(overflow::index_entry(page.data(), i).raw);
  return text + "\n";
}

// Calls `look` with the tree of a keyspace while no other thread writes.
Status look_at(const Database& database, std::string_view keyspace, const std::function<Status(const btree::Tree&, const Schema&)>& look) {
  DatabaseState& state = *database.impl()->state;
  QUIRE_ASSIGN(const Visit visit, Visit::begin(state));
  return visit.engine().undisturbed(state.lock_timeout_us, [&]() -> Status {
    QUIRE_ASSIGN(const catalog::KeyspaceRecord record, visit.find(keyspace));
    return look(visit.engine().tree(record), record.schema);
  });
}

}  // namespace

Result<KeyParts> decode_key_parts(std::string_view key) {
  Result<std::vector<Value>> whole = decode_key(key);
  if (whole.ok()) return KeyParts{std::move(whole).value(), true};
  // Zeros end a text that was cut and fill up a number that was.
  std::string filled(key);
  for (std::size_t i = 0; i < cut_bytes_max; ++i) {
    filled += '\0';
    Result<std::vector<Value>> values = decode_key(filled);
    if (!values.ok()) continue;
    KeyParts parts{std::move(values).value(), false};
    if (!parts.values.empty() && parts.values.back().type() == Type::text) parts.values.back() = Value(whole_characters(parts.values.back().text()));
    return parts;
  }
  // A number may be cut where no zero can stand; then the columns before it are what is known.
  for (std::size_t i = 1; i <= cut_bytes_max && i < key.size(); ++i) {
    Result<std::vector<Value>> values = decode_key(key.substr(0, key.size() - i));
    if (values.ok()) return KeyParts{std::move(values).value(), false};
  }
  return whole.status();
}

Result<btree::TreePicture> picture_tree(const Database& database, std::string_view keyspace, btree::PictureOptions options) {
  btree::TreePicture drawn;
  QUIRE_TRY(look_at(database, keyspace, [&](const btree::Tree& tree, const Schema& schema) -> Status {
    complete(options.text, schema);
    QUIRE_ASSIGN(drawn, btree::picture(tree, options));
    return Status();
  }));
  drawn.name = keyspace;
  return drawn;
}

Result<std::string> dump_tree(const Database& database, std::string_view keyspace, btree::Text text) {
  std::string dump;
  QUIRE_TRY(look_at(database, keyspace, [&](const btree::Tree& tree, const Schema& schema) -> Status {
    complete(text, schema);
    QUIRE_ASSIGN(dump, btree::dump(tree, text));
    return Status();
  }));
  return dump;
}

Result<std::string> describe_page(const Database& database, std::uint64_t page, const TextOf& text_of) {
  QUIRE_ASSIGN(const Visit visit, Visit::begin(*database.impl()->state));
  QUIRE_ASSIGN(const PageImage image, read_page(database, page));
  const std::vector<std::byte>& bytes = image.bytes;
  btree::Text text;
  const std::string keyspace = owner_of(visit.engine(), bytes, text_of, text);
  std::string out = title_of(image, page, keyspace) + "\n" + page::describe_fields(page::header_layout, bytes);
  const btree::PagePicture picture = btree::picture_page(bytes, text);
  switch (page::type_of(bytes.data())) {
    case page::PageType::leaf:
    case page::PageType::inner: return out + btree::describe_node(bytes, text) + btree::map_text(picture);
    case page::PageType::overflow_index: return out + page::describe_fields(overflow::index_layout, bytes) + page_ids(bytes) + btree::map_text(picture);
    default: return out + btree::map_text(picture) + btree::hex_dump(bytes);
  }
}

Result<btree::PagePicture> picture_page(const Database& database, std::uint64_t page, const TextOf& text_of) {
  QUIRE_ASSIGN(const Visit visit, Visit::begin(*database.impl()->state));
  QUIRE_ASSIGN(const PageImage image, read_page(database, page));
  btree::Text text;
  const std::string keyspace = owner_of(visit.engine(), image.bytes, text_of, text);
  btree::PagePicture picture = btree::picture_page(image.bytes, text);
  picture.page = page;
  picture.keyspace = keyspace;
  picture.block = image.entry.block().raw;
  picture.blocks = image.entry.blocks();
  return picture;
}

Result<std::string> page_title(const Database& database, std::uint64_t page) {
  QUIRE_ASSIGN(const Visit visit, Visit::begin(*database.impl()->state));
  QUIRE_ASSIGN(const PageImage image, read_page(database, page));
  btree::Text text;
  return title_of(image, page, owner_of(visit.engine(), image.bytes, {}, text));
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
