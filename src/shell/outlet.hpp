// Outlet: where a session's printer writes. It passes everything on to the shell's printer, or keeps it while the session waits for
// another one and the terminal belongs to somebody else.
//
//   state     open -> close() -> closed -> open_again() -> open
//             open     what is written goes on at once
//             closed   what is written is kept, results and errors in the order in which they came
//
// Threads   the session's thread writes; the shell's opens and closes, at any time
// Errors    a stream that cannot be written fails, as the one behind it has
#pragma once

#include <ostream>
#include <streambuf>
#include <string>
#include <vector>

#include "os/sync.hpp"
#include "tools/printer.hpp"

namespace quire::shell {

class Outlet {
 public:
  // The printer outlives the outlet. Nobody else prints with it while the outlet is open and its session runs.
  explicit Outlet(tools::Printer& printer) : printer_(printer), out_buffer_(*this, Kind::result), error_buffer_(*this, Kind::error) {}
  Outlet(const Outlet&) = delete;
  Outlet& operator=(const Outlet&) = delete;

  std::ostream& out() noexcept { return out_; }
  std::ostream& error() noexcept { return error_; }

  void close() QUIRE_EXCLUDES(mutex_);
  // Passes on what was kept.
  void open_again() QUIRE_EXCLUDES(mutex_);

 private:
  enum class Kind { result, error };
  class Buffer final : public std::streambuf {
   public:
    Buffer(Outlet& outlet, Kind kind) : outlet_(outlet), kind_(kind) {}

   protected:
    std::streamsize xsputn(const char* text, std::streamsize size) override;
    int_type overflow(int_type character) override;
    int sync() override;

   private:
    Outlet& outlet_;
    const Kind kind_;
  };
  struct Kept {
    Kind kind;
    std::string text;
  };

  bool write(Kind kind, std::string_view text) QUIRE_EXCLUDES(mutex_);
  bool flush(Kind kind) QUIRE_EXCLUDES(mutex_);
  void pass_on(Kind kind, std::string_view text) QUIRE_REQUIRES(mutex_);

  os::Mutex mutex_;
  tools::Printer& printer_ QUIRE_GUARDED_BY(mutex_);
  bool closed_ QUIRE_GUARDED_BY(mutex_) = false;
  std::vector<Kept> kept_ QUIRE_GUARDED_BY(mutex_);
  Buffer out_buffer_;
  Buffer error_buffer_;
  std::ostream out_{&out_buffer_};
  std::ostream error_{&error_buffer_};
};

}  // namespace quire::shell
