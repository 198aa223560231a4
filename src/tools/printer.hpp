// Printer: everything a command says, in one of three forms.
//
// pretty  for people at a terminal: tables, counts, "ok", times
// raw     for pipes: only what was asked for, one line a row
// json    for programs: one JSON document a command, errors too
//
// Results go to the output stream through a buffer, which every command flushes at its end; errors and
// notes go to the error stream, after what was printed before them.
//
// Threads   one thread at a time
#pragma once

#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <string_view>

#include "quire/status.hpp"

namespace quire::tools {

using Document = nlohmann::ordered_json;

enum class Form { pretty, raw, json };

// The document on one line. Bytes that are not UTF-8 become U+FFFD.
std::string to_line(const Document& document);

class Printer {
 public:
  // The streams outlive the printer. `columns` is the width of the terminal.
  Printer(Form form, std::ostream& out, std::ostream& error, unsigned columns = 80)
      : form_(form), out_(out), error_(error), columns_(columns) {}
  ~Printer();
  Printer(const Printer&) = delete;
  Printer& operator=(const Printer&) = delete;

  Form form() const noexcept { return form_; }
  bool pretty() const noexcept { return form_ == Form::pretty; }
  bool json() const noexcept { return form_ == Form::json; }
  unsigned columns() const noexcept { return columns_; }
  std::ostream& error_stream() noexcept { return error_; }

  void text(std::string_view text);
  void line(std::string_view text);
  void document(const Document& document);

  // "ok" with what follows for people, {"ok":true} for programs, nothing raw.
  void done(std::string_view more = {});

  // "error: ..." on the error stream, or {"error":{"code":...,"message":...}} as the result.
  void error(std::string_view code, std::string_view message);
  void error(const Status& status);

  // How many errors were printed.
  unsigned errors() const noexcept { return errors_; }

  // A line on the error stream for people only.
  void note(std::string_view text);

  // Hands over what is buffered. io when the output cannot take it, now or earlier.
  Status flush();
  // Whether the output has failed, so that more need not be produced.
  bool failed() const noexcept { return failed_; }

 private:
  void drain();

  Form form_;
  std::ostream& out_;
  std::ostream& error_;
  unsigned columns_;
  std::string buffer_;
  unsigned errors_ = 0;
  bool failed_ = false;
};

}  // namespace quire::tools
