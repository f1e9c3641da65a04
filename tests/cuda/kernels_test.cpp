// CUDA kernels in the emulator against the reference.
#include <doctest/doctest.h>

#include "codegen/row_pieces.h"
#include "tests/codegen/column_cases.h"
#include "tests/codegen/model_check.h"
#include "tests/codegen/op_check.h"
#include "tests/codegen/row_piece_cases.h"
#include "tests/codegen/row_reduction_cases.h"
#include "tests/cuda/model_cases.h"

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

}  // namespace lathe
