#pragma once
// Programs written by hand, so that everything that runs programs is tested
// without what makes them.

#include <string>

#include "codegen/program.h"

namespace lathe {

// The structs of kernel_abi.h, as a program's prelude spells them.
std::string hand_prelude();

// A kernel whose body is the inside of `for (i64 i = lo; i < hi; ++i)`, with
// the arguments' pointers `f0, f1, ...` (float), `n0, n1, ...` (i64) and the
// dims `d0, d1, ...`.
Kernel hand_kernel(const std::string& name, const std::string& body,
                   int buffers, int dims);

// The same with the whole function's body.
Kernel hand_function(const std::string& name, const std::string& body,
                     int buffers, int dims);

// y[B, 4] = (x[B, 4] * p) + 1, with p = 2 * weight `w` packed at load; `t`
// holds the product.
Program scale_program();

// A tensor of these numbers.
Tensor floats(std::vector<int64_t> shape, const std::vector<double>& values);

// y[N] = table[index], with the constant table {10, 20, 30} and index checks.
Program gather_program();

}  // namespace lathe
