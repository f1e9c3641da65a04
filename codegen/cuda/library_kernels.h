#pragma once
// Kernels of ours around the products of a library.

#include <vector>

#include "codegen/cuda/library_sides.h"
#include "codegen/strategy.h"

namespace lathe::cuda {

// Writes the left side's factors to scratch number `scratch`, which is
// [blocks of 128 of the depth][padded rows]. `runs` is 1 where it is wanted,
// else 0. Requires: left.factor.
LoweredKernel lay_out_scales(const Group& group, const MatmulForm& form,
                             const LibrarySide& left, const Dim& padded_rows,
                             int scratch, const Dim& runs);

// Stores what the maps of `sections` make of their parts' sums, which stand in
// scratch sums[part] as float32[rows][columns].
LoweredKernel close_sections(const Group& group, const MatmulForm& form,
                             const std::vector<MatmulSection>& sections,
                             const std::vector<int>& sums, const Dim& runs);

}  // namespace lathe::cuda
