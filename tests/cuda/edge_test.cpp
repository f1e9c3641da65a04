// Sizes and forms at the edge of what GPU kernels are written for, in the
// emulator against the reference.
#include <doctest/doctest.h>

#include "tests/codegen/model_check.h"

namespace lathe {
namespace {

const std::vector<ModelCase>& edge_cases() {
  static const std::vector<ModelCase> all = {
      {.name = "split sections of one and of two products",
       .yaml = R"(
inputs: {x: "bfloat16[B, 2048]"}
weights: {g: "bfloat16[40, 2048]", u: "bfloat16[40, 2048]", w: "bfloat16[40, 2048]"}
body:
  - f = cast(x, float32)
  - y = (f @ transpose(cast(g, float32))) * (f @ transpose(cast(u, float32)))
  - z = f @ transpose(cast(w, float32))
outputs: {y: y, z: z}
)",
       .sizes = sizes_of("B", {9, 12}),
       .strategies = "matmul",
       .terms = 2048},
  };
  return all;
}

}  // namespace

TEST_CASE("cuda edges: few rows, many, none") {
  for (const uint64_t seed : {0, 1, 2}) {
    CHECK_EQ(failures_of(edge_cases(), "sm_90a", seed), "");
  }
}

}  // namespace lathe
