// Registry: the map from file identity to engine.
//
// No mutex is held while a file is opened or closed: a path that is being opened, and an engine that is being
// closed, are marked, and whoever needs them waits for the mark to go.
#include "engine/registry.hpp"

#include <map>
#include <optional>
#include <set>

#include "base/try.hpp"

namespace quire::engine {

namespace {

// Identities are unique within one file system only.
struct Key {
  const os::FileSystem* files;
  os::FileIdentity identity;
  friend auto operator<=>(const Key&, const Key&) = default;
};

// A path on its way to being open.
using Place = std::pair<const os::FileSystem*, std::string>;

struct Registry {
  os::Mutex mutex;
  os::Condition changed;
  std::set<Place> opening QUIRE_GUARDED_BY(mutex);
  std::map<Key, std::weak_ptr<Engine>> engines QUIRE_GUARDED_BY(mutex);
};

Registry& registry() {
  static Registry* const instance = new Registry;  // lives as long as any engine may
  return *instance;
}

// Runs when the last handle goes: closes, then lets the next open have the file.
struct Closer {
  std::shared_ptr<Engine> engine;
  Key key;
  void operator()(Engine*) {
    engine.reset();
    Registry& all = registry();
    {
      os::Lock lock(all.mutex);
      all.engines.erase(key);
    }
    all.changed.notify_all();
  }
};

// Opens of one path come one after the other, so that two of them share one engine.
class Opening {
 public:
  explicit Opening(Place place) : place_(std::move(place)) {
    Registry& all = registry();
    os::Lock lock(all.mutex);
    while (!all.opening.insert(place_).second) all.changed.wait(all.mutex);
  }
  Opening(const Opening&) = delete;
  Opening& operator=(const Opening&) = delete;
  ~Opening() {
    Registry& all = registry();
    {
      os::Lock lock(all.mutex);
      all.opening.erase(place_);
    }
    all.changed.notify_all();
  }

 private:
  const Place place_;
};

// The engine of a file that is open in this process already; null when there is none.
Result<std::shared_ptr<Engine>> find_open(const Key& key) {
  Registry& all = registry();
  os::Lock lock(all.mutex);
  for (;;) {
    const auto found = all.engines.find(key);
    if (found == all.engines.end()) return std::shared_ptr<Engine>();
    std::shared_ptr<Engine> engine = found->second.lock();
    // In a child of fork() the parent's engine is in the map, but it is not the child's.
    if (engine != nullptr) return engine->ours() ? engine : nullptr;
    all.changed.wait(all.mutex);
  }
}

}  // namespace

Result<std::shared_ptr<Engine>> open_shared(os::Environment& environment, const std::string& path, const Options& options) {
  QUIRE_ASSIGN(const std::string resolved, environment.files.resolve(path));
  const Opening opening({&environment.files, resolved});
  QUIRE_ASSIGN(const bool there, environment.files.exists(resolved));
  std::optional<Opening> same_file;
  if (there) {
    os::FileIdentity identity;
    {
      QUIRE_ASSIGN(std::unique_ptr<os::File> file, environment.files.open(resolved, {}));
      identity = file->identity();
    }
    // Another name of the same file may be on its way too.
    same_file.emplace(Place{&environment.files, "inode " + std::to_string(identity.device) + " " + std::to_string(identity.inode)});
    QUIRE_ASSIGN(std::shared_ptr<Engine> engine, find_open({&environment.files, identity}));
    if (engine != nullptr) {
      if (engine->read_only() && options.mode != Mode::read_only) {
        return Status(Code::busy, resolved + " is open in this process for reading only; close that handle first");
      }
      return engine;
    }
  }
  QUIRE_ASSIGN(std::shared_ptr<Engine> opened, Engine::open(environment, resolved, options));
  const Key key{&environment.files, opened->identity()};
  Engine* const raw = opened.get();
  std::shared_ptr<Engine> shared(raw, Closer{std::move(opened), key});
  Registry& all = registry();
  os::Lock lock(all.mutex);
  all.engines[key] = shared;
  return shared;
}

}  // namespace quire::engine
