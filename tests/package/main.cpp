// A stranger's program against the installed library: open, put, get.
#include <quire/database.hpp>

int main(int count, char** words) {
  quire::Result<quire::Database> database = quire::Database::open(count > 1 ? words[1] : "consumer.qdb");
  if (!database.ok()) return 1;
  quire::Status done = database->update([](quire::Transaction& tx) { return tx.put("default", "key", "value"); });
  quire::Result<quire::Keyspace> keyspace = database->keyspace();
  if (!done.ok() || !keyspace.ok()) return 2;
  quire::Result<std::string> value = keyspace->get("key");
  return value.ok() && *value == "value" ? 0 : 3;
}
