#include "runtime/index_room.h"

#include <algorithm>

namespace lathe {

std::vector<bool> find_indexed(const Program& program) {
  std::vector<bool> indexed(program.buffers.size(), false);
  for (const Step& step : program.steps) {
    if (step.faults.empty()) continue;
    for (int buffer : step.buffers) indexed[size_t(buffer)] = true;
  }
  return indexed;
}

int64_t index_room(DType dtype, const std::vector<int64_t>& shape) {
  int64_t count = 1;
  for (int64_t size : shape) {
    if (__builtin_mul_overflow(count, std::max<int64_t>(size, 1), &count)) {
      return 0;
    }
  }
  try {
    return bytes_of(dtype, count);
  } catch (const DimError&) {
    return 0;
  }
}

}  // namespace lathe
