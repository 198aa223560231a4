// Sessions: several transactions at once, each on a thread of its own, one step at a time.
//
//   Sessions sessions(db);
//   sessions.step("a", "begin serializable");     // "ok"
//   sessions.step("b", "begin serializable");
//   sessions.step("a", "put x 1");
//   sessions.step("b", "put x 2");                // "waits"
//   sessions.step("a", "commit");
//   sessions.result("b");                         // "ok"
//
// A step returns when its call has, or when the call waits for a lock: "waits". By then everybody else has finished or waits too, so the
// same steps give the same results, whatever the threads do. What takes a session on is another's step, or a timeout.
//
// A failure is the name of its code; message() has its text.
//
// Commands   begin LEVEL [TIMEOUT_MS], put K V, insert K V, get K, getu K (for update), del K, scan [FROM TO], lock K [shared],
//            lock FROM TO, count, savepoint, rollback_to (the newest savepoint), commit, rollback
//            add N (to every value), where N (scan; the rows whose value N divides), del_where V (scan and erase the rows with that value)
//
// Threads    steps by one
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "os/sync.hpp"
#include "quire/database.hpp"

namespace quire::test {

class Sessions {
 public:
  explicit Sessions(Database& database);
  ~Sessions();
  Sessions(const Sessions&) = delete;
  Sessions& operator=(const Sessions&) = delete;

  std::string step(const std::string& session, const std::string& command);
  // Any work on the session's thread; for those who bring their own transactions.
  std::string run(const std::string& session, std::function<std::string()> work);

  bool is_waiting(const std::string& session);
  std::size_t waiting();
  // What became of the session's last step; "waits" while it does.
  std::string result(const std::string& session);
  // Waits until everybody has finished, be it by a timeout; false after `most_us`.
  bool finish(std::uint64_t most_us);
  // Of the session's last failure.
  std::string message(const std::string& session);

 private:
  struct Session;
  Session& session_of(const std::string& name);
  void work(Session& session);
  void settle();
  std::size_t running_count() QUIRE_REQUIRES(mutex_);

  Database& database_;
  os::Mutex mutex_;
  os::Condition finished_;
  std::map<std::string, std::unique_ptr<Session>> sessions_;
};

}  // namespace quire::test
