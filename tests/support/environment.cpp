// Numbers from the environment.
#include "support/environment.hpp"

#include <cstdlib>

namespace quire::test {

std::uint64_t number_from_environment(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

}  // namespace quire::test
