#pragma once
// A matrix in memory of which a GPU's copy unit fetches tiles into shared
// memory (a CUDA tensor map): lines of numbers side by side, and lines at equal
// distances. What lies outside it counts as zero. A line of a tile has 128
// bytes, and its pieces of 16 bytes stand swizzled: that with number c of line
// l is at c xor l % 8.

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>

#include "spec/check.h"
#include "spec/dim.h"
#include "spec/dtype.h"

namespace lathe {

struct TensorView {
  int buffer = 0;  // which of the kernel's buffers
  DType dtype = DType::kFloat32;
  int64_t first = 0;  // the element where line 0 begins
  // Numbers of a line, lines, and their distance in elements, which is a
  // multiple of 16 bytes; over the kernel's dims n0, n1, ...
  Dim depth, lines, stride;
  // Of a tile.
  int64_t tile_depth = 0, tile_lines = 0;
};

// A view's sizes, for the dim arguments of a launch. InternalError where there
// are more lines than the copy unit counts, in 32 bits with a sign.
struct BoundView {
  int64_t depth = 0, lines = 0;
  int64_t stride = 0;  // in bytes
  // Then there are no tiles to fetch, and no tensor map says so.
  bool is_empty() const { return depth == 0 || lines == 0; }
};
inline BoundView bind_view(const TensorView& view,
                           std::span<const int64_t> dims) {
  DimBindings bindings;
  for (size_t i = 0; i < dims.size(); ++i) {
    bindings["n" + std::to_string(i)] = dims[i];
  }
  const BoundView bound{view.depth.eval(bindings), view.lines.eval(bindings),
                        view.stride.eval(bindings) * size_of(view.dtype)};
  LATHE_CHECK(std::max(bound.depth, bound.lines) <= INT32_MAX, "a view of ",
              bound.lines, " lines of ", bound.depth);
  return bound;
}

}  // namespace lathe
