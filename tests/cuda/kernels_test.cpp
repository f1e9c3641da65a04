// CUDA kernels in the emulator against the reference.
#include <doctest/doctest.h>

#include <string>

#include "codegen/compile.h"
#include "codegen/row_pieces.h"
#include "tests/codegen/column_cases.h"
#include "tests/codegen/model_check.h"
#include "tests/codegen/op_check.h"
#include "tests/codegen/row_piece_cases.h"
#include "tests/codegen/row_reduction_cases.h"
#include "tests/cuda/model_cases.h"
#include "tests/cuda/mutation_models.h"
#include "tests/support/codegen_text.h"

namespace lathe {

TEST_CASE("cuda kernels: models agree with the reference under seeds") {
  for (const uint64_t seed : {0, 1, 2, 3, 4}) {
    CAPTURE(seed);
    CHECK_EQ(failures_of(gpu_model_cases(), "sm_80", seed), "");
  }
}

TEST_CASE("cuda kernels: columns and parts agree with the reference") {
  for (const uint64_t seed : {1, 2}) {
    CAPTURE(seed);
    CHECK_EQ(failures_of(column_cases(), "sm_80", seed), "");
  }
}

TEST_CASE("cuda kernels: reductions over any axes agree with the reference") {
  CHECK_EQ(failures_of(row_reduction_cases(), "sm_80", 1), "");
}

TEST_CASE("cuda kernels: pieces of long rows agree with the reference") {
  const auto cases = row_piece_cases(4 * kGpuPiece, kGpuPiece);
  for (const uint64_t seed : {0, 1, 2, 3}) {
    CAPTURE(seed);
    CHECK_EQ(failures_of(cases, "sm_80", seed), "");
  }
}

TEST_CASE("cuda kernels: every sample of every op agrees") {
  CHECK_EQ(failures_of_ops("sm_90a", 2), "");
}

// NVRTC reads what is `__restrict__` before threads meet: sums that blocks add
// up, how many have ended, and results that other threads of a row read.
TEST_CASE("cuda kernels: what others store meanwhile is not restricted") {
  const auto text_of = [](const char* yaml) {
    std::string text;
    const Program program = compile(graph_from(yaml), target_preset("sm_90a"));
    for (const Kernel& kernel : program.kernels) text += kernel.text;
    return text;
  };
  const auto holds = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  };
  const std::string pieces = text_of(kPieces), parts = text_of(kParts);
  CHECK(holds(pieces, "    f32* sums_of_pieces,\n    i32* arrivals,\n"));
  CHECK(holds(parts, "    f32* parts,\n    i32* arrivals,\n"));
  CHECK(holds(parts, "    f32* __restrict__ out0"));
  const std::string row = text_of(R"(
inputs: {x: "float32[64, T]"}
body:
  - p = softmax(x)
  - y = p - flip(p, axis=1)
outputs: {p: p, y: y}
)");
  CHECK(holds(row, "    f32* out0,\n"));
  CHECK_FALSE(holds(row, "    f32* __restrict__ out0,\n"));
}

}  // namespace lathe
