#pragma once
// Sizes that kernels count on, whatever GPU they are for.

#include <cstdint>

namespace lathe::cuda {

// Threads that run in step.
inline constexpr int kWarp = 32;
// The most rows that the kernels for few rows do.
inline constexpr int64_t kFewRows = 8;
// Bytes that a thread moves at once: at most, and for it to be worth while.
inline constexpr int64_t kMove = 16, kLeastMove = 4;
// k of a product of 16-bit numbers on tensor cores, and the lanes among which
// it is shared; the results that a lane has of one.
inline constexpr int64_t kMmaDepth = 16, kMmaLanes = 4, kMmaCells = 4;

}  // namespace lathe::cuda
