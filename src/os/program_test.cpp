// Programs: input and output of any size, exit codes, and what happens when there is no such program.
#include "os/program.hpp"

#include <gtest/gtest.h>

namespace quire::os {
namespace {

TEST(run_program, gives_input_and_takes_output_of_any_size) {
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, std::size_t{3'000'000}}) {
    std::string input;
    for (std::size_t i = 0; i < bytes; ++i) input += static_cast<char>(i * 7 % 251);
    const Result<ProgramResult> result = run_program({"cat"}, input);
    ASSERT_TRUE(result.ok()) << result.status().to_string();
    EXPECT_EQ(result->exit_code, 0);
    EXPECT_TRUE(result->output == input) << bytes;
  }
}

TEST(run_program, survives_a_program_that_does_not_read) {
  const Result<ProgramResult> result = run_program({"true"}, std::string(3'000'000, 'x'));
  ASSERT_TRUE(result.ok()) << result.status().to_string();
  EXPECT_EQ(result->exit_code, 0);
}

TEST(run_program, tells_exit_codes_signals_and_errors) {
  EXPECT_EQ(run_program({"sh", "-c", "echo out; echo problem >&2; exit 7"}, "")->exit_code, 7);
  EXPECT_EQ(run_program({"sh", "-c", "echo out; echo problem >&2"}, "")->errors, "problem\n");
  EXPECT_EQ(run_program({"sh", "-c", "kill -9 $$"}, "")->exit_code, 128 + 9);
}

TEST(run_program, gives_words_as_they_are) {
  EXPECT_EQ(run_program({"printf", "%s|", "a b", "$HOME", "*", "'"}, "")->output, "a b|$HOME|*|'|");
}

TEST(run_program, says_when_there_is_no_such_program) {
  EXPECT_EQ(run_program({"quire-no-such-program"}, ""), Code::not_found);
}

}  // namespace
}  // namespace quire::os
