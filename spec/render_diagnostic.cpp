// The two forms of a message: text with the line shown, and JSON.
#include <algorithm>

#include "spec/diagnostic.h"

namespace lathe {
namespace {

// Escape sequences of a terminal, or nothing.
struct Palette {
  std::string_view error, warning, place, help, bold, end;
};

constexpr Palette kPlain = {};
constexpr Palette kColored = {"\x1b[1;31m", "\x1b[1;33m", "\x1b[1;34m",
                              "\x1b[1;32m", "\x1b[1m",    "\x1b[0m"};

bool continues_character(char c) {
  return (static_cast<unsigned char>(c) >> 6) == 2;
}

int character_count(std::string_view text) {
  return static_cast<int>(std::count_if(text.begin(), text.end(), [](char c) {
    return !continues_character(c);
  }));
}

// A line of the source, cut to a window around the place where it is long,
// with the number of characters before and under the carets.
struct Excerpt {
  std::string text;
  int indent = 0;
  int width = 1;
};

Excerpt excerpt_of(const SourceSpan& span) {
  constexpr size_t kLongest = 160;
  constexpr size_t kBefore = 60;
  std::string_view line = line_text(*span.file, span.line());
  size_t start = span.file->line_starts[static_cast<size_t>(span.line()) - 1];
  size_t begin = std::min(span.begin - start, line.size());
  size_t end = std::clamp<size_t>(span.end - start, begin, line.size());
  size_t cut_begin = 0, cut_end = line.size();
  if (line.size() > kLongest) {
    cut_begin = begin > kBefore ? begin - kBefore : 0;
    cut_end = std::min(line.size(), cut_begin + kLongest);
    while (cut_begin > 0 && continues_character(line[cut_begin])) --cut_begin;
    while (cut_end < line.size() && continues_character(line[cut_end])) {
      ++cut_end;
    }
    end = std::min(end, cut_end);
  }
  Excerpt out;
  if (cut_begin > 0) out.text = "...";
  out.indent = static_cast<int>(out.text.size()) +
               character_count(line.substr(cut_begin, begin - cut_begin));
  out.width = std::max(1, character_count(line.substr(begin, end - begin)));
  out.text += printable(line.substr(cut_begin, cut_end - cut_begin));
  if (cut_end < line.size()) out.text += "...";
  return out;
}

void append_json_string(std::string& out, std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += "\\u00";
      out += kHex[c >> 4];
      out += kHex[c & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

void append_json_field(std::string& out, std::string_view key,
                       std::string_view text) {
  append_json_string(out, key);
  out += ": ";
  append_json_string(out, text);
}

}  // namespace

std::string render(const Diagnostic& d, Color color) {
  const Palette& p = color == Color::kYes ? kColored : kPlain;
  bool is_error = d.severity == Severity::kError;
  std::string out =
      cat({is_error ? p.error : p.warning, is_error ? "error[" : "warning[",
           d.code, "]", p.end, p.bold, ": ", d.message, p.end, "\n"});
  size_t width = 2;
  if (d.span.known()) {
    std::string number = std::to_string(d.span.line());
    width = std::max(width, number.size());
    std::string blank(width, ' ');
    Excerpt excerpt = excerpt_of(d.span);
    std::string bar = cat({p.place, blank, " |", p.end});
    out += cat({p.place,
                blank,
                "-->",
                p.end,
                " ",
                d.span.file->name,
                ":",
                number,
                ":",
                d.span.column(),
                "\n",
                bar,
                "\n",
                p.place,
                std::string(width - number.size(), ' '),
                number,
                " |",
                p.end,
                excerpt.text.empty() ? "" : " ",
                excerpt.text,
                "\n",
                bar,
                " ",
                std::string(static_cast<size_t>(excerpt.indent), ' '),
                p.error,
                std::string(static_cast<size_t>(excerpt.width), '^'),
                d.label.empty() ? "" : " ",
                d.label,
                p.end,
                "\n"});
  }
  std::string margin(width + 1, ' ');
  for (const std::string& note : d.notes) {
    out += cat({margin, p.place, "=", p.end, " ", note, "\n"});
  }
  if (!d.help.empty()) {
    out += cat({margin, p.place, "=", p.end, " ", p.help, "help:", p.end, " ",
                d.help, "\n"});
  }
  return out;
}

std::string render(const std::vector<Diagnostic>& diagnostics, Color color) {
  std::string out;
  for (const Diagnostic& diagnostic : diagnostics) {
    if (!out.empty()) out += "\n";
    out += render(diagnostic, color);
  }
  return out;
}

std::string to_json(const Diagnostic& d) {
  std::string out = "{";
  append_json_field(out, "code", d.code);
  out += ", ";
  append_json_field(out, "severity",
                    d.severity == Severity::kError ? "error" : "warning");
  out += ", ";
  append_json_field(out, "message", d.message);
  if (d.span.known()) {
    SourceSpan last = {d.span.file, std::max(d.span.begin, d.span.end),
                       d.span.end};
    out += ", ";
    append_json_field(out, "file", d.span.file->name);
    out += cat(
        {", \"line\": ", d.span.line(), ", \"column\": ", d.span.column(),
         ", \"end_line\": ", last.line(), ", \"end_column\": ", last.column()});
  }
  out += ", \"notes\": [";
  for (size_t i = 0; i < d.notes.size(); ++i) {
    if (i > 0) out += ", ";
    append_json_string(out, d.notes[i]);
  }
  out += "]";
  if (!d.help.empty()) {
    out += ", ";
    append_json_field(out, "help", d.help);
  }
  return out + "}";
}

}  // namespace lathe
