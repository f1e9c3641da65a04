// Finds the places of a scalar's characters. The library gives the decoded text
// and where it begins; the source is walked along with the text.
#include "spec/text.h"
#include "spec/yaml_scan.h"

namespace lathe {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

void append_utf8(std::string& out, uint32_t code) {
  auto put = [&out](uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6);
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3F));
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

// Escapes in double quotes that stand for one character; others stand for
// themselves.
constexpr std::pair<char, uint32_t> kEscapes[] = {
    {'0', 0},    {'a', 7},      {'b', 8},     {'t', 9},  {'n', 10},
    {'v', 11},   {'f', 12},     {'r', 13},    {'e', 27}, {'N', 0x85},
    {'_', 0xA0}, {'L', 0x2028}, {'P', 0x2029}};

// Walks one scalar. `at` is the offset in the source.
class ScalarWalker {
 public:
  ScalarWalker(std::string_view source, uint32_t at, YamlNode& node)
      : source_(source), at_(at), node_(node) {}

  // Where the scalar ends; meaningful after one of the walks.
  uint32_t end() const { return at_; }

  // Plain and block scalars, and quoted ones with `quote` = '. False if the
  // source does not hold the text.
  bool walk_text(char quote) {
    std::string_view text = node_.text;
    for (size_t i = 0; i < text.size();) {
      if (is_blank(text[i])) {
        size_t run = i;
        while (run < text.size() && is_blank(text[run])) ++run;
        walk_blanks(run - i, run < text.size() || quote != 0);
        i = run;
        continue;
      }
      if (i == 0 && quote == 0) skip_blanks();
      if (at_ >= source_.size() || source_[at_] != text[i]) return false;
      node_.places.push_back(at_);
      at_ += text[i] == quote && quote != 0 ? 2 : 1;
      ++i;
    }
    return true;
  }

  // A scalar in double quotes, from behind the opening one. False if the
  // source ends before the closing quote.
  bool walk_double_quoted() {
    std::string text;
    while (at_ < source_.size() && source_[at_] != '"') {
      uint32_t start = at_;
      size_t before = text.size();
      if (source_[at_] == '\\') {
        decode_escape(text);
      } else if (is_blank(source_[at_])) {
        fold_blanks(text);
      } else {
        text += source_[at_++];
      }
      if (text.size() > before + 1 && source_[start] != '\\') {
        for (size_t i = before; i < text.size(); ++i) {
          node_.places.push_back(start + static_cast<uint32_t>(i - before));
        }
      } else {
        node_.places.resize(node_.places.size() + (text.size() - before),
                            start);
      }
    }
    node_.text = std::move(text);
    return at_ < source_.size();
  }

  void skip_blanks() {
    while (at_ < source_.size() && is_blank(source_[at_])) ++at_;
  }

 private:
  // `count` blanks of the text against a run of them in the source, which is
  // longer where line ends are folded or indentation is removed.
  void walk_blanks(size_t count, bool consume) {
    uint32_t run = at_;
    while (run < source_.size() && is_blank(source_[run])) ++run;
    bool same = run - at_ == count;
    for (size_t i = 0; i < count; ++i) {
      node_.places.push_back(same ? at_ + static_cast<uint32_t>(i) : at_);
    }
    if (consume) at_ = run;
  }

  // A run of blanks in double quotes: as it is within a line; else one line
  // end is a space and n are n - 1 line ends.
  void fold_blanks(std::string& text) {
    uint32_t run = at_;
    size_t lines = 0;
    while (run < source_.size() && is_blank(source_[run])) {
      if (source_[run] == '\n') ++lines;
      ++run;
    }
    if (lines == 0) {
      text += source_.substr(at_, run - at_);
    } else if (lines == 1) {
      text += ' ';
    } else {
      text.append(lines - 1, '\n');
    }
    at_ = run;
  }

  void decode_escape(std::string& text) {
    ++at_;  // the backslash
    if (at_ >= source_.size()) return;
    char c = source_[at_++];
    // An escaped line end joins the lines.
    if (c == '\r' || c == '\n') return skip_blanks();
    if (c == 'x') return decode_code_point(text, 2);
    if (c == 'u') return decode_code_point(text, 4);
    if (c == 'U') return decode_code_point(text, 8);
    for (const auto& [name, code] : kEscapes) {
      if (c == name) return append_utf8(text, code);
    }
    text += c;
  }

  void decode_code_point(std::string& text, size_t digits) {
    uint32_t code = 0;
    for (size_t i = 0; i < digits && at_ < source_.size(); ++i) {
      char c = source_[at_++];
      uint32_t digit = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
      code = code << 4 | (digit & 15);
    }
    append_utf8(text, code);
  }

  std::string_view source_;
  uint32_t at_;
  YamlNode& node_;
};

// The common case: one line that stands in the source as it is.
bool locate_contiguous(std::string_view source, uint32_t begin, char quote,
                       YamlNode& node) {
  if (source.substr(begin, node.text.size()) != node.text) return false;
  size_t end = begin + node.text.size();
  if (quote != 0) {
    if (end >= source.size() || source[end] != quote) return false;
    if (end + 1 < source.size() && source[end + 1] == '\'') return false;
    if (node.text.find_first_of("\\'\n\r") != std::string::npos) return false;
  }
  node.text_begin = begin;
  node.span.end = static_cast<uint32_t>(end + (quote != 0 ? 1 : 0));
  return true;
}

// Offset behind the line of a block scalar's `|` or `>`.
uint32_t block_begin(std::string_view source, uint32_t at) {
  size_t line_end = source.find('\n', at);
  return static_cast<uint32_t>(
      line_end == std::string_view::npos ? source.size() : line_end);
}

}  // namespace

void locate_scalar(const SourceRef& file, uint32_t begin, YamlNode& node,
                   Diagnostics& diagnostics) {
  std::string_view source = file->text;
  node.span = {file, begin, begin};
  char first = begin < source.size() ? source[begin] : '\0';
  char quote = first == '"' || first == '\'' ? first : '\0';
  bool block = first == '|' || first == '>';
  node.style = quote != 0 ? YamlStyle::kQuoted
               : block    ? YamlStyle::kBlock
                          : YamlStyle::kPlain;
  uint32_t start = quote != 0 ? begin + 1 : begin;
  if (!block && locate_contiguous(source, start, quote, node)) return;

  ScalarWalker walker(source, block ? block_begin(source, begin) : start, node);
  bool found =
      quote == '"' ? walker.walk_double_quoted() : walker.walk_text(quote);
  uint32_t end = walker.end();
  if (quote != 0) {
    if (found && quote == '\'') {
      found = end < source.size() && source[end] == quote;
    }
    if (!found) {
      node.span.end = start;
      diagnostics.error("L0106", node.span,
                        "this quote is opened and never closed",
                        cat({"put ", first == '"' ? "`\"`" : "`'`",
                             " at the end of the text"}));
      end = static_cast<uint32_t>(source.size());
    } else {
      ++end;
    }
  } else if (!found) {
    diagnostics.error("L0101", node.span, "this text cannot be read",
                      "put it in quotes");
  }
  node.places.resize(node.text.size(), end);
  node.places.push_back(quote != 0 && found ? end - 1 : end);
  node.span.end = end;
}

}  // namespace lathe
