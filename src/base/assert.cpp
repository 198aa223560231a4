// Assertions: print and stop.
#include "base/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace quire {

void assertion_failed(const char* what, const char* file, int line) noexcept {
  std::fprintf(stderr, "Quire: assertion failed at %s:%d: %s\n", file, line, what);
  std::fflush(stderr);
  std::abort();
}

}  // namespace quire
