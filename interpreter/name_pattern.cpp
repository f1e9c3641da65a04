#include "interpreter/name_pattern.h"

namespace lathe {
namespace {

// Length of a `{name}` at the beginning of the pattern, or 0.
size_t placeholder_length(std::string_view pattern) {
  if (pattern.empty() || pattern[0] != '{') return 0;
  const size_t close = pattern.find('}');
  return close == std::string_view::npos ? 0 : close + 1;
}

// Patterns are short and have few stars, so plain backtracking will do.
bool match(std::string_view pattern, std::string_view name, Captures& out) {
  if (pattern.empty()) return name.empty();
  if (pattern[0] == '*') {
    for (size_t length = name.size() + 1; length-- > 0;) {
      Captures attempt = out;
      attempt.stars.emplace_back(name.substr(0, length));
      if (match(pattern.substr(1), name.substr(length), attempt)) {
        out = std::move(attempt);
        return true;
      }
    }
    return false;
  }
  if (const size_t length = placeholder_length(pattern)) {
    const std::string key(pattern.substr(1, length - 2));
    const size_t end = std::min(name.find('.'), name.size());
    const std::string text(name.substr(0, end));
    if (text.empty()) return false;
    const auto [it, is_new] = out.names.try_emplace(key, text);
    if (!is_new && it->second != text) return false;
    return match(pattern.substr(length), name.substr(end), out);
  }
  if (name.empty() || name[0] != pattern[0]) return false;
  return match(pattern.substr(1), name.substr(1), out);
}

}  // namespace

std::optional<Captures> match_name(std::string_view pattern,
                                   std::string_view name) {
  Captures captures;
  if (!match(pattern, name, captures)) return std::nullopt;
  return captures;
}

std::optional<std::string> fill_pattern(std::string_view pattern,
                                        const Captures& captures) {
  std::string text;
  size_t star = 0;
  while (!pattern.empty()) {
    size_t length = placeholder_length(pattern);
    if (pattern[0] == '*') {
      if (star == captures.stars.size()) return std::nullopt;
      text += captures.stars[star++];
      length = 1;
    } else if (length > 0) {
      const auto it = captures.names.find(pattern.substr(1, length - 2));
      text += it == captures.names.end()
                  ? std::string(pattern.substr(0, length))
                  : it->second;
    } else {
      text += pattern[0];
      length = 1;
    }
    pattern.remove_prefix(length);
  }
  return text;
}

std::string open_placeholder(std::string_view text) {
  const size_t open = text.find('{');
  if (open == std::string_view::npos) return "";
  const size_t length = placeholder_length(text.substr(open));
  if (length == 0) return "";
  return std::string(text.substr(open + 1, length - 2));
}

}  // namespace lathe
