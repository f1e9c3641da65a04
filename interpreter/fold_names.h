#pragma once
// Long lists of weight names, shortened for people: what repeats over the
// items of a list is one line, `model.layers.{0…31}.mlp.up_proj.weight`.

#include <string>
#include <vector>

#include "spec/diagnostic.h"

namespace lathe {

// Lines of a list in a message: the rest is counted.
inline constexpr size_t kListLines = 6;

// The names folded over equal runs of one number, in the order of their first
// mention; at most `max_lines` lines, the last saying how many more there are.
std::vector<std::string> fold_names(const std::vector<std::string>& names,
                                    size_t max_lines);

// Adds notes: a heading with the lines below it, or nothing if there are none.
void add_list(Diagnostic& diagnostic, const std::string& heading,
              const std::vector<std::string>& lines);

}  // namespace lathe
