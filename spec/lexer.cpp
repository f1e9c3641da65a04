#include "spec/lexer.h"

#include <charconv>
#include <cmath>

#include "spec/check.h"

namespace lathe {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_name_char(char c) { return is_letter(c) || is_digit(c); }

// Longest first, so that a prefix does not win.
constexpr std::string_view kOperators[] = {
    "...", "**", "//", "==", "!=", "<=", ">=", "<<", ">>", "&&",
    "||",  "+=", "-=", "*=", "/=", "+",  "-",  "*",  "/",  "%",
    "@",   "<",  ">",  "=",  "(",  ")",  "[",  "]",  "{",  "}",
    ",",   ":",  ".",  "?",  "|",  "^",  "&",  "~",  "!"};

constexpr std::string_view kWordOperators[] = {"and", "or", "not",
                                               "in",  "if", "else"};

}  // namespace

void Lexer::fail(std::string_view code, size_t begin, size_t end,
                 std::string message, std::string help,
                 std::vector<std::string> notes) const {
  Diagnostic diagnostic;
  diagnostic.code = code;
  diagnostic.span = node_.span_of(begin, end);
  diagnostic.message = std::move(message);
  diagnostic.help = std::move(help);
  diagnostic.notes = std::move(notes);
  throw SyntaxError{std::move(diagnostic)};
}

Token Lexer::next() {
  const std::string& text = node_.text;
  while (at_ < text.size() && (text[at_] == ' ' || text[at_] == '\n' ||
                               text[at_] == '\t' || text[at_] == '\r')) {
    ++at_;
  }
  if (at_ >= text.size()) {
    Token end;
    end.begin = end.end = text.size();
    return end;
  }
  char c = text[at_];
  bool fraction = c == '.' && at_ + 1 < text.size() && is_digit(text[at_ + 1]);
  if (is_digit(c) || fraction) return number();
  if (c == '"' || c == '\'') return string();
  if (is_letter(c)) return name();
  return op();
}

Token Lexer::number() {
  const std::string& text = node_.text;
  size_t end = at_;
  bool is_float = false;
  while (end < text.size() && is_digit(text[end])) ++end;
  bool ellipsis = text.compare(end, 2, "..") == 0;
  if (end < text.size() && text[end] == '.' && !ellipsis) {
    is_float = true;
    ++end;
    while (end < text.size() && is_digit(text[end])) ++end;
  }
  if (end < text.size() && (text[end] == 'e' || text[end] == 'E')) {
    size_t digits = end + 1;
    if (digits < text.size() && (text[digits] == '-' || text[digits] == '+')) {
      ++digits;
    }
    if (digits < text.size() && is_digit(text[digits])) {
      is_float = true;
      end = digits;
      while (end < text.size() && is_digit(text[end])) ++end;
    }
  }
  if (end < text.size() && is_name_char(text[end])) {
    size_t begin = at_;
    while (end < text.size() && is_name_char(text[end])) ++end;
    fail("L0301", begin, end,
         cat({backquoted(std::string_view(text).substr(begin, end - begin)),
              " is neither a number nor a name"}));
  }
  Token token;
  token.kind = is_float ? TokenKind::kFloat : TokenKind::kInt;
  token.begin = at_;
  token.end = end;
  token.text = text.substr(at_, end - at_);
  const char* first = token.text.data();
  const char* last = first + token.text.size();
  std::errc error = is_float ? std::from_chars(first, last, token.number).ec
                             : std::from_chars(first, last, token.integer).ec;
  if (error == std::errc::result_out_of_range) {
    fail("L0305", at_, end,
         is_float
             ? cat({backquoted(token.text), " is out of the range of float64"})
             : cat({backquoted(token.text),
                    " is beyond the largest integer, 2^63 - 1"}));
  }
  at_ = end;
  return token;
}

Token Lexer::string() {
  const std::string& text = node_.text;
  char quote = text[at_];
  Token token;
  token.kind = TokenKind::kString;
  token.begin = at_;
  size_t i = at_ + 1;
  for (; i < text.size() && text[i] != quote; ++i) {
    if (text[i] != '\\') {
      token.text += text[i];
      continue;
    }
    ++i;
    char c = i < text.size() ? text[i] : '\0';
    if (c == 'n') {
      token.text += '\n';
    } else if (c == 't') {
      token.text += '\t';
    } else if (c == '\\' || c == '\'' || c == '"') {
      token.text += c;
    } else {
      fail("L0301", i - 1, std::min(i + 1, text.size()),
           "unknown escape in a text", R"(the escapes are \n \t \\ \' \")");
    }
  }
  if (i >= text.size()) {
    fail("L0301", at_, at_ + 1, "this quote is opened and never closed");
  }
  token.end = at_ = i + 1;
  return token;
}

// letters, then parts behind dots, which may be numbers (`blocks.0.norm`).
Token Lexer::name() {
  const std::string& text = node_.text;
  size_t end = at_;
  while (end < text.size() && is_name_char(text[end])) ++end;
  while (end + 1 < text.size() && text[end] == '.' &&
         is_name_char(text[end + 1])) {
    ++end;
    while (end < text.size() && is_name_char(text[end])) ++end;
  }
  Token token;
  token.kind = TokenKind::kName;
  token.begin = at_;
  token.end = at_ = end;
  token.text = text.substr(token.begin, end - token.begin);
  for (std::string_view word : kWordOperators) {
    if (token.text == word) token.kind = TokenKind::kOperator;
  }
  return token;
}

Token Lexer::op() {
  std::string_view rest = std::string_view(node_.text).substr(at_);
  for (std::string_view candidate : kOperators) {
    if (rest.rfind(candidate, 0) != 0) continue;
    Token token;
    token.kind = TokenKind::kOperator;
    token.begin = at_;
    token.end = at_ += candidate.size();
    token.text = candidate;
    return token;
  }
  size_t end = at_ + 1;
  while (end < node_.text.size() &&
         (static_cast<unsigned char>(node_.text[end]) >> 6) == 2) {
    ++end;
  }
  fail("L0301", at_, end,
       cat({backquoted(rest.substr(0, end - at_)),
            " has no meaning in an expression"}));
}

}  // namespace lathe
