#pragma once
// The strategy for sums of products on a GPU, see strategy.h, and its parts for
// others.

#include "codegen/cuda/matmul_plan.h"
#include "codegen/cuda/prologue_form.h"
#include "codegen/strategy.h"

namespace lathe::cuda {

bool matches_matmul(const Group& group, const Target& target);
LoweredGroup lower_matmul(const Group& group, const Target& target);

// 1 when there are more than a few rows, else 0.
Dim many(const Dim& rows);

// Gives streaming up where the left side, of which a prologue may be the
// maker, is not read in packs.
void choose_stream(const Group& group, MatmulPlan& plan,
                   const PrologueForm* prologue);

// The kernels for few rows and for many, which have no items when there are
// others. Requires: choose_stream().
LoweredGroup lower_few(const Group& group, const MatmulPlan& plan,
                       const PrologueForm* prologue);
LoweredGroup lower_many(const Group& group, MatmulPlan plan,
                        const Target& target);

}  // namespace lathe::cuda
