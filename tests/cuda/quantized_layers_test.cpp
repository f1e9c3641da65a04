// Decoder layers with quantised weights: how many kernels a run of few tokens
// takes, and what these compute.
#include <doctest/doctest.h>

#include "tests/cuda/launches.h"
#include "tests/cuda/quantized_layers.h"

namespace lathe {

// Each product makes the codes of its rows and their scales itself, as it norms
// them: every block does so for all its rows, of which there are few.
TEST_CASE("cuda plan: few tokens take six kernels a quantised layer") {
  for (const Quantization& of : quantizations()) {
    CAPTURE(of.name);
    const std::string layer = layer_of(of, "bfloat16", "h");
    for (const int64_t tokens : {1, 8}) {
      CHECK_EQ(launches(layer, tokens),
               "matmul row attention matmul matmul matmul");
    }
    CHECK_EQ(launches(layer, 9), of.many);
  }
}

TEST_CASE("cuda kernels: quantised layers agree with the reference") {
  CHECK_EQ(failures_of(quantized_layer_cases(), "sm_90a", 1), "");
}

}  // namespace lathe
