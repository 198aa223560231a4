// Progress of long work, as one line that is written over again and again on a terminal.
//
// Appears only when the work takes longer than a moment, and is wiped before anything else is printed.
//
// Threads   one thread at a time
#pragma once

#include <cstdint>
#include <ostream>
#include <string>

#include "os/environment.hpp"

namespace quire::shell {

struct ProgressState {
  std::string what;               // "importing cities.csv"
  std::uint64_t rows = 0;         // 0: not counted
  std::uint64_t bytes = 0;
  std::uint64_t bytes_total = 0;  // 0: unknown
  std::uint64_t time_us = 0;
};

// One line of at most `columns` columns; what matters least is left out first.
std::string progress_line(const ProgressState& state, unsigned columns);

class Progress {
 public:
  static constexpr std::uint64_t moment_us = 150'000;

  // The stream outlives the progress. Does nothing when not enabled.
  Progress(std::ostream& stream, bool enabled, unsigned columns, std::string what, std::uint64_t bytes_total, std::uint64_t first_show_us = moment_us);
  ~Progress() { finish(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Cheap enough for every row.
  void update(std::uint64_t rows, std::uint64_t bytes);
  // Of work that counts no rows, and whose total may change. Reads the clock.
  void update_bytes(std::uint64_t bytes, std::uint64_t bytes_total);
  // A word for work whose end is not known, such as "committing".
  void phase(std::string what);
  void finish();

  std::uint64_t time_us() const { return clock_.monotonic_us() - start_us_; }

 private:
  void show_when_due();
  void show();

  std::ostream& stream_;
  bool enabled_;
  unsigned columns_;
  os::Clock& clock_;
  ProgressState state_;
  std::uint64_t start_us_;
  std::uint64_t next_us_;
  std::uint64_t next_row_ = 0;
  bool shown_ = false;
};

}  // namespace quire::shell
