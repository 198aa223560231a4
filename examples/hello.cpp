// Hello: open a database, put a value, get it back.
#include <cstdio>

#include "quire/database.hpp"

int main(int argc, char** argv) {
  auto db = quire::Database::open(argc > 1 ? argv[1] : "hello.qdb");
  if (!db.ok()) return std::fprintf(stderr, "%s\n", db.status().to_string().c_str()), 1;
  auto greetings = db->keyspace();
  if (!greetings.ok() || !greetings->put("hello", "world").ok()) return 1;
  auto value = greetings->get("hello");
  if (!value.ok()) return 1;
  std::printf("hello %s\n", value->c_str());
}
