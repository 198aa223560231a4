// Descriptor: owns one file descriptor of the operating system and closes it.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <utility>

namespace quire::os {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) noexcept : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() { close(); }

  bool is_open() const noexcept { return number_ >= 0; }
  int number() const noexcept { return number_; }

  // Not repeated when interrupted: Linux has released the number by then, and another thread may own it.
  void close() noexcept {
    if (number_ >= 0) ::close(std::exchange(number_, -1));
  }

 private:
  int number_ = -1;
};

// Calls until the answer is something else than "interrupted by a signal".
template <class Call>
auto retry_interrupted(Call&& call) {
  auto answer = call();
  while (answer == -1 && errno == EINTR) answer = call();
  return answer;
}

}  // namespace quire::os
