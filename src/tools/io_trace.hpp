// IoTrace: writes a line for everything that is read from and written to files, see docs/shell.md.
//
//   read<TAB>leaf<TAB>page 17 tree 3<TAB>block 120+2<TAB>fault
//   write<TAB>superblock<TAB>A<TAB>block 0+1<TAB>checkpoint<TAB>epoch 12
//
// Columns with one separator, so that `cut -f1,2,5 | sort | uniq -c` counts.
//
// Threads   events from any thread; one trace at a time in a process
// Lifetime  begins and ends while no database is open
#pragma once

#include <memory>
#include <ostream>
#include <string>

#include "os/io_trace.hpp"
#include "os/sync.hpp"
#include "quire/status.hpp"

namespace quire::tools {

// The columns of an event, without a line's end.
std::string io_line(const os::IoEvent& event);

class IoTrace : private os::IoObserver {
 public:
  // The stream outlives the trace. Each line is flushed, so that a program that is killed loses none.
  explicit IoTrace(std::ostream& out);
  ~IoTrace() override;

  // Into a file, which is replaced; "-" is the error stream.
  static Result<std::unique_ptr<IoTrace>> open(const std::string& path);

 private:
  explicit IoTrace(std::unique_ptr<std::ostream> own);
  void observe(const os::IoEvent& event) override;

  std::unique_ptr<std::ostream> own_;  // null: the stream is someone else's
  std::ostream& out_;
  os::Mutex mutex_;  // keeps lines whole
};

}  // namespace quire::tools
