// Terminals: whether a stream is one, how wide it is, its keys, and Ctrl-C as a request instead of an end.
//
// Threads   one thread of a program deals with its terminal
// Errors    what cannot be found out has a harmless answer: not a terminal, 80 columns, no home
#pragma once

#include <string>

namespace quire::os {

enum class Stream { input = 0, output = 1, error = 2 };

bool is_terminal(Stream stream) noexcept;

// Columns of the terminal behind standard output or standard error; 80 when neither is one.
unsigned terminal_columns() noexcept;

// The user's home directory; empty when unknown.
std::string home_directory();

// While one lives, Ctrl-C sets a flag that long work asks for, instead of ending the process.
class InterruptScope {
 public:
  InterruptScope();
  ~InterruptScope();
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;
};

bool interrupt_requested() noexcept;
void clear_interrupt() noexcept;

// Suspends this process like Ctrl-Z; returns when it is continued.
void suspend_process() noexcept;

enum class KeyEvent { byte, end, interrupt, resized, resumed };

struct Key {
  KeyEvent event = KeyEvent::end;
  char byte = 0;  // only of KeyEvent::byte
};

// Waits for the next byte of standard input, or for what else concerns someone editing a line.
Key read_key() noexcept;

}  // namespace quire::os
