// Numbers that a caller of the tests may set, such as how many seeds to run.
#pragma once

#include <cstdint>

namespace quire::test {

// The number in the environment variable, or `otherwise`.
std::uint64_t number_from_environment(const char* variable, std::uint64_t otherwise);

}  // namespace quire::test
