#include "interpreter/fold_names.h"

#include <algorithm>
#include <map>

#include "spec/text.h"

namespace lathe {
namespace {

// A name cut at its first number that stands between dots.
struct Pattern {
  std::string before, after;
  int64_t number = -1;  // -1: no number
};

Pattern pattern_of(const std::string& name) {
  const std::vector<std::string> parts = split(name, '.');
  Pattern pattern;
  for (const std::string& part : parts) {
    std::string& side = pattern.number < 0 ? pattern.before : pattern.after;
    if (pattern.number < 0 && part.size() < 9 && is_digits(part)) {
      pattern.number = std::stoll(part);
      continue;
    }
    side += (&side == &pattern.after || !side.empty() ? "." : "") + part;
  }
  return pattern;
}

// "0…3,7" for sorted numbers.
std::string ranges(const std::vector<int64_t>& numbers) {
  std::vector<std::string> parts;
  for (size_t i = 0; i < numbers.size();) {
    size_t last = i;
    while (last + 1 < numbers.size() &&
           numbers[last + 1] == numbers[last] + 1) {
      ++last;
    }
    const std::string first_text = std::to_string(numbers[i]);
    parts.push_back(last == i ? first_text
                              : first_text + "\u2026" +
                                    std::to_string(numbers[last]));
    i = last + 1;
  }
  return join(parts, ",");
}

std::string folded(const Pattern& pattern, std::vector<int64_t> numbers) {
  if (pattern.number < 0) return pattern.before;
  // Names may come in the order of letters: 1, 10, 2.
  std::sort(numbers.begin(), numbers.end());
  const std::string middle = numbers.size() == 1 ? std::to_string(numbers[0])
                                                 : "{" + ranges(numbers) + "}";
  return pattern.before + (pattern.before.empty() ? "" : ".") + middle +
         pattern.after;
}

}  // namespace

std::vector<std::string> fold_names(const std::vector<std::string>& names,
                                    size_t max_lines) {
  std::vector<std::pair<Pattern, std::vector<int64_t>>> groups;
  std::map<std::string, size_t> index;
  for (const std::string& name : names) {
    Pattern pattern = pattern_of(name);
    const std::string key = cat({pattern.before, "\n", pattern.after, "\n",
                                 pattern.number < 0 ? "" : "n"});
    const auto [it, is_new] = index.try_emplace(key, groups.size());
    const int64_t number = pattern.number;
    if (is_new) groups.push_back({std::move(pattern), {}});
    groups[it->second].second.push_back(number);
  }
  std::vector<std::string> lines;
  for (const auto& [pattern, numbers] : groups) {
    if (lines.size() + 1 == max_lines && groups.size() > max_lines) {
      lines.push_back(cat({"and ", groups.size() - lines.size(), " more"}));
      break;
    }
    lines.push_back(folded(pattern, numbers));
  }
  return lines;
}

void add_list(Diagnostic& diagnostic, const std::string& heading,
              const std::vector<std::string>& lines) {
  if (lines.empty()) return;
  diagnostic.notes.push_back(heading);
  for (const std::string& line : lines) {
    diagnostic.notes.push_back("  " + line);
  }
}

}  // namespace lathe
