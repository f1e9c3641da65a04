#pragma once
// Samples of ops that take two arguments, element by element.

#include <string>
#include <vector>

namespace lathe {

inline const std::vector<std::string> kPairSamples = {
    "x: [N], y: [N]",      "x: [B, 7], y: [7]", "x: [3, 1], y: [1, 5]",
    "x: [5, 3].T, y: [5]", "x: [], y: [2, 3]",  "x: [N], y: 3",
};

}  // namespace lathe
