// Bulk import: a hundred thousand rows in one transaction, and a look at the tree they make.
//
//   example_bulk_import [FILE [ROWS]]
//
// The changes of a transaction are held in memory until its commit, so memory_limit bounds its size.
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

// A made-up city: country, name, number. The same numbers give the same city.
std::string city_key(std::uint64_t i) {
  static const char* const countries[] = {"DE", "FR", "IT", "NO", "SE"};
  static const char* const syllables[] = {"ber", "gen", "os", "lo", "ma", "ri", "tor", "vik"};
  std::string name;
  for (std::uint64_t n = i * 2654435761u % 4096; name.size() < 6; n /= 8) name += syllables[n % 8];
  return quire::encode_key({countries[i % 5], name, i});
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t rows = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 100000;
  auto db = quire::Database::open(argc > 1 ? argv[1] : "bulk_import.qdb");
  require(db.status());
  // Importing again replaces everything, in the same transaction.
  require(db->update([&](quire::Transaction& tx) {
    quire::Status status = tx.drop_keyspace("cities");
    if (status.ok() || status == quire::Code::not_found) {
      status = tx.create_keyspace("cities", {{"country", "name", "id"}, {"population", "capital"}});
    }
    for (std::uint64_t i = 0; status.ok() && i < rows; ++i) {
      status = tx.put("cities", city_key(i), quire::encode_row({i * 7919 % 1000000, i % 1000 == 0}));
    }
    return status;
  }));
  auto tree = db->tree_statistics("cities");
  require(tree.status());
  std::printf("%llu rows in %llu leaf pages, height %u, leaves %.0f %% full\n", static_cast<unsigned long long>(tree->rows),
              static_cast<unsigned long long>(tree->leaf_pages), tree->height, tree->leaf_fill * 100);
  require(db->verify().status());
  return tree->rows == rows ? 0 : 1;
}
