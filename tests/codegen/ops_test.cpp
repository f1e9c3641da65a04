// Every op, sample and dtype: compiled kernels against the reference.

#include <doctest/doctest.h>

#include "tests/codegen/op_check.h"

namespace lathe {

TEST_CASE("ops: kernels agree with the reference on every sample") {
  CHECK_EQ(failures_of_ops("avx2", 0, Specials::kYes), "");
}

}  // namespace lathe
