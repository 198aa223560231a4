// Printer: see printer.hpp.
#include "tools/printer.hpp"

namespace quire::tools {

namespace {

constexpr std::size_t buffer_bytes = std::size_t{64} << 10;

// An error is one line whatever is in it.
std::string one_line(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return out;
}

}  // namespace

std::string to_line(const Document& document) {
  return document.dump(-1, ' ', false, Document::error_handler_t::replace);
}

Printer::~Printer() { drain(); }

void Printer::drain() {
  if (!failed_ && !buffer_.empty()) {
    out_.write(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
    failed_ = !out_.good();
  }
  buffer_.clear();
}

Status Printer::flush() {
  drain();
  if (!failed_) failed_ = !out_.flush().good();
  return failed_ ? Status(Code::io, "the output cannot be written") : Status();
}

void Printer::text(std::string_view text) {
  buffer_ += text;
  if (buffer_.size() >= buffer_bytes) drain();
}

void Printer::line(std::string_view text) {
  buffer_ += text;
  buffer_ += '\n';
  if (buffer_.size() >= buffer_bytes) drain();
}

void Printer::document(const Document& document) { line(to_line(document)); }

void Printer::done(std::string_view more) {
  if (json()) return document({{"ok", true}});
  if (pretty()) line(more.empty() ? std::string("ok") : "ok" + std::string(more));
}

void Printer::error(std::string_view code, std::string_view message) {
  ++errors_;
  if (json()) return document({{"error", {{"code", code}, {"message", message}}}});
  drain();
  out_.flush();
  error_ << "error: " << one_line(message) << '\n' << std::flush;
}

void Printer::error(const Status& status) {
  const std::string_view name = code_name(status.code());
  error(name, status.message().empty() ? name : status.message());
}

void Printer::note(std::string_view text) {
  if (!pretty()) return;
  drain();
  out_.flush();
  error_ << text << '\n' << std::flush;
}

}  // namespace quire::tools
