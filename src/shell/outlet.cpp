// Outlet: see outlet.hpp.
//
// A result goes through the shell's printer, which knows whether the output has failed; an error goes to its error stream after the
// results that came before it.
#include "shell/outlet.hpp"

namespace quire::shell {

std::streamsize Outlet::Buffer::xsputn(const char* text, std::streamsize size) {
  return outlet_.write(kind_, {text, static_cast<std::size_t>(size)}) ? size : 0;
}

Outlet::Buffer::int_type Outlet::Buffer::overflow(int_type character) {
  if (traits_type::eq_int_type(character, traits_type::eof())) return traits_type::not_eof(character);
  const char byte = traits_type::to_char_type(character);
  return outlet_.write(kind_, {&byte, 1}) ? character : traits_type::eof();
}

int Outlet::Buffer::sync() { return outlet_.flush(kind_) ? 0 : -1; }

bool Outlet::write(Kind kind, std::string_view text) {
  os::Lock lock(mutex_);
  if (closed_) {
    if (kept_.empty() || kept_.back().kind != kind) kept_.push_back({kind, {}});
    kept_.back().text += text;
    return true;
  }
  pass_on(kind, text);
  return !printer_.failed();
}

bool Outlet::flush(Kind kind) {
  os::Lock lock(mutex_);
  if (closed_) return true;
  if (kind == Kind::error) return printer_.error_stream().flush().good();
  return printer_.flush().ok();
}

void Outlet::pass_on(Kind kind, std::string_view text) {
  if (kind == Kind::result) return printer_.text(text);
  (void)printer_.flush().ok();
  printer_.error_stream() << text;
}

void Outlet::close() {
  os::Lock lock(mutex_);
  closed_ = true;
}

void Outlet::open_again() {
  os::Lock lock(mutex_);
  closed_ = false;
  for (const Kept& kept : kept_) pass_on(kept.kind, kept.text);
  kept_.clear();
  (void)printer_.flush().ok();
  printer_.error_stream().flush();
}

}  // namespace quire::shell
