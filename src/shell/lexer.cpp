// Words of a command line: see lexer.hpp.
//
// Quotes count at a word's beginning only, so that it's and x'0a' need no care; a closing quote must end
// the word, so that a forgotten blank is an error and not a different key.
#include "shell/lexer.hpp"

#include "base/try.hpp"
#include "tools/escape.hpp"

namespace quire::shell {

namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

struct Lexer {
  std::string_view line;
  std::size_t at = 0;

  bool more() const { return at < line.size(); }

  Result<std::string> single_quoted() {
    std::string text;
    for (++at; more(); ++at) {
      if (line[at] != '\'') {
        text += line[at];
      } else if (at + 1 < line.size() && line[at + 1] == '\'') {
        text += '\'';
        ++at;
      } else {
        ++at;
        return text;
      }
    }
    return Status(Code::invalid, "a ' is not closed");
  }

  Result<std::string> double_quoted() {
    const std::size_t start = ++at;
    for (; more() && line[at] != '"'; ++at) {
      if (line[at] == '\\' && at + 1 < line.size()) ++at;
    }
    if (!more()) return Status(Code::invalid, "a \" is not closed");
    return tools::unescape(line.substr(start, at++ - start));
  }

  Status quoted_part(Word& word) {
    const char quote = line[at];
    QUIRE_ASSIGN(const std::string text, quote == '\'' ? single_quoted() : double_quoted());
    word.text += text;
    if (more() && !is_blank(line[at])) {
      return Status(Code::invalid, std::string("a blank is missing after the closing ") + quote);
    }
    return {};
  }

  Status word(Word& word) {
    if (line[at] == '\'' || line[at] == '"') {
      word.quoted = true;
      return quoted_part(word);
    }
    for (; more() && !is_blank(line[at]); ++at) {
      const bool after_equals = word.text.starts_with("--") && word.text.ends_with('=') && word.text.find('=') + 1 == word.text.size();
      if (after_equals && (line[at] == '\'' || line[at] == '"')) return quoted_part(word);
      word.text += line[at];
    }
    return {};
  }
};

}  // namespace

Result<std::vector<Word>> split_words(std::string_view line) {
  Lexer lexer{line};
  std::vector<Word> words;
  for (;;) {
    while (lexer.more() && is_blank(line[lexer.at])) ++lexer.at;
    if (!lexer.more() || (words.empty() && line[lexer.at] == '#')) return words;
    Word word;
    QUIRE_TRY(lexer.word(word));
    words.push_back(std::move(word));
  }
}

std::string quote_word(std::string_view text) {
  const std::string escaped = tools::escape(text);
  bool bare = !text.empty() && text[0] != '\'' && text[0] != '"' && text[0] != '#' && !text.starts_with("--");
  for (const char c : text) bare = bare && !is_blank(c) && c != '\\';
  if (bare && escaped == text) return escaped;
  std::string out = "\"";
  for (const char c : escaped) {
    if (c == '"') out += '\\';
    out += c;
  }
  return out + '"';
}

}  // namespace quire::shell
