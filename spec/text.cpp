#include "spec/text.h"

#include <cctype>

namespace lathe {

std::string cat(std::initializer_list<Piece> pieces) {
  size_t size = 0;
  for (const Piece& piece : pieces) size += piece.view().size();
  std::string out;
  out.reserve(size);
  for (const Piece& piece : pieces) out += piece.view();
  return out;
}

std::string join(const std::vector<std::string>& items,
                 std::string_view separator) {
  std::string out;
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out += separator;
    out += items[i];
  }
  return out;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  size_t begin = 0;
  while (true) {
    size_t end = text.find(separator, begin);
    if (end == std::string_view::npos) break;
    parts.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  parts.emplace_back(text.substr(begin));
  return parts;
}

bool is_identifier(std::string_view text) {
  if (text.empty() || std::isdigit(static_cast<unsigned char>(text[0]))) {
    return false;
  }
  for (char c : text) {
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!letter && c != '_' && !(c >= '0' && c <= '9')) return false;
  }
  return true;
}

std::string quoted(std::string_view text) {
  constexpr size_t kLongest = 60;
  std::string line = "`";
  auto append = [&line](std::string_view part) {
    for (char c : part) line += c == '\n' || c == '\t' ? ' ' : c;
  };
  // A cut must not split a character of UTF-8.
  auto inside = [&text](size_t i) {
    return i < text.size() && (static_cast<unsigned char>(text[i]) >> 6) == 2;
  };
  if (text.size() <= kLongest) {
    append(text);
  } else {
    size_t head = kLongest - 20;
    size_t tail = text.size() - 17;
    while (inside(head)) --head;
    while (inside(tail)) ++tail;
    append(text.substr(0, head));
    line += "...";
    append(text.substr(tail));
  }
  return line + "`";
}

}  // namespace lathe
