#pragma once
// Matrix products by kernels of ours, and beside them, for the sizes where that
// is worth while, by a library of the device (library_product.h).
//
// Either all products of a group are the library's or none: while its choice is
// 1 the own kernels have no items, else those around the library and its scratch
// have none. What the library cannot make of the sums (activations, gates) a kernel
// behind it makes of float32 sums in memory. A weight is kept once: where own
// kernels want another layout than the stored one, the library gets nothing.

#include "codegen/strategy.h"

namespace lathe::cuda {

// Requires: matches_matmul(group, target).
LoweredGroup lower_products(const Group& group, const Target& target);

// Adds the library's steps behind `lowered`, which are the kernels of ours for
// `group`; nothing where it has no such product.
void add_library(const Group& group, const Target& target,
                 LoweredGroup& lowered);

}  // namespace lathe::cuda
