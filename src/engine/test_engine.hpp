// Engines in a simulated machine, and rows in and out of them, for the tests of this folder.
//
// Threads   one
#pragma once

#include <map>
#include <string>

#include "base/try.hpp"
#include "btree/cursor.hpp"
#include "engine/registry.hpp"
#include "engine/writer.hpp"
#include "os/sim/sim_environment.hpp"

namespace quire::engine {

inline constexpr const char* test_path = "/data/app.qdb";

using Model = std::map<std::string, std::string>;
using EnginePointer = std::shared_ptr<Engine>;

// Small pages and little memory, so that a run of many opens is quick. Every commit is in the file, unless said otherwise.
inline Options small_options(Mode mode = Mode::create, Journal journal = Journal::copy_on_write) {
  return {.mode = mode, .page_size = 4096, .memory_limit = std::uint64_t{1} << 20, .lock_timeout_ms = 0, .journal = journal};
}

// One commit of rows of the default keyspace; an absent value erases.
inline Status commit_rows(Engine& engine, const std::map<std::string, std::optional<std::string>>& rows) {
  std::optional<Writer> writer;
  QUIRE_TRY(Writer::begin(engine, {}, writer));
  const catalog::KeyspaceRecord record = *writer->catalog().find(default_keyspace);
  for (const auto& [key, value] : rows) {
    QUIRE_TRY(value ? writer->put(record, key, *value).status() : writer->erase(record, key).status());
  }
  return writer->commit();
}

inline Status create_keyspace(Engine& engine, const std::string& name) {
  std::optional<Writer> writer;
  QUIRE_TRY(Writer::begin(engine, {}, writer));
  QUIRE_TRY(writer->create_keyspace(name, {}));
  return writer->commit();
}

inline Result<Model> rows_of(Engine& engine, std::string_view keyspace = default_keyspace) {
  Model rows;
  const std::shared_ptr<const catalog::Catalog> catalog = engine.catalog();
  btree::TreeCursor cursor(engine.tree(*catalog->find(keyspace)));
  std::string value;
  Status at = cursor.first();
  for (; at.ok(); at = cursor.next()) {
    QUIRE_TRY(cursor.read_value(value));
    rows.emplace_hint(rows.end(), cursor.key(), value);
  }
  if (at != Code::not_found) return at;
  return rows;
}

// What the file of a small database holds: some rows over a few leaves, a large value, two keyspaces.
struct SmallDatabase {
  std::string bytes;
  Model rows;
};

inline SmallDatabase make_small_database() {
  os::SimEnvironment machine({.seed = 1});
  SmallDatabase small;
  {
    const EnginePointer engine = open_shared(machine.environment(), test_path, small_options()).value();
    QUIRE_ASSERT(create_keyspace(*engine, "second").ok());
    for (int commit = 0; commit < 3; ++commit) {
      std::map<std::string, std::optional<std::string>> rows;
      for (int i = 0; i < 40; ++i) rows["key" + std::to_string(commit * 30 + i)] = std::string(70, static_cast<char>('a' + commit));
      rows["large"] = std::string(9000, static_cast<char>('A' + commit));
      QUIRE_ASSERT(commit_rows(*engine, rows).ok());
      for (const auto& [key, value] : rows) small.rows[key] = *value;
    }
  }
  small.bytes = machine.files().contents(test_path).value();
  return small;
}

}  // namespace quire::engine
