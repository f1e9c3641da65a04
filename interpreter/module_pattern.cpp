#include "interpreter/module_pattern.h"

#include <algorithm>
#include <cctype>
#include <regex>

#include "interpreter/name_pattern.h"
#include "spec/diagnostic.h"
#include "spec/text.h"

namespace lathe {
namespace {

// The expressions come from files: both limits keep matching cheap.
constexpr size_t kLongestExpression = 500;
constexpr size_t kLongestPath = 500;

// Matching without backtracking, where the library has it.
#ifdef __GLIBCXX__
constexpr auto kSyntax =
    std::regex::ECMAScript | std::regex_constants::__polynomial;
#else
constexpr auto kSyntax = std::regex::ECMAScript;
#endif

// Runs `match` on the pattern's expression; both may find that it is none.
template <typename Match>
bool with_expression(const ModulePattern& pattern, const std::string& path,
                     const Match& match) {
  if (path.size() > kLongestPath) return false;
  try {
    if (pattern.text.size() <= kLongestExpression) {
      return match(std::regex(pattern.text, kSyntax));
    }
  } catch (const std::regex_error&) {
  }
  fail("L0508", pattern.span,
       cat({backquoted(pattern.text),
            " is no regular expression that can be "
            "used here"}));
}

bool begins_with_match(const ModulePattern& pattern, const std::string& path) {
  return with_expression(pattern, path, [&](const std::regex& expression) {
    return std::regex_search(path, expression,
                             std::regex_constants::match_continuous);
  });
}

// True where a part of the path between dots begins or ends.
bool is_boundary(const std::string& path, size_t end) {
  return end == path.size() || path[end] == '.' ||
         (end > 0 && path[end - 1] == '.');
}

// Most entries are plain names, of which there may be hundreds.
bool is_plain(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.';
  });
}

// Hugging Face's rule: the end of the path, or an expression for the path up
// to a boundary.
bool matches_module(const ModulePattern& pattern, const std::string& path) {
  const std::string& text = pattern.text;
  const size_t size = text.size();
  const bool fits = path.size() >= size;
  if (fits && path.compare(path.size() - size, size, text) == 0) return true;
  if (is_plain(text)) {
    return fits && is_boundary(path, size) &&
           std::equal(text.begin(), text.end(), path.begin(),
                      [](char p, char c) { return p == '.' || c == p; });
  }
  return with_expression(pattern, path, [&](const std::regex& expression) {
    for (size_t end = 0; end <= path.size(); ++end) {
      const bool matched = is_boundary(path, end) &&
                           std::regex_match(path.substr(0, end), expression);
      if (matched) return true;
    }
    return false;
  });
}

bool matches_glob(const std::string& glob, const std::string& path) {
  if (match_name(glob, path)) return true;
  const bool subtree = glob.size() > 2 && glob.substr(glob.size() - 2) == ".*";
  return subtree && match_name(glob.substr(0, glob.size() - 2), path);
}

}  // namespace

bool matches(const ModulePattern& pattern, const std::string& path,
             std::string_view type) {
  switch (pattern.kind) {
    case ModulePattern::Kind::kName:
      return pattern.text == path || pattern.text == type;
    case ModulePattern::Kind::kRegex:
      return begins_with_match(pattern, path);
    case ModulePattern::Kind::kModule:
      return matches_module(pattern, path);
    case ModulePattern::Kind::kGlob:
      return matches_glob(pattern.text, path);
  }
  return false;
}

bool matches_any(const std::vector<ModulePattern>& patterns,
                 const std::string& path, std::string_view type) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const ModulePattern& pattern) {
                       return matches(pattern, path, type);
                     });
}

}  // namespace lathe
