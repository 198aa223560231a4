// Cursor and Scan: walking the entries of a keyspace in key order.
//
// Threads   of their transaction: one thread at a time
// Lifetime  a cursor must not be used after its transaction has ended (`invalid`); the views it hands out live
//           until it moves, its transaction changes something, or it is destroyed
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "quire/range.hpp"
#include "quire/status.hpp"

namespace quire {

// A position in a keyspace. Every move returns ok when the cursor stands on an entry afterwards, not_found
// when there is no such entry (it then stands nowhere), or a failure:
//
//   for (quire::Status at = cursor.first(); at.ok(); at = cursor.next()) use(cursor.key());
//
// A cursor of a write transaction sees that transaction's changes, also those made after it was opened.
class Cursor {
 public:
  Cursor(Cursor&&) noexcept;
  Cursor& operator=(Cursor&&) noexcept;
  ~Cursor();

  Status first();
  Status last();
  Status seek(std::string_view key);     // exactly this key
  Status seek_ge(std::string_view key);  // the first key at or after it
  Status seek_le(std::string_view key);  // the last key at or before it
  Status next();                         // invalid when the cursor stands nowhere
  Status prev();

  bool valid() const noexcept;
  // Only when valid().
  std::string_view key() const;
  // Reads the value, which for a large one costs reads of its own. Only when valid().
  Result<std::string_view> value();

  struct Impl;

 private:
  friend class Transaction;
  friend class Scan;
  explicit Cursor(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

struct ScanOptions {
  bool reverse = false;    // from the last key down
  bool keys_only = false;  // do not read values; Entry::value is empty
  std::uint64_t limit = std::numeric_limits<std::uint64_t>::max();
};

struct Entry {
  std::string_view key;
  std::string_view value;
};

// The entries of a range, once, for range-for. A failure ends the loop; status() tells.
//
//   quire::Scan scan = tx.scan("cities", quire::Range::prefix("NO"));
//   for (const quire::Entry& entry : scan) use(entry.key, entry.value);
//   if (!scan.status().ok()) ...
class Scan {
 public:
  class Iterator {
   public:
    using value_type = Entry;
    using difference_type = std::ptrdiff_t;
    const Entry& operator*() const { return *scan_->current_; }
    const Entry* operator->() const { return scan_->current_; }
    Iterator& operator++() {
      scan_->advance();
      return *this;
    }
    void operator++(int) { scan_->advance(); }
    friend bool operator==(const Iterator& i, std::default_sentinel_t) { return i.finished(); }

   private:
    friend class Scan;
    explicit Iterator(Scan* scan) : scan_(scan) {}
    bool finished() const { return scan_->done_; }
    Scan* scan_;
  };

  Scan(Scan&&) noexcept;
  Scan& operator=(Scan&&) = delete;
  ~Scan();

  Iterator begin();
  std::default_sentinel_t end() const noexcept { return {}; }

  // ok after a loop that saw every entry asked for.
  const Status& status() const noexcept { return status_; }

 private:
  friend class Transaction;
  Scan(Result<Cursor> cursor, Range range, ScanOptions options);
  void advance() {
    if (left_ == 0 || !*active_) {
      find_more();
    } else {
      ++current_;
      --left_;
    }
  }
  void find_more();
  void accept(Status moved);

  std::optional<Cursor> cursor_;
  Range range_;
  ScanOptions options_;
  Status status_;
  std::vector<Entry> found_;         // what is handed out next
  const Entry* current_ = nullptr;   // in found_
  std::size_t left_ = 0;             // entries of found_ behind the current one
  std::uint64_t seen_ = 0;           // entries of the range, up to the end of found_
  const bool* active_ = nullptr;     // of the transaction
  bool last_ = false;                // nothing of the range comes after found_
  bool done_ = false;
};

}  // namespace quire
