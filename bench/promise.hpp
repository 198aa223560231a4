// What a commit promises to survive.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace quire::bench {

// From the strongest on. A number with a stronger promise may stand in for a weaker one, never the other way round.
enum class Promise : std::uint8_t {
  durable,  // the loss of power
  process,  // the end of the process, however sudden; not that of power
  lazy,     // neither, for the commits of the last 10 ms or so
};

inline constexpr std::array all_promises{Promise::durable, Promise::process, Promise::lazy};

constexpr std::string_view promise_name(Promise promise) noexcept {
  switch (promise) {
    case Promise::durable: return "durable";
    case Promise::process: return "process";
    case Promise::lazy: return "lazy";
  }
  return "";
}

}  // namespace quire::bench
