#include "tests/support/runner.h"

#include <cstring>

namespace lathe {

Tensor Runner::first_contents(const Buffer& buffer,
                              const EvaluateInputs& inputs) {
  if (buffer.role == BufferRole::kConstant) return *buffer.constant;
  bool given =
      buffer.role == BufferRole::kInput || buffer.role == BufferRole::kWeight;
  if (given) return inputs.tensors.at(buffer.value);
  Tensor tensor(buffer.dtype, eval(buffer.shape, inputs.dims));
  // Nothing may depend on what memory held before.
  if (tensor.bytes() > 0) {
    std::memset(tensor.mutable_data(), 0xa5,
                static_cast<size_t>(tensor.bytes()));
  }
  return tensor;
}

}  // namespace lathe
