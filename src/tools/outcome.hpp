// Outcome: how a command ended, and the exit code of the process that says so.
#pragma once

#include <string>
#include <utility>

#include "quire/status.hpp"

namespace quire::tools {

// What quire exits with. The numbers are stable; 64 is EX_USAGE of sysexits.h.
enum class Exit : int { ok = 0, failed = 1, damaged = 2, busy = 3, usage = 64 };

// A status, and whether the one who wrote the command is wrong rather than the data.
struct [[nodiscard]] Outcome {
  Status status;
  bool usage = false;

  Outcome() = default;
  Outcome(Status s) : status(std::move(s)) {}  // NOLINT: handlers return what a call returned
  static Outcome wrong_usage(Status status) {
    Outcome outcome(std::move(status));
    outcome.usage = true;
    return outcome;
  }
  static Outcome wrong_usage(std::string message) { return wrong_usage(Status(Code::invalid, std::move(message))); }
  bool ok() const noexcept { return status.ok(); }
};

inline Exit exit_code(const Status& status) noexcept {
  switch (status.code()) {
    case Code::ok: return Exit::ok;
    case Code::corrupt: case Code::unclean: case Code::unsupported: return Exit::damaged;
    case Code::busy: return Exit::busy;
    default: return Exit::failed;
  }
}
inline Exit exit_code(const Outcome& outcome) noexcept { return outcome.usage ? Exit::usage : exit_code(outcome.status); }

}  // namespace quire::tools
