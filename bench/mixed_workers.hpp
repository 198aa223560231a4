// What each thread of a row of the stage `mixed` does. All values have counters: see Workload::make_counted.
//
// A worker makes up everything that it will do before the clock starts, and checks every answer.
//
// Threads   one worker, one thread
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/engine.hpp"
#include "bench/inserts.hpp"
#include "bench/meter.hpp"
#include "bench/workload.hpp"
#include "bench/ycsb_operations.hpp"

namespace quire::bench {

class MixedWorker {
 public:
  explicit MixedWorker(const Workload& workload, unsigned thread)
      : workload_(workload), stamp_(std::uint64_t{thread + 1} << 40) {}
  virtual ~MixedWorker() = default;
  MixedWorker(const MixedWorker&) = delete;
  MixedWorker& operator=(const MixedWorker&) = delete;

  // Until everything is done, or so many seconds have passed, or there is no room.
  void run(Session& session, double seconds_max);
  const Meter& meter() const noexcept { return meter_; }
  std::uint64_t retries() const noexcept { return retries_; }
  // How much higher transactions of `run` have made the sum of all counters, where nothing else did.
  std::uint64_t added() const noexcept { return added_; }

 protected:
  virtual std::uint64_t count() const noexcept = 0;
  // Does the operation; false when there is no room.
  virtual bool act(Session& session, std::uint64_t operation) = 0;

  const Workload& workload() const noexcept { return workload_; }
  // Different for each put, so that none leaves a row as it was.
  std::uint64_t next_stamp() noexcept { return ++stamp_; }

  std::uint64_t added_ = 0;

 private:
  const Workload& workload_;
  std::uint64_t stamp_;
  std::uint64_t retries_ = 0;
  Meter meter_;
};

class YcsbWorker final : public MixedWorker {
 public:
  YcsbWorker(const Workload& workload, Inserts& inserts, const Mix& mix, std::vector<Operation> operations,
             unsigned thread);

 private:
  std::uint64_t count() const noexcept override { return operations_.size(); }
  bool act(Session& session, std::uint64_t operation) override;

  Key key_of(const Operation& operation) const;
  void read(Session& session, const Key& key);
  void update(Session& session, const Key& key);
  void modify(Session& session, const Key& key);
  void scan(Session& session, const Operation& operation);
  bool insert(Session& session);

  Inserts& inserts_;
  bool latest_;
  std::vector<Operation> operations_;
  std::string value_;
  ReadWrite change_;
  Key changed_ = Key::present(0);
};

// Transactions of four gets and four puts of rows that are all chosen at random, each as likely as any other.
class TransactionWorker final : public MixedWorker {
 public:
  TransactionWorker(const Workload& workload, std::uint64_t transactions, std::uint64_t seed, unsigned thread);

 private:
  static constexpr std::size_t rows_each = 4;  // to get, and as many to put

  std::uint64_t count() const noexcept override { return rows_.size() / (2 * rows_each); }
  bool act(Session& session, std::uint64_t operation) override;

  std::vector<std::uint32_t> rows_;
  std::vector<Key> gets_;
  std::vector<Key> puts_;
  ReadWrite work_;
};

}  // namespace quire::bench
