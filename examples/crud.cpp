// Create, read, update, delete: a keyspace of people, with transactions.
//
//   example_crud [FILE]
#include <cstdio>
#include <cstdlib>

#include "quire/database.hpp"

namespace {

void require(const quire::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.to_string().c_str());
  std::exit(1);
}

// All or nothing: when the function returns a failure, none of its changes happen.
quire::Status rename(quire::Database& db, const std::string& from, const std::string& to) {
  return db.update([&](quire::Transaction& tx) -> quire::Status {
    quire::Result<std::string> person = tx.get("people", from);
    if (!person.ok()) return person.status();
    if (quire::Status status = tx.insert("people", to, *person); !status.ok()) return status;
    return tx.erase("people", from);
  });
}

}  // namespace

int main(int argc, char** argv) {
  auto db = quire::Database::open(argc > 1 ? argv[1] : "crud.qdb");
  require(db.status());
  if (quire::Status status = db->create_keyspace("people"); status != quire::Code::exists) require(status);
  auto people = db->keyspace("people");
  require(people.status());

  require(people->put("ada", "countess, mathematician"));
  require(people->put("grace", "rear admiral, computer scientist"));
  require(people->put("ada", "mathematician"));
  require(rename(*db, "grace", "grace hopper"));
  if (rename(*db, "nobody", "somebody") != quire::Code::not_found) return 1;

  require(db->view([](quire::Transaction& tx) {
    quire::Scan everyone = tx.scan("people");
    for (const quire::Entry& entry : everyone) {
      std::printf("%.*s: %.*s\n", static_cast<int>(entry.key.size()), entry.key.data(),
                  static_cast<int>(entry.value.size()), entry.value.data());
    }
    return everyone.status();
  }));
  require(people->erase("grace hopper"));
  const bool gone = people->get("grace hopper") == quire::Code::not_found;
  require(db->close());
  return gone ? 0 : 1;
}
