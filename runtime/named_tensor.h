#pragma once
// A tensor with the name that a user knows it by: an output, a row of a file.

#include <string>

#include "interpreter/tensor.h"

namespace lathe {

struct NamedTensor {
  std::string name;
  Tensor tensor;
};

}  // namespace lathe
