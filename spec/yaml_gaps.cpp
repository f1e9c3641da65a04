// The strictness that the YAML library lacks: what it accepts or skips without
// a word is found by looking at the text itself.
#include "spec/text.h"
#include "spec/yaml_scan.h"

namespace lathe {
namespace {

SourceSpan at(const SourceRef& file, size_t begin, size_t end) {
  return {file, static_cast<uint32_t>(begin), static_cast<uint32_t>(end)};
}

bool is_forbidden(std::string_view text, size_t i) {
  auto c = static_cast<unsigned char>(text[i]);
  if (c == '\r') return i + 1 >= text.size() || text[i + 1] != '\n';
  return c == 0x7F || (c < 0x20 && c != '\n' && c != '\t');
}

std::string hex_byte(char c) {
  constexpr char kHex[] = "0123456789abcdef";
  auto byte = static_cast<unsigned char>(c);
  return {'0', 'x', kHex[byte >> 4], kHex[byte & 15]};
}

bool starts_line(std::string_view text, size_t i) {
  return i == 0 || text[i - 1] == '\n';
}

bool is_marker(std::string_view text, size_t i, std::string_view marker) {
  size_t end = i + marker.size();
  return starts_line(text, i) && text.substr(i, marker.size()) == marker &&
         (end >= text.size() || text[end] == '\n' || text[end] == ' ' ||
          text[end] == '\r');
}

size_t line_end(std::string_view text, size_t i) {
  size_t end = text.find('\n', i);
  if (end == std::string_view::npos) end = text.size();
  if (end > i && text[end - 1] == '\r') --end;
  return end;
}

// Walks the text between two nodes.
class GapChecker {
 public:
  GapChecker(const SourceRef& file, Diagnostics& diagnostics)
      : file_(file), text_(file->text), diagnostics_(diagnostics) {}

  // False once something was found that makes the rest meaningless.
  bool check(size_t begin, size_t end, bool first, bool last) {
    last_mark_ = 0;
    for (size_t i = begin; i < end; ++i) {
      char c = text_[i];
      if (starts_line(text_, i) && (c == ' ' || c == '\t')) check_indent(i);
      if (c == ' ' || c == '\t' || c == '\n' || c == '\r') continue;
      if (c == '#') {
        i = line_end(text_, i);
        continue;
      }
      if (first && c == '%' && starts_line(text_, i)) {
        error("L0110", i, line_end(text_, i), "directives are not supported");
        i = line_end(text_, i);
        continue;
      }
      if (is_marker(text_, i, "---") || is_marker(text_, i, "...")) {
        if (first && c == '-') {
          i += 2;
          continue;
        }
        if (last && c == '.' &&
            skip_blanks(text_, static_cast<uint32_t>(i + 3)) == end) {
          return true;
        }
        error("L0105", i, i + 3, "a second document begins here",
              "a spec is one document: remove it or move it to its own file");
        return false;
      }
      if (!check_punctuation(i, last)) return false;
    }
    return true;
  }

 private:
  void error(std::string_view code, size_t begin, size_t end,
             std::string message, std::string help = "") {
    diagnostics_.error(code, at(file_, begin, end), std::move(message),
                       std::move(help));
  }

  void check_indent(size_t i) {
    size_t tab = std::string_view::npos;
    for (; i < text_.size() && (text_[i] == ' ' || text_[i] == '\t'); ++i) {
      if (text_[i] == '\t' && tab == std::string_view::npos) tab = i;
    }
    bool blank = i >= text_.size() || text_[i] == '\n' || text_[i] == '\r' ||
                 text_[i] == '#';
    if (tab != std::string_view::npos && !blank) {
      error("L0103", tab, i, "a tab indents this line",
            "indent with spaces only");
    }
  }

  bool check_punctuation(size_t i, bool last) {
    char c = text_[i];
    bool known = std::string_view("-:,?[]{}").find(c) != std::string_view::npos;
    bool item = c == '-' || c == '?';
    if (item && i + 1 < text_.size() && text_[i + 1] > ' ') known = false;
    if (last && !(c == ']' || c == '}' || c == ',' || c == ':' || c == '-')) {
      known = false;
    }
    if (!known) {
      error("L0111", i, line_end(text_, i), "this text belongs to nothing",
            last ? "the file's content ends above: indent the line as the "
                   "lines it belongs to"
                 : "");
      return false;
    }
    bool opens = last_mark_ == '[' || last_mark_ == '{' || last_mark_ == ',';
    if (c == ',' && opens) {
      error("L0101", i, i + 1, "nothing stands before this comma",
            "remove the comma");
    }
    last_mark_ = c;
    return true;
  }

  const SourceRef& file_;
  std::string_view text_;
  Diagnostics& diagnostics_;
  char last_mark_ = 0;  // last punctuation in this gap
};

}  // namespace

bool check_text(const SourceRef& file, Diagnostics& diagnostics) {
  std::string_view text = file->text;
  if (text.size() > kMaxYamlBytes) {
    diagnostics.error("L0109", at(file, 0, 0),
                      cat({"the file has ", text.size(),
                           " bytes; a spec may have ", kMaxYamlBytes}));
    return false;
  }
  for (size_t i = 0; i < text.size();) {
    size_t length = utf8_length(text, i);
    if (length == 0) {
      diagnostics.error(
          "L0104", at(file, i, i + 1),
          cat({"the byte ", hex_byte(text[i]), " is not UTF-8 text"}),
          "save the file as UTF-8");
      return false;
    }
    if (is_forbidden(text, i)) {
      diagnostics.error("L0104", at(file, i, i + 1),
                        cat({"the control character ", hex_byte(text[i]),
                             " cannot stand in a spec"}),
                        text[i] == '\r'
                            ? "save the file with line ends of Unix or Windows"
                            : "write it as an escape in double quotes: "
                              "\"\\x..\"");
      return false;
    }
    i += length;
  }
  return true;
}

uint32_t skip_blanks(std::string_view text, uint32_t offset) {
  size_t i = offset;
  while (i < text.size()) {
    char c = text[i];
    if (c == '#') {
      i = line_end(text, i);
    } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      ++i;
    } else {
      break;
    }
  }
  return static_cast<uint32_t>(i);
}

uint32_t skip_properties(const SourceRef& file, uint32_t offset,
                         uint32_t& covered_end, Diagnostics& diagnostics) {
  std::string_view text = file->text;
  covered_end = offset;
  uint32_t i = offset;
  while (i < text.size() && (text[i] == '&' || text[i] == '!')) {
    uint32_t begin = i;
    while (i < text.size() && std::string_view(" \t\r\n,[]{}").find(text[i]) ==
                                  std::string_view::npos) {
      ++i;
    }
    if (text[begin] == '!') {
      diagnostics.error(
          "L0110", {file, begin, i},
          cat({"the tag ", backquoted(text.substr(begin, i - begin)),
               " is not supported"}),
          "leave it out: the field gives the value its type");
    }
    covered_end = i;
    i = skip_blanks(text, i);
  }
  return i;
}

void check_gaps(const SourceRef& file,
                const std::vector<std::pair<uint32_t, uint32_t>>& covered,
                Diagnostics& diagnostics) {
  GapChecker checker(file, diagnostics);
  // A byte order mark is no text.
  size_t end = file->text.rfind("\xEF\xBB\xBF", 0) == 0 ? 3 : 0;
  bool first = true;
  for (const auto& [begin, next_end] : covered) {
    if (begin > end && !checker.check(end, begin, first, false)) return;
    if (next_end > end) end = next_end;
    first = false;
  }
  checker.check(end, file->text.size(), first, true);
}

}  // namespace lathe
