#pragma once
// Which buffers of a program hold weights, and for how long: what a run reads
// stays, the rest goes with the last load step that reads it.

#include <cstdint>
#include <vector>

#include "codegen/program.h"

namespace lathe {

struct WeightUses {
  // By buffer: the last load step that needs it, or -1.
  std::vector<int> last_load_step;
  // By buffer: a weight, constant or packed weight that a run needs.
  std::vector<bool> kept;
};

WeightUses find_weight_uses(const Program& program);

// Bytes of a buffer whose sizes are numbers, as those of weights are.
int64_t weight_bytes(const Buffer& buffer);

}  // namespace lathe
