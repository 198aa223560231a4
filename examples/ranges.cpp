// Ranges: typed composite keys, and walking prefixes and intervals both ways.
//
//   example_ranges [FILE]
#include <cstdio>
#include <cstdlib>

#include "quire/database.hpp"
#include "quire/key.hpp"

namespace {

void require(const quire::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.to_string().c_str());
  std::exit(1);
}

// Prints "country city population" of a range and gives the number of lines.
int list(quire::Database& db, const char* title, const quire::Range& range, bool reverse) {
  int lines = 0;
  std::printf("%s\n", title);
  require(db.view([&](quire::Transaction& tx) -> quire::Status {
    quire::Scan scan = tx.scan("cities", range, {.reverse = reverse});
    for (const quire::Entry& entry : scan) {
      auto key = quire::decode_key(entry.key);
      auto row = quire::decode_row(entry.value);
      if (!key.ok()) return key.status();
      if (!row.ok()) return row.status();
      std::printf("  %s %s %s\n", (*key)[0].to_string().c_str(), (*key)[1].to_string().c_str(), (*row)[0].to_string().c_str());
      ++lines;
    }
    return scan.status();
  }));
  return lines;
}

}  // namespace

int main(int argc, char** argv) {
  auto db = quire::Database::open(argc > 1 ? argv[1] : "ranges.qdb");
  require(db.status());
  if (auto made = db->create_keyspace("cities", {{"country", "name"}, {"population"}}); made != quire::Code::exists) require(made);
  require(db->update([](quire::Transaction& tx) {
    quire::Status put = tx.put("cities", quire::encode_key({"NO", "Oslo"}), quire::encode_row({709037}));
    if (put.ok()) put = tx.put("cities", quire::encode_key({"NO", "Bergen"}), quire::encode_row({291940}));
    if (put.ok()) put = tx.put("cities", quire::encode_key({"SE", "Malmö"}), quire::encode_row({357377}));
    if (put.ok()) put = tx.put("cities", quire::encode_key({"DK", "Odense"}), quire::encode_row({183763}));
    return put;
  }));
  // The key of the first columns is a prefix of exactly the keys that begin with them.
  const quire::Range norway = quire::Range::prefix(quire::encode_key({"NO"}));
  if (list(*db, "Norway", norway, false) != 2) return 1;
  if (list(*db, "Norway, from the end", norway, true) != 2) return 1;
  return list(*db, "From Norway on", quire::Range::from(quire::encode_key({"NO"})), false) == 3 ? 0 : 1;
}
