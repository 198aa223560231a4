// LineEditor: see line_editor.hpp.
//
// While a line is edited Ctrl-C and Ctrl-Z are keys like others, bound to drop_line and suspend. libedit asks
// this file for every character, so that signals from elsewhere and a new window size are seen between two
// keys. libedit's own signal handling stays off.
#include "shell/line_editor.hpp"

#include <histedit.h>

#include <clocale>
#include <cstdio>
#include <cstring>
#include <cwchar>
#include <vector>

#include "os/terminal.hpp"
#include "tools/text_width.hpp"

namespace quire::shell {

namespace {

constexpr int history_lines_max = 2000;
constexpr wchar_t control_c = 3;
constexpr std::size_t listed_max = 200;  // candidates shown at once

}  // namespace

struct LineEditor::Impl {
  EditLine* edit = nullptr;
  History* history = nullptr;
  std::string history_path;
  std::string prompt;
  Completer completer;
  std::mbstate_t state{};
  bool dropped = false;  // by Ctrl-C; libedit then returns a line without its end, as at the end of the input

  static Impl* of(EditLine* editor) {
    void* data = nullptr;
    el_get(editor, EL_CLIENTDATA, &data);
    return static_cast<Impl*>(data);
  }

  static char* prompt_text(EditLine* editor) { return of(editor)->prompt.data(); }

  // The next character; 0 at the end of the input.
  static int read_character(EditLine* editor, wchar_t* character) {
    Impl& self = *of(editor);
    for (;;) {
      const os::Key key = os::read_key();
      switch (key.event) {
        case os::KeyEvent::end: return 0;
        case os::KeyEvent::interrupt: *character = control_c; return 1;
        case os::KeyEvent::resized: el_resize(editor); break;
        case os::KeyEvent::resumed:
          el_set(editor, EL_PREP_TERM, 1);
          el_set(editor, EL_REFRESH);
          break;
        case os::KeyEvent::byte: {
          const std::size_t used = std::mbrtowc(character, &key.byte, 1, &self.state);
          if (used == static_cast<std::size_t>(-2)) break;
          if (used == static_cast<std::size_t>(-1)) {
            self.state = {};
            *character = L'?';
          }
          return 1;
        }
      }
    }
  }

  static unsigned char drop_line(EditLine* editor, int) {
    const LineInfo* line = el_line(editor);
    el_cursor(editor, static_cast<int>(line->lastchar - line->cursor));
    line = el_line(editor);
    // libedit counts characters here, not bytes.
    const std::string text(line->buffer, line->lastchar);
    std::size_t characters = 0;
    for (const char c : text) characters += (static_cast<unsigned char>(c) & 0xc0) != 0x80 ? 1 : 0;
    std::fputs("^C\n", stdout);
    el_deletestr(editor, static_cast<int>(characters));
    of(editor)->dropped = true;
    return CC_NEWLINE;
  }

  static unsigned char suspend(EditLine* editor, int) {
    el_set(editor, EL_PREP_TERM, 0);
    os::suspend_process();
    el_set(editor, EL_PREP_TERM, 1);
    return CC_REDISPLAY;
  }

  static unsigned char complete_word(EditLine* editor, int) {
    Impl& self = *of(editor);
    const LineInfo* info = el_line(editor);
    const std::string line(info->buffer, info->cursor);
    const Completions found = self.completer(line);
    if (found.candidates.empty()) return CC_REFRESH_BEEP;
    const std::string begun = line.substr(found.start);
    std::string insertion = common_beginning(found.candidates).substr(begun.size());
    if (found.candidates.size() == 1) {
      if (found.ends_word) insertion += ' ';
    } else if (insertion.empty()) {
      list(found.candidates);
      return CC_REDISPLAY;
    }
    if (insertion.empty() || el_insertstr(editor, insertion.c_str()) != 0) return CC_REFRESH_BEEP;
    return CC_REFRESH;
  }

  // Candidates in columns below the line.
  static void list(const std::vector<std::string>& candidates) {
    std::size_t width = 0;
    for (const std::string& candidate : candidates) width = std::max(width, tools::text_width(candidate) + 2);
    const std::size_t per_line = std::max<std::size_t>(os::terminal_columns() / width, 1);
    std::string text = "\n";
    const std::size_t shown = std::min(candidates.size(), listed_max);
    for (std::size_t i = 0; i < shown; ++i) {
      const bool last = (i + 1) % per_line == 0 || i + 1 == shown;
      text += candidates[i];
      text += last ? "\n" : std::string(width - tools::text_width(candidates[i]), ' ');
    }
    if (shown < candidates.size()) text += "... and " + std::to_string(candidates.size() - shown) + " more\n";
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
  }

  void open() {
    std::setlocale(LC_CTYPE, "");
    if (std::strcmp(std::setlocale(LC_CTYPE, nullptr), "C") == 0) std::setlocale(LC_CTYPE, "C.UTF-8");
    edit = el_init("quire", stdin, stdout, stderr);
    el_set(edit, EL_CLIENTDATA, this);
    el_set(edit, EL_PROMPT, prompt_text);
    el_set(edit, EL_EDITOR, "emacs");
    el_set(edit, EL_SIGNAL, 0);
    el_wset(edit, EL_GETCFN, read_character);
    // The wide form keeps these pointers; the narrow one makes copies that nobody frees.
    el_wset(edit, EL_ADDFN, L"quire-complete", L"complete the word", complete_word);
    el_wset(edit, EL_ADDFN, L"quire-drop-line", L"drop the line", drop_line);
    el_wset(edit, EL_ADDFN, L"quire-suspend", L"suspend the shell", suspend);
    el_set(edit, EL_BIND, "^I", "quire-complete", nullptr);
    el_set(edit, EL_BIND, "^R", "em-inc-search-prev", nullptr);
    el_set(edit, EL_BIND, "^W", "ed-delete-prev-word", nullptr);
    // Home, End and words with Ctrl-arrows, as terminals send them.
    el_set(edit, EL_BIND, "\\e[H", "ed-move-to-beg", nullptr);
    el_set(edit, EL_BIND, "\\e[F", "ed-move-to-end", nullptr);
    el_set(edit, EL_BIND, "\\e[1~", "ed-move-to-beg", nullptr);
    el_set(edit, EL_BIND, "\\e[4~", "ed-move-to-end", nullptr);
    el_set(edit, EL_BIND, "\\e[3~", "ed-delete-next-char", nullptr);
    el_set(edit, EL_BIND, "\\e[1;5C", "em-next-word", nullptr);
    el_set(edit, EL_BIND, "\\e[1;5D", "ed-prev-word", nullptr);
    history = history_init();
    HistEvent event;
    ::history(history, &event, H_SETSIZE, history_lines_max);
    ::history(history, &event, H_SETUNIQUE, 1);
    if (!history_path.empty()) ::history(history, &event, H_LOAD, history_path.c_str());
    el_set(edit, EL_HIST, ::history, history);
    el_source(edit, nullptr);
    // No signals from keys: one would throw away what was typed before it, also between the poll that saw a byte
    // and the read of it, which would then wait for the next key.
    el_set(edit, EL_SETTY, "-d", "-isig", nullptr);
    el_set(edit, EL_BIND, "^C", "quire-drop-line", nullptr);
    el_set(edit, EL_BIND, "^Z", "quire-suspend", nullptr);
  }

  void remember(const std::string& line) {
    HistEvent event;
    ::history(history, &event, H_ENTER, line.c_str());
    if (!history_path.empty()) ::history(history, &event, H_SAVE, history_path.c_str());
  }

  ~Impl() {
    if (history != nullptr) history_end(history);
    if (edit != nullptr) el_end(edit);
  }
};

LineEditor::LineEditor(std::string history_path, Completer completer) : impl_(std::make_unique<Impl>()) {
  impl_->history_path = std::move(history_path);
  impl_->completer = std::move(completer);
  impl_->open();
}

LineEditor::~LineEditor() = default;

std::optional<std::string> LineEditor::read(const std::string& prompt) {
  impl_->prompt = prompt;
  impl_->dropped = false;
  int count = 0;
  // Before the prompt, which libedit would show first: a Ctrl-D typed in between would be lost.
  el_set(impl_->edit, EL_PREP_TERM, 1);
  const char* text = el_gets(impl_->edit, &count);
  if (impl_->dropped) return "";
  if (text == nullptr || count <= 0) return {};
  std::string line(text, static_cast<std::size_t>(count));
  line.erase(line.find_last_not_of(" \t\r\n") + 1);
  if (!line.empty()) impl_->remember(line);
  return line;
}

}  // namespace quire::shell
