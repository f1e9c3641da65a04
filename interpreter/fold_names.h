#pragma once
// Long lists of weight names, shortened for people: what repeats over the
// items of a list is one line, `model.layers.{0…31}.mlp.up_proj.weight`.

#include <string>
#include <vector>

namespace lathe {

// The names folded over equal runs of one number, in the order of their first
// mention; at most `max_lines` lines, the last saying how many more there are.
std::vector<std::string> fold_names(const std::vector<std::string>& names,
                                    size_t max_lines);

}  // namespace lathe
