#pragma once
// What stands before every CUDA kernel: the only text with PTX. Kernels call
// its functions by names that say what a thread, a warp or a block does, so
// the same kernel text also compiles where these functions are emulated
// (LATHE_EMULATED: tests). Conversions, integers and functions of floats are
// the CPU's own text.

#include <string>

namespace lathe::cuda {

std::string device_header();

}  // namespace lathe::cuda
