#pragma once
// How close a kernel must come to the reference.

#include <string>

#include "interpreter/tensor.h"

namespace lathe {

// The first difference beyond the tolerance as text, or nothing. Floats may
// differ by a few roundings of the dtype in which they are computed, times
// the square root of `terms` (how many numbers were added), and by one
// rounding of the dtype in which they are stored; integers may not differ.
std::string difference(const Tensor& got, const Tensor& wanted,
                       int64_t terms = 1);

// The standard deviation of all elements.
double deviation(const Tensor& tensor);

}  // namespace lathe
