// Programs on POSIX systems: see program.hpp.
//
// The program's standard input is a socket, so that a program which stops reading makes send() fail instead of
// sending SIGPIPE to this process. Input, output and errors are served together, so neither side waits for the other.
#include "os/program.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include "base/try.hpp"
#include "os/posix/descriptor.hpp"
#include "os/posix/system_error.hpp"

extern char** environ;

namespace quire::os {

namespace {

constexpr std::size_t chunk_bytes = 65536;

struct Ends {
  Descriptor ours;
  Descriptor theirs;
};

Result<Ends> make_ends() {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return system_error(errno, "cannot make a pipe");
  return Ends{Descriptor(pair[0]), Descriptor(pair[1])};
}

// What goes to and comes from a running program.
struct Talk {
  Ends input;
  Ends output;
  Ends errors;

  static Result<Talk> make() {
    QUIRE_ASSIGN(Ends input, make_ends());
    QUIRE_ASSIGN(Ends output, make_ends());
    QUIRE_ASSIGN(Ends errors, make_ends());
    return Talk{std::move(input), std::move(output), std::move(errors)};
  }
};

Result<pid_t> start(const std::vector<std::string>& words, Talk& talk) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  if (const int error = ::posix_spawn_file_actions_init(&actions); error != 0) return system_error(error, "cannot run " + words[0]);
  ::posix_spawn_file_actions_adddup2(&actions, talk.input.theirs.number(), STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, talk.output.theirs.number(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, talk.errors.theirs.number(), STDERR_FILENO);
  pid_t child = 0;
  const int error = ::posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error == ENOENT) return Status(Code::not_found, "there is no program " + words[0] + " in PATH");
  if (error != 0) return system_error(error, "cannot run " + words[0]);
  return child;
}

// Sends what the program takes; closes our end when everything is sent or nothing more is wanted.
void feed(Descriptor& end, std::string_view& input) {
  if (!input.empty()) {
    const ssize_t sent = ::send(end.number(), input.data(), std::min(input.size(), chunk_bytes), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) input.remove_prefix(static_cast<std::size_t>(sent));
    if (sent < 0 && errno != EAGAIN && errno != EINTR) input = {};
  }
  if (input.empty()) end.close();
}

// Appends what has come; closes our end at the program's end of it.
void collect(Descriptor& end, std::string& into) {
  std::array<char, chunk_bytes> chunk;
  const ssize_t got = ::recv(end.number(), chunk.data(), chunk.size(), MSG_DONTWAIT);
  if (got > 0) into.append(chunk.data(), static_cast<std::size_t>(got));
  if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) end.close();
}

void converse(Talk& talk, std::string_view input, ProgramResult& result) {
  while (talk.input.ours.is_open() || talk.output.ours.is_open() || talk.errors.ours.is_open()) {
    // poll passes over negative numbers, which are closed ends.
    std::array<struct pollfd, 3> wait = {{{talk.input.ours.number(), POLLOUT, 0},
                                          {talk.output.ours.number(), POLLIN, 0},
                                          {talk.errors.ours.number(), POLLIN, 0}}};
    if (::poll(wait.data(), wait.size(), -1) < 0) continue;
    if (wait[0].revents != 0) feed(talk.input.ours, input);
    if (wait[1].revents != 0) collect(talk.output.ours, result.output);
    if (wait[2].revents != 0) collect(talk.errors.ours, result.errors);
  }
}

}  // namespace

Result<ProgramResult> run_program(const std::vector<std::string>& words, std::string_view input) {
  QUIRE_ASSIGN(Talk talk, Talk::make());
  QUIRE_ASSIGN(const pid_t child, start(words, talk));
  talk.input.theirs.close();
  talk.output.theirs.close();
  talk.errors.theirs.close();
  ProgramResult result;
  converse(talk, input, result);
  int status = 0;
  if (retry_interrupted([&] { return ::waitpid(child, &status, 0); }) < 0) return system_error(errno, "cannot wait for " + words[0]);
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

std::string temporary_directory() {
  const char* directory = std::getenv("TMPDIR");
  return directory != nullptr && *directory != '\0' ? directory : ".";
}

}  // namespace quire::os
