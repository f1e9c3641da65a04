#pragma once
// Numbers of items: where the compiler of a GPU's code sees that both sides of
// a division are below 2^31 it needs a tenth of the instructions, and so does
// the GPU.

#include "codegen/cuda/code_words.h"
#include "codegen/program.h"

namespace lathe::cuda {

// `e`, which is never negative, and below 2^31 as all numbers of items of a
// kernel whose threads share them (kMostSharedItems).
inline Expr item_index(const Expr& e) { return bit_and(e, kMostSharedItems); }

}  // namespace lathe::cuda
