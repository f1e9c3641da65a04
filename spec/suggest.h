#pragma once
// "Did you mean": the nearest of the valid names.

#include <string>
#include <string_view>
#include <vector>

namespace lathe {

// Number of single-character insertions, removals, replacements and swaps of
// neighbours that turn `a` into `b`; case counts half.
double edit_distance(std::string_view a, std::string_view b);

// The candidate nearest to `name`, or empty if none is near enough to be meant.
std::string nearest(std::string_view name,
                    const std::vector<std::string>& candidates);

// "did you mean `hidden`?" for the nearest candidate, or empty.
std::string did_you_mean(std::string_view name,
                         const std::vector<std::string>& candidates);

}  // namespace lathe
