// Status: names of codes, copies, and the text form.
#include "quire/status.hpp"

#include <cstdio>
#include <cstdlib>

namespace quire {

std::string_view code_name(Code code) noexcept {
  switch (code) {
    case Code::ok: return "ok";
    case Code::not_found: return "not_found";
    case Code::exists: return "exists";
    case Code::busy: return "busy";
    case Code::conflict: return "conflict";
    case Code::deadlock: return "deadlock";
    case Code::timeout: return "timeout";
    case Code::snapshot_too_old: return "snapshot_too_old";
    case Code::constraint: return "constraint";
    case Code::limit: return "limit";
    case Code::full: return "full";
    case Code::no_memory: return "no_memory";
    case Code::io: return "io";
    case Code::corrupt: return "corrupt";
    case Code::unclean: return "unclean";
    case Code::poisoned: return "poisoned";
    case Code::unknown_outcome: return "unknown_outcome";
    case Code::read_only: return "read_only";
    case Code::interrupted: return "interrupted";
    case Code::invalid: return "invalid";
    case Code::unsupported: return "unsupported";
  }
  return "unknown code";
}

Status::Status(Code code, std::string message)
    : code_(code), message_(message.empty() ? nullptr : std::make_unique<const std::string>(std::move(message))) {}

Status::Status(const Status& other)
    : code_(other.code_), message_(other.message_ ? std::make_unique<const std::string>(*other.message_) : nullptr) {}

Status& Status::operator=(const Status& other) {
  if (this != &other) {
    code_ = other.code_;
    message_ = other.message_ ? std::make_unique<const std::string>(*other.message_) : nullptr;
  }
  return *this;
}

std::string Status::to_string() const {
  std::string text(code_name(code_));
  if (message_) text += ": " + *message_;
  return text;
}

namespace internal {

void stop_on_failed_result(const Status& status) {
  std::fprintf(stderr, "Quire: value() of a failed Result: %s\n", status.to_string().c_str());
  std::abort();
}

}  // namespace internal

}  // namespace quire
