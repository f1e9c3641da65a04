// Products of many rows on sm_90a in the emulator against the reference.
#include <doctest/doctest.h>

#include "codegen/compile.h"
#include "tests/codegen/model_check.h"
#include "tests/cuda/wgmma_cases.h"
#include "tests/support/codegen_text.h"

namespace lathe {
namespace {

// Kernels that fetch tiles.
int fetching(const Program& program) {
  int count = 0;
  for (const Kernel& kernel : program.kernels) {
    count += kernel.launch.views.empty() ? 0 : 1;
  }
  return count;
}

}  // namespace

TEST_CASE("cuda wgmma: products of many rows") {
  for (const uint64_t seed : {0, 1, 4}) {
    CHECK_EQ(failures_of(wgmma_cases(), "sm_90a", seed), "");
  }
}

TEST_CASE("cuda wgmma: each of them fetches tiles, on sm_90a alone") {
  for (const ModelCase& c : wgmma_cases()) {
    CAPTURE(c.name);
    const Graph graph = graph_from(c.yaml);
    CHECK_EQ(fetching(compile(graph, target_preset("sm_90a"))), 1);
    CHECK_EQ(fetching(compile(graph, target_preset("sm_100a"))), 0);
  }
}

TEST_CASE("cuda wgmma: sides that do not lie in lines have other kernels") {
  for (const char* yaml : {
           // Lines at 20 bytes; codes of another width.
           R"(
inputs: {x: "bfloat16[M, 10]"}
weights: {w: "bfloat16[32, 10]"}
body:
  - y = x @ transpose(w)
)",
           R"(
inputs: {x: "bfloat16[M, 64]"}
weights: {w: "float8_e4m3fn[32, 64]"}
body:
  - y = cast(x, float32) @ transpose(cast(w, float32))
)"}) {
    CHECK_EQ(fetching(compile(graph_from(yaml), target_preset("sm_90a"))), 0);
  }
}

}  // namespace lathe
