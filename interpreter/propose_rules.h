#pragma once
// Rules of `checkpoint: {load: ...}` that a message proposes where a
// checkpoint does not fit a model: what names and shapes of both sides say.
// Nothing is proposed that leaves the order of joined parts to luck.

#include <string>
#include <vector>

#include "interpreter/weight_report.h"

namespace lathe {

// The rules as one would write them: `{rename: "model.*", to: "*"}`. At most
// three; empty if there is nothing to propose.
std::vector<std::string> propose_rules(const WeightReport& report);

// The name with the numbers between its dots replaced by `{i}`, `{j}`.
std::string generalised(const std::string& name);

}  // namespace lathe
