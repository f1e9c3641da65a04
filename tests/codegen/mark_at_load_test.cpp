#include <doctest/doctest.h>

#include "tests/support/codegen_text.h"

namespace lathe {

TEST_CASE("mark at load: the numbers behind float8 weights are never stored") {
  CHECK_EQ(buffers_of(R"(
inputs: {x: "float32[M, 64]"}
weights: {w: "float8_e4m3fn[48, 64]", s: "float32[48, 1]"}
body:
  - y = x @ transpose(cast(w, float32) * s)
)"),
           "w.panels float8_e4m3fn[1, 3, 16, 16, 4]\n"
           "w.panels1 float8_e4m3fn[1, 3, 1, 16]\n");
}

TEST_CASE("mark at load: a decoded table is read where it is stored") {
  CHECK_EQ(buffers_of(R"(
inputs: {i: "int64[N]"}
weights: {w: "float8_e4m3fn[48, 64]", s: "float32[48, 1]"}
body:
  - table = cast(w, float32) * s
  - y = gather(table, i)
)"),
           "");
}

TEST_CASE("mark at load: what is no wider than the weights is made once") {
  CHECK_EQ(buffers_of(R"(
inputs: {x: "float32[N, 64]"}
weights: {w: "float32[64]", t: "bfloat16[8, 64]", u: "bfloat16[8]"}
body:
  - y = x * exp(w)
  - z = x * sum(cast(abs(t), float32), 0) * mean(cast(u, float32))
outputs: {y: y, z: z}
)"),
           "exp float32[64]\n"
           "sum float32[1, 64]\n"
           "mean float32[1]\n");
}

}  // namespace lathe
