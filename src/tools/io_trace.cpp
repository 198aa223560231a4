// IoTrace: see io_trace.hpp.
#include "tools/io_trace.hpp"

#include <fmt/format.h>

#include <fstream>
#include <iostream>

#include "page/layout.hpp"
#include "tools/escape.hpp"

namespace quire::tools {

namespace {

// In blocks where it is whole blocks.
std::string place_of(const os::IoEvent& event) {
  if (event.bytes == 0) return "-";
  if (event.offset % page::block_bytes != 0 || event.bytes % page::block_bytes != 0) return fmt::format("byte {}+{}", event.offset, event.bytes);
  return fmt::format("block {}+{}", event.offset / page::block_bytes, event.bytes / page::block_bytes);
}

}  // namespace

std::string io_line(const os::IoEvent& event) {
  std::string line = fmt::format("{}\t{}\t{}\t{}\t{}", event.operation, event.kind, event.name.empty() ? "-" : escape(event.name), place_of(event), event.reason);
  if (event.epoch != 0) line += fmt::format("\tepoch {}", event.epoch);
  return line;
}

IoTrace::IoTrace(std::ostream& out) : out_(out) { os::set_io_observer(this); }

IoTrace::IoTrace(std::unique_ptr<std::ostream> own) : own_(std::move(own)), out_(*own_) { os::set_io_observer(this); }

IoTrace::~IoTrace() { os::set_io_observer(nullptr); }

Result<std::unique_ptr<IoTrace>> IoTrace::open(const std::string& path) {
  if (path == "-") return std::make_unique<IoTrace>(std::cerr);
  auto file = std::make_unique<std::ofstream>(path, std::ios::binary | std::ios::trunc);
  if (!file->good()) return Status(Code::io, fmt::format("the trace '{}' cannot be written", escape(path)));
  return std::unique_ptr<IoTrace>(new IoTrace(std::move(file)));
}

void IoTrace::observe(const os::IoEvent& event) {
  const std::string line = io_line(event) + "\n";
  os::Lock lock(mutex_);
  out_ << line << std::flush;
}

}  // namespace quire::tools
