#pragma once
// Loops for stages whose elements depend on each other in order: scans,
// updates and sorts. One stage a group.

#include "codegen/strategy.h"

namespace lathe {

// Requires: group.kind is kSequential.
LoweredGroup lower_sequential(const Group& group);

}  // namespace lathe
