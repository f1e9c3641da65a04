#pragma once
// Whether the sides of a product lie in memory as matrices that sm_90a's copy
// unit fetches tiles of, and as what.

#include <optional>
#include <vector>

#include "codegen/cuda/matmul_parts.h"

namespace lathe::cuda {

// Bytes of a tile's line.
inline constexpr int64_t kTileLine = 128;

struct TileViews {
  TensorView left;
  std::vector<TensorView> right;  // by part of the form
};

// Tiles of `left_lines` and `right_lines` lines. Nothing where a side is not
// stored as the numbers that tensor cores multiply, or where its lines do not
// stand at equal distances of 16 bytes.
std::optional<TileViews> tile_views(MatmulParts& parts, int64_t left_lines,
                                    int64_t right_lines);

}  // namespace lathe::cuda
