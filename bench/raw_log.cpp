// A log without an engine: see raw_log.hpp.
#include "bench/raw_log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include "bench/workload.hpp"

namespace quire::bench {

namespace {

constexpr std::uint64_t record_bytes = 200;
constexpr std::uint64_t file_bytes = std::uint64_t{16} << 20;

void require_write(ssize_t done, std::size_t wanted) {
  if (done != static_cast<ssize_t>(wanted)) throw BenchError("raw-sync: a write failed");
}

}  // namespace

RawLog::RawLog(std::string path) : path_(std::move(path)) {
  file_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file_ < 0) throw BenchError("raw-sync: cannot make " + path_);
  const std::string zeros(file_bytes, '\0');
  require_write(::pwrite(file_, zeros.data(), zeros.size(), 0), zeros.size());
  ::fsync(file_);
}

RawLog::~RawLog() {
  ::close(file_);
  ::unlink(path_.c_str());
}

Measurement RawLog::append(double seconds) {
  const std::string record(record_bytes, 'r');
  Meter meter;
  meter.start();
  do {
    if (at_ + record_bytes > file_bytes) at_ = 0;
    require_write(::pwrite(file_, record.data(), record.size(), static_cast<off_t>(at_)), record.size());
    if (::fdatasync(file_) != 0) throw BenchError("raw-sync: a sync failed");
    at_ += record_bytes;
    meter.lap();
  } while (meter.seconds_so_far() < seconds);
  meter.stop();
  return meter.measurement();
}

}  // namespace quire::bench
