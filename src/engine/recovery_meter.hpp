// RecoveryMeter: tells who opens a database how far its recovery has come (Options::on_recovery).
//
//   RecoveryMeter meter(options.on_recovery, from, end of the last segment);
//   scan: MeteredSource(source, meter); meter.scanned(end); apply: MeteredSource(another, meter); meter.finished();
//
// Invariants   what was done never falls, the total never rises, and both are equal in the last call only
// Threads      one
#pragma once

#include "quire/options.hpp"
#include "wal/record.hpp"

namespace quire::engine {

class RecoveryMeter {
 public:
  using Tell = std::function<void(const RecoveryProgress&)>;

  // Nothing is told when `tell` is empty or nothing lies between the two.
  RecoveryMeter(Tell tell, Lsn from, Lsn end) : tell_(end > from ? std::move(tell) : nullptr), from_(from), total_(2 * (end.raw - from.raw)) {
    at(from);
  }

  // The pass under way is there.
  void at(Lsn lsn) {
    const std::uint64_t done = passed_ + lsn.raw - from_.raw;
    if (done < next_ || done >= total_) return;
    report(done);
  }
  // The first pass is over: the log ends there.
  void scanned(Lsn end) {
    passed_ = end.raw - from_.raw;
    total_ = 2 * passed_;
    next_ = std::max(next_, passed_);
    at(from_);
  }
  void finished() { report(total_); }

 private:
  static constexpr std::uint64_t bytes_between = 1 << 20;

  void report(std::uint64_t done) {
    next_ = done + bytes_between;
    if (tell_) tell_({done, total_});
  }

  const Tell tell_;
  const Lsn from_;
  std::uint64_t total_;
  std::uint64_t passed_ = 0;  // by the pass before
  std::uint64_t next_ = 0;    // what is done when the next call is due
};

// A source that tells the meter where it is.
class MeteredSource final : public wal::RecordSource {
 public:
  MeteredSource(wal::RecordSource& source, RecoveryMeter& meter) : source_(source), meter_(meter) {}
  Result<bool> next(wal::Record& record) override {
    Result<bool> more = source_.next(record);
    if (more.ok() && *more) meter_.at(record.end);
    return more;
  }
  Result<wal::Record> read(Lsn lsn) override { return source_.read(lsn); }

 private:
  wal::RecordSource& source_;
  RecoveryMeter& meter_;
};

}  // namespace quire::engine
