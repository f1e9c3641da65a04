#include "interpreter/module_pattern.h"

#include <algorithm>
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

std::regex compiled(const ModulePattern& pattern) {
  try {
    if (pattern.text.size() <= kLongestExpression) {
      return std::regex(pattern.text, kSyntax);
    }
  } catch (const std::regex_error&) {
  }
  fail("L0508", pattern.span,
       cat({quoted(pattern.text), " is no regular expression that can be "
            "used here"}));
}

bool begins_with_match(const ModulePattern& pattern, const std::string& path) {
  return path.size() <= kLongestPath &&
         std::regex_search(path, compiled(pattern),
                           std::regex_constants::match_continuous);
}

// Hugging Face's rule: the end of the path, or an expression for the path up
// to where a part of it begins or ends.
bool matches_module(const ModulePattern& pattern, const std::string& path) {
  const std::string& text = pattern.text;
  const bool at_end =
      path.size() >= text.size() &&
      path.compare(path.size() - text.size(), text.size(), text) == 0;
  if (at_end) return true;
  if (path.size() > kLongestPath) return false;
  const std::regex expression = compiled(pattern);
  for (size_t end = 0; end <= path.size(); ++end) {
    const bool boundary = end == path.size() || path[end] == '.' ||
                          (end > 0 && path[end - 1] == '.');
    if (boundary && std::regex_match(path.substr(0, end), expression)) {
      return true;
    }
  }
  return false;
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
