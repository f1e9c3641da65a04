#pragma once
// Random values for the parameters of ops that are no tensors.

#include <random>

#include "interpreter/op.h"

namespace lathe {

// A value that is often right for a tensor of shape `x`, chosen by the
// parameter's kind and name.
OpArg random_argument(const OpParam& param, const Shape& x,
                      std::mt19937_64& random);

}  // namespace lathe
