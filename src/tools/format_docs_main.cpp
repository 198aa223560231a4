// format_docs: writes the documents of the file format into a folder (./dev docs).
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "tools/format_docs.hpp"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: format_docs FOLDER\n", stderr);
    return 64;
  }
  std::error_code error;
  std::filesystem::create_directories(argv[1], error);
  for (const quire::tools::FormatPage& page : quire::tools::format_pages()) {
    std::ofstream file(std::filesystem::path(argv[1]) / page.file, std::ios::binary);
    file << page.text;
    if (!file.flush()) {
      std::fprintf(stderr, "format_docs: cannot write %s/%s\n", argv[1], page.file.c_str());
      return 1;
    }
  }
  return 0;
}
