// The list of engines: see engine.hpp.
#include "bench/engine.hpp"

namespace quire::bench {

void Engine::bulk_load(const Source& source) {
  const std::unique_ptr<Session> loader = session();
  std::string_view key;
  std::string_view value;
  loader->begin(KeyOrder::ascending);
  while (source(key, value)) loader->put(key, value);
  loader->commit();
}

#ifndef QUIRE_HAVE_LMDB
std::vector<EngineKind> lmdb_kinds() { return {}; }
#endif
#ifndef QUIRE_HAVE_SQLITE
std::vector<EngineKind> sqlite_kinds() { return {}; }
#endif
#ifndef QUIRE_HAVE_ROCKSDB
std::vector<EngineKind> rocksdb_kinds() { return {}; }
#endif
#ifndef QUIRE_HAVE_LEVELDB
std::vector<EngineKind> leveldb_kinds() { return {}; }
#endif
#ifndef QUIRE_HAVE_WIREDTIGER
std::vector<EngineKind> wiredtiger_kinds() { return {}; }
#endif

const std::vector<std::string>& engine_columns() {
  static const std::vector<std::string> columns{"quire", "lmdb", "sqlite", "rocksdb", "leveldb", "wiredtiger"};
  return columns;
}

std::vector<EngineKind> engine_kinds() {
  std::vector<EngineKind> all;
  for (auto* list : {&quire_kinds, &lmdb_kinds, &sqlite_kinds, &rocksdb_kinds, &leveldb_kinds, &wiredtiger_kinds}) {
    for (EngineKind& kind : list()) all.push_back(std::move(kind));
  }
  return all;
}

}  // namespace quire::bench
