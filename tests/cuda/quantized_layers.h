#pragma once
// Decoder layers with every kind of quantised weights.

#include <string>
#include <vector>

#include "tests/codegen/model_check.h"

namespace lathe {

struct Quantization {
  std::string name;
  std::string linear;  // fields of the projections
  std::string values;
  // The kernels of nine tokens, where products and norms are apart.
  std::string many;
};

const std::vector<Quantization>& quantizations();

// A layer whose `x` and weights are of this type, for T tokens; y is `result`
// of what the layer makes, h.
std::string layer_of(const Quantization& of, const std::string& dtype,
                     const std::string& result);

// In float32, where nothing but the order of sums can move a code; at the size
// of a token's numbers, as weights differ in theirs.
std::vector<ModelCase> quantized_layer_cases();

}  // namespace lathe
