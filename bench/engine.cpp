// The list of engines: see engine.hpp.
#include "bench/engine.hpp"

namespace quire::bench {

std::string_view promise_name(Promise promise) noexcept { return promise == Promise::durable ? "durable" : "no sync"; }

#ifndef QUIRE_HAVE_LMDB
std::vector<EngineKind> lmdb_kinds() { return {}; }
#endif
#ifndef QUIRE_HAVE_SQLITE
std::vector<EngineKind> sqlite_kinds() { return {}; }
#endif

std::vector<EngineKind> engine_kinds() {
  std::vector<EngineKind> all;
  for (auto* list : {&quire_kinds, &lmdb_kinds, &sqlite_kinds}) {
    for (EngineKind& kind : list()) all.push_back(std::move(kind));
  }
  return all;
}

}  // namespace quire::bench
