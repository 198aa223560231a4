// Goal: what only real files have: rights, links, devices, other processes, limits of the system.
// Method: a temporary directory; child processes for locks; resource limits for errors that need a full disk.
//         What all file systems have in common is in os/file_conformance_test.cpp.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/posix/posix_file.hpp"
#include "os/posix/posix_file_system.hpp"
#include "os/posix/system_error.hpp"
#include "os/test_files.hpp"

namespace quire::os {
namespace {

class posix_file : public testing::Test {
 protected:
  void SetUp() override {
    char place[] = "posix.XXXXXX";
    ASSERT_NE(::mkdtemp(place), nullptr);
    directory_ = files_.resolve(place).value();
  }

  void TearDown() override {
    for (const std::string& name : files_.list(directory_).value()) {
      if (::unlink(path(name).c_str()) != 0) ::rmdir(path(name).c_str());
    }
    ::rmdir(directory_.c_str());
  }

  std::string path(const std::string& name) const { return directory_ + "/" + name; }
  Status open_status(const std::string& name, OpenFile how = to_create) {
    return files_.open(path(name), how).status();
  }

  PosixFileSystem files_;
  std::string directory_;
};

// Runs `work` in a child process and gives what it returned.
template <class Work>
int in_child(Work&& work) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(work());
  int outcome = 0;
  ::waitpid(child, &outcome, 0);
  return WIFEXITED(outcome) ? WEXITSTATUS(outcome) : -1;
}

TEST_F(posix_file, is_created_for_its_owner_alone_and_not_inherited) {
  const mode_t old_mask = ::umask(0);
  const auto file = open_or_stop(files_, path("a"));
  ::umask(old_mask);
  struct stat information = {};
  ASSERT_EQ(::stat(path("a").c_str(), &information), 0);
  EXPECT_EQ(information.st_mode & 0777, 0600u);
  EXPECT_EQ(file->identity().inode, information.st_ino);
  int open_at_exec = 0;
  for (int descriptor = 3; descriptor < 64; ++descriptor) {
    struct stat other = {};
    if (::fstat(descriptor, &other) != 0 || other.st_ino != information.st_ino) continue;
    if ((::fcntl(descriptor, F_GETFD) & FD_CLOEXEC) == 0) ++open_at_exec;
  }
  EXPECT_EQ(open_at_exec, 0);
}

TEST_F(posix_file, resolves_links_to_the_real_file) {
  { EXPECT_TRUE(put(*open_or_stop(files_, path("real")), 0, "text").ok()); }
  ASSERT_EQ(::symlink("real", path("link").c_str()), 0);
  EXPECT_EQ(*files_.resolve(path("link")), path("real"));
  EXPECT_EQ(whole_text(*open_or_stop(files_, path("link"), to_write)), "text");
}

TEST_F(posix_file, refuses_what_is_not_a_regular_file) {
  ASSERT_EQ(::symlink("nowhere", path("dangling").c_str()), 0);
  ASSERT_EQ(::symlink("loop", path("loop").c_str()), 0);
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  ASSERT_EQ(::mkdir(path("directory").c_str(), 0700), 0);
  const int listener = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  path("socket").copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::close(listener);

  const auto expect_refused = [&](const std::string& place, const std::string& what) {
    const Status refused = files_.open(place, to_create).status();
    EXPECT_EQ(refused, Code::invalid) << refused.to_string();
    EXPECT_EQ(refused.message(), "cannot open " + place + ": it is " + what + ", not a regular file");
  };
  expect_refused(path("dangling"), "a link to nothing");
  expect_refused(path("pipe"), "a pipe");
  expect_refused(path("directory"), "a directory");
  expect_refused(path("socket"), "a socket");
  expect_refused("/dev/null", "a device");
  EXPECT_EQ(open_status("loop"), Code::io);
  EXPECT_FALSE(*files_.exists(path("nowhere"))) << "nothing was created through the link";
}

TEST_F(posix_file, needs_its_directory) {
  EXPECT_EQ(open_status("missing/a"), Code::not_found);
  EXPECT_EQ(files_.list(path("missing")), Code::not_found);
  EXPECT_EQ(files_.sync_directory(path("missing")), Code::not_found);
  EXPECT_EQ(files_.open("", to_create), Code::not_found);
  EXPECT_EQ(files_.open(directory_ + "/", to_create), Code::invalid);
  open_or_stop(files_, path("a"));
  EXPECT_EQ(open_status("a/b"), Code::not_found);
  EXPECT_FALSE(*files_.exists(path("a/b")));
}

TEST_F(posix_file, resolves_relative_paths) {
  char* here = ::getcwd(nullptr, 0);
  EXPECT_EQ(*files_.resolve("new"), std::string(here) + "/new");
  ::free(here);
}

TEST_F(posix_file, tells_read_only_when_rights_are_missing) {
  { open_or_stop(files_, path("a")); }
  ASSERT_EQ(::chmod(path("a").c_str(), 0444), 0);
  ASSERT_EQ(::chmod(directory_.c_str(), 0755), 0);
  const int outcome = in_child([&] {
    constexpr uid_t nobody = 65534;  // root has every right
    if (::geteuid() == 0 && ::setuid(nobody) != 0) return 1;
    return open_status("a", to_write) == Code::read_only ? 0 : 2;
  });
  EXPECT_EQ(outcome, 0);
}

TEST_F(posix_file, can_reserve_by_writing_zeros) {
  const auto file = open_or_stop(files_, path("a"));
  ASSERT_TRUE(put(*file, 0, "text").ok());
  EXPECT_TRUE(reserve_by_writing(*file, {.old_size = 4, .new_size = 200000}).ok());
  EXPECT_EQ(whole_text(*file), "text" + repeated(199996, '\0'));
}

TEST_F(posix_file, gives_back_what_it_could_only_half_reserve_by_writing) {
  const int outcome = in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{.rlim_cur = 100000, .rlim_max = 100000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const auto file = open_or_stop(files_, path("a"));
    if (!put(*file, 0, "text").ok()) return 1;
    if (reserve_by_writing(*file, {.old_size = 4, .new_size = 200000}) != Code::full) return 2;
    return whole_text(*file) == "text" ? 0 : 3;
  });
  EXPECT_EQ(outcome, 0);
}

TEST_F(posix_file, names_the_process_that_holds_the_lock) {
  const auto file = open_or_stop(files_, path("a"));
  ASSERT_TRUE(file->lock(LockMode::exclusive).ok());
  const std::string expected = path("a") + " is in use by process " + std::to_string(::getpid());
  const int outcome = in_child([&] {
    const auto mine = open_or_stop(files_, path("a"));
    const Status refused = mine->lock(LockMode::exclusive);
    return refused == Code::busy && refused.message() == expected ? 0 : 1;
  });
  EXPECT_EQ(outcome, 0);
}

TEST_F(posix_file, still_names_the_holder_after_another_handle_was_closed) {
  const auto file = open_or_stop(files_, path("a"));
  ASSERT_TRUE(file->lock(LockMode::shared).ok());
  { EXPECT_EQ(open_or_stop(files_, path("a"))->lock(LockMode::exclusive), Code::busy); }
  const int outcome = in_child([&] {
    const auto mine = open_or_stop(files_, path("a"));
    const Status refused = mine->lock(LockMode::exclusive);
    return refused.message().ends_with("process " + std::to_string(::getppid())) ? 0 : 1;
  });
  EXPECT_EQ(outcome, 0);
}

TEST_F(posix_file, loses_its_lock_when_the_process_is_killed) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto mine = open_or_stop(files_, path("a"));
    const char good = mine->lock(LockMode::exclusive).ok() ? 'y' : 'n';
    [[maybe_unused]] const ssize_t sent = ::write(ready[1], &good, 1);
    while (true) ::pause();
  }
  char good = 'n';
  ASSERT_EQ(::read(ready[0], &good, 1), 1);
  ASSERT_EQ(good, 'y');
  const auto file = open_or_stop(files_, path("a"));
  const Status refused = file->lock(LockMode::exclusive);
  EXPECT_EQ(refused.message(), path("a") + " is in use by process " + std::to_string(child));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(file->lock(LockMode::exclusive).ok());
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_F(posix_file, reports_full_and_says_what_was_tried) {
  const int outcome = in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{.rlim_cur = 10000, .rlim_max = 10000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const auto file = open_or_stop(files_, path("a"));
    const Status refused = put(*file, 4096, repeated(8192, 'x'));
    if (refused != Code::full) return 1;
    if (refused.message() != "cannot write 8192 bytes at offset 4096 of " + path("a") + ": File too large") return 2;
    if (file->allocate(0, 20000) != Code::full) return 3;
    return put(*file, 0, "still usable").ok() ? 0 : 4;
  });
  EXPECT_EQ(outcome, 0);
}

TEST_F(posix_file, reports_io_when_descriptors_run_out) {
  const int outcome = in_child([&] {
    const rlimit limit{.rlim_cur = 4, .rlim_max = 4};
    ::setrlimit(RLIMIT_NOFILE, &limit);
    std::vector<std::unique_ptr<File>> opened;
    for (int number = 0; number < 5; ++number) {
      Result<std::unique_ptr<File>> file = files_.open(path("a"), to_create);
      if (file == Code::io) return file.message().ends_with("Too many open files") ? 0 : 2;
      if (file.ok()) opened.push_back(std::move(file).value());
    }
    return 1;
  });
  EXPECT_EQ(outcome, 0);
}

// Signals without SA_RESTART arrive all the time; no call may notice.
TEST_F(posix_file, survives_signals) {
  struct sigaction action = {};
  struct sigaction old_action = {};
  action.sa_handler = [](int) {};
  ASSERT_EQ(::sigaction(SIGALRM, &action, &old_action), 0);
  const itimerval often{.it_interval = {.tv_sec = 0, .tv_usec = 200}, .it_value = {.tv_sec = 0, .tv_usec = 200}};
  ASSERT_EQ(::setitimer(ITIMER_REAL, &often, nullptr), 0);
  const auto file = open_or_stop(files_, path("a"));
  const std::string text = repeated(1 << 20, 'x');
  for (int round = 0; round < 20; ++round) {
    EXPECT_TRUE(put(*file, 0, text).ok());
    EXPECT_TRUE(file->sync().ok());
    EXPECT_EQ(whole_text(*file), text);
    EXPECT_TRUE(file->truncate(0).ok());
    EXPECT_TRUE(file->allocate(0, 1 << 20).ok());
  }
  const itimerval never{};
  ::setitimer(ITIMER_REAL, &never, nullptr);
  ::sigaction(SIGALRM, &old_action, nullptr);
}

TEST(system_error, maps_errno_to_what_a_caller_can_do) {
  const auto code = [](int error) { return system_error(error, "cannot try").code(); };
  for (const int error : {ENOSPC, EDQUOT, EFBIG}) EXPECT_EQ(code(error), Code::full);
  for (const int error : {EACCES, EPERM, EROFS}) EXPECT_EQ(code(error), Code::read_only);
  for (const int error : {ENOENT, ENOTDIR}) EXPECT_EQ(code(error), Code::not_found);
  for (const int error : {EIO, EMFILE, ENFILE, EINVAL, EBADF, ELOOP}) EXPECT_EQ(code(error), Code::io);
  EXPECT_EQ(code(EEXIST), Code::exists);
  EXPECT_EQ(code(ENOMEM), Code::no_memory);
  EXPECT_EQ(system_error(ENOSPC, "cannot try").message(), "cannot try: No space left on device");
}

}  // namespace
}  // namespace quire::os
