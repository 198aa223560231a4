// fork() after open: the child's use is an error and harms nothing.
//
// Goal     a child that runs destructors or calls does not touch the parent's file
// Method   fork with an open database, use and destroy it in the child, go on in the parent, reopen and verify
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "quire/database.hpp"

namespace quire::test {
namespace {

TEST(fork_after_open, gives_the_child_an_error_and_leaves_the_file_alone) {
  const std::string path = "fork_after_open.qdb";
  std::filesystem::remove(path);
  {
    auto database = std::make_unique<Database>(Database::open(path).value());
    ASSERT_TRUE(database->keyspace()->put("before", "1").ok());
    int go[2];
    ASSERT_EQ(pipe(go), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      char byte = 0;
      const bool told = read(go[0], &byte, 1) == 1;
      const Status used = database->update([](Transaction& tx) { return tx.put("default", "child", "1"); });
      database.reset();
      _exit(told && used == Code::invalid ? 0 : 1);
    }
    // The parent's file grows beyond what the child knows of.
    ASSERT_TRUE(database->keyspace()->put("large", std::string(3'000'000, 'x')).ok());
    ASSERT_EQ(write(go[1], "x", 1), 1);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(WEXITSTATUS(status), 0);
    close(go[0]);
    close(go[1]);
    EXPECT_TRUE(database->keyspace()->put("after", "1").ok());
  }
  Result<Database> again = Database::open(path);
  ASSERT_TRUE(again.ok()) << again.status().to_string();
  EXPECT_TRUE(again->verify().ok());
  EXPECT_EQ(again->keyspace()->get("large")->size(), 3'000'000u);
  EXPECT_EQ(*again->keyspace()->count(), 3u);
}

}  // namespace
}  // namespace quire::test
