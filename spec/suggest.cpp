#include "spec/suggest.h"

#include <algorithm>
#include <cctype>

#include "spec/text.h"

namespace lathe {
namespace {

char lower(char c) {
  return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

double replacement_cost(char a, char b) {
  if (a == b) return 0;
  return lower(a) == lower(b) ? 0.5 : 1;
}

// Names with a typing mistake differ in few characters; a word that contains
// or begins the other is meant more often than its distance tells.
double score(std::string_view name, const std::string& candidate) {
  double distance = edit_distance(name, candidate);
  bool extends = name.size() >= 3 && candidate.size() >= 3 &&
                 (candidate.find(name) != std::string::npos ||
                  name.find(candidate) != std::string_view::npos);
  return extends ? std::min(distance, 2.0) : distance;
}

}  // namespace

double edit_distance(std::string_view a, std::string_view b) {
  // Three rows of the usual table: swaps look two rows back.
  std::vector<double> before(b.size() + 1), above(b.size() + 1),
      row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) above[j] = static_cast<double>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = static_cast<double>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1,
                         above[j - 1] + replacement_cost(a[i - 1], b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

std::string nearest(std::string_view name,
                    const std::vector<std::string>& candidates) {
  // A third of the name may be wrong, and at least one character.
  double limit = std::max(1.0, static_cast<double>(name.size()) / 3 + 0.5);
  std::string best;
  double best_score = 0;
  for (const std::string& candidate : candidates) {
    double value = score(name, candidate);
    if (value > limit) continue;
    if (best.empty() || value < best_score) {
      best = candidate;
      best_score = value;
    }
  }
  return best;
}

std::string did_you_mean(std::string_view name,
                         const std::vector<std::string>& candidates) {
  std::string best = nearest(name, candidates);
  if (best.empty()) return "";
  return cat({"did you mean `", best, "`?"});
}

}  // namespace lathe
