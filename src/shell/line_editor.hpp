// LineEditor: a line from a person, with editing, history and completion (libedit).
//
// History is kept in a file of mode 0600, written after every line. Ctrl-C drops the line, Ctrl-D on an
// empty line is the end.
//
// Threads   one per process, used by one thread
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "shell/completion.hpp"

namespace quire::shell {

class LineEditor {
 public:
  using Completer = std::function<Completions(std::string_view line)>;

  // An empty history path keeps none.
  LineEditor(std::string history_path, Completer completer);
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  // The next line without its end; empty when it was dropped; none at the end.
  std::optional<std::string> read(const std::string& prompt);

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace quire::shell
