// Status and Result: how every call of Quire reports what happened.
//
// Nothing in the public interface throws. A call that can fail returns a Status, or a Result<T> that
// holds either a T or a Status. Both are [[nodiscard]]: ignoring one is a compiler warning.
//
// Threads   values; use one object from one thread at a time
// Errors    the code tells a program what to do, the message tells a person what, where and what was expected
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace quire {

// What kind of outcome a call had. The numbers are stable.
enum class Code : std::uint8_t {
  ok = 0,
  not_found = 1,          // no such key, keyspace or file
  exists = 2,             // insert of a key, or creation of a thing, that is already there
  busy = 3,               // another process or transaction holds what is needed
  conflict = 4,           // another transaction changed the same row first
  deadlock = 5,           // chosen as the victim of a deadlock
  timeout = 6,            // waited longer than the configured limit
  snapshot_too_old = 7,   // the versions this snapshot needs were given up
  constraint = 8,         // a declared constraint refused the change
  limit = 9,              // an argument is beyond a documented limit
  full = 10,              // the disk or the quota is full
  no_memory = 11,         // Options::memory_limit or the machine's memory is used up
  io = 12,                // the operating system reported an error
  corrupt = 13,           // the file is damaged, or is not a Quire file
  unclean = 14,           // the file needs recovery, which this mode of opening does not do
  poisoned = 15,          // an earlier failure left this handle unusable; reopen the database
  unknown_outcome = 16,   // the commit may or may not have happened; reopening tells
  read_only = 17,         // a change was asked of something opened for reading
  interrupted = 18,       // stopped on request
  invalid = 19,           // wrong use: empty key, closed handle, nested transaction
  unsupported = 20,       // a newer file format, or a feature this build lacks
};

// The code's name as it is written above, for example "not_found". Never null, never freed.
std::string_view code_name(Code code) noexcept;

// The outcome of a call: ok, or a code with a message.
// Owns its message. 16 bytes; an ok or message-less status allocates nothing.
class [[nodiscard]] Status {
 public:
  Status() noexcept = default;
  explicit Status(Code code) noexcept : code_(code) {}
  Status(Code code, std::string message);

  Status(const Status& other);
  Status(Status&& other) noexcept = default;
  Status& operator=(const Status& other);
  Status& operator=(Status&& other) noexcept = default;
  ~Status() = default;

  bool ok() const noexcept { return code_ == Code::ok; }
  explicit operator bool() const noexcept { return ok(); }
  Code code() const noexcept { return code_; }

  // What went wrong, where, and what was expected. Empty when there is nothing to add to the code.
  // The view lives as long as this status is neither changed nor destroyed.
  std::string_view message() const noexcept { return message_ ? std::string_view(*message_) : std::string_view(); }

  // "ok", "not_found", or "corrupt: page 17 ...".
  std::string to_string() const;

  friend bool operator==(const Status& status, Code code) noexcept { return status.code_ == code; }

 private:
  Code code_ = Code::ok;
  std::unique_ptr<const std::string> message_;
};

// A T, or the status that says why there is none.
// value() and * may only be used when ok(); otherwise the program is stopped with the status on stderr.
template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : value_(std::move(value)) {}  // NOLINT: conversion is the point
  Result(Status status) : status_(std::move(status)) { refuse_ok(); }  // NOLINT
  Result(Code code) : status_(code) { refuse_ok(); }  // NOLINT

  bool ok() const noexcept { return value_.has_value(); }
  explicit operator bool() const noexcept { return ok(); }
  Code code() const noexcept { return ok() ? Code::ok : status_.code(); }
  std::string_view message() const noexcept { return status_.message(); }

  // The failure, or an ok status.
  const Status& status() const& noexcept { return status_; }
  Status status() && noexcept { return std::move(status_); }

  T& value() & { require(); return *value_; }
  const T& value() const& { require(); return *value_; }
  T value() && { require(); return std::move(*value_); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T operator*() && { return std::move(*this).value(); }
  T* operator->() { require(); return &*value_; }
  const T* operator->() const { require(); return &*value_; }
  T value_or(T other) && { return ok() ? std::move(*value_) : std::move(other); }

  friend bool operator==(const Result& result, Code code) noexcept { return result.code() == code; }

 private:
  void require() const;
  void refuse_ok();

  std::optional<T> value_;
  Status status_;
};

namespace internal {
// Prints "Quire: value() of a failed Result: <status>" and stops the program.
[[noreturn]] void stop_on_failed_result(const Status& status);
}  // namespace internal

template <class T>
void Result<T>::require() const {
  if (!value_.has_value()) internal::stop_on_failed_result(status_);
}

template <class T>
void Result<T>::refuse_ok() {
  if (status_.ok()) status_ = Status(Code::invalid, "a Result was made from an ok Status, so it has no value");
}

}  // namespace quire
