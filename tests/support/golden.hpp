// Golden files: expected output that lies in a testdata folder beside the code.
//
//   EXPECT_EQ(quire::test::golden_difference("src/btree/testdata/append.txt", text), "");
//
// With QUIRE_GOLDEN=rewrite in the environment (./dev golden) the file is written instead of compared.
//
// Threads   one
#pragma once

#include <string>
#include <string_view>

namespace quire::test {

// Empty when the file holds exactly `actual`, else what differs first. The path is relative to the source tree.
std::string golden_difference(const std::string& path, std::string_view actual);

}  // namespace quire::test
