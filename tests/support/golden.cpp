// Golden files: comparing and rewriting.
#include "support/golden.hpp"

#include <algorithm>
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace quire::test {

namespace {

bool rewriting() {
  const char* mode = std::getenv("QUIRE_GOLDEN");
  return mode != nullptr && std::string_view(mode) == "rewrite";
}

std::string line_at(std::string_view text, std::size_t offset) {
  const std::size_t before = offset == 0 ? std::string_view::npos : text.rfind('\n', offset - 1);
  const std::size_t begin = before == std::string_view::npos ? 0 : before + 1;
  return std::string(text.substr(begin, text.find('\n', begin) - begin));
}

}  // namespace

std::string golden_difference(const std::string& path, std::string_view actual) {
  const std::filesystem::path file = std::filesystem::path(QUIRE_SOURCE_DIR) / path;
  if (rewriting()) {
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << actual;
    return "";
  }
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return path + " does not exist; ./dev golden writes it";
  std::ostringstream read;
  read << stream.rdbuf();
  const std::string expected = read.str();
  if (expected == actual) return "";
  std::size_t same = 0;
  while (same < expected.size() && same < actual.size() && expected[same] == actual[same]) ++same;
  const auto line = 1 + std::count(expected.begin(), expected.begin() + static_cast<std::ptrdiff_t>(same), '\n');
  return path + ":" + std::to_string(line) + ": expected '" + line_at(expected, same) + "', got '" + line_at(actual, same) + "'";
}

}  // namespace quire::test
