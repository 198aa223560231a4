// What the machine can do without an engine: records of 200 bytes, one after the other, into a file that is there
// already and full of zeros, each followed by fdatasync. No log can sync faster than this one writer.
#pragma once

#include <string>

#include "bench/meter.hpp"

namespace quire::bench {

class RawLog {
 public:
  // Makes the file.
  explicit RawLog(std::string path);
  // Removes it.
  ~RawLog();
  RawLog(const RawLog&) = delete;
  RawLog& operator=(const RawLog&) = delete;

  // Begins at the front again when the file is full.
  Measurement append(double seconds);

 private:
  std::string path_;
  int file_ = -1;
  std::uint64_t at_ = 0;
};

}  // namespace quire::bench
