// Products in the emulator against the reference: every kind of stored weight,
// few rows and many.
#include <doctest/doctest.h>

#include "tests/cuda/matmul_cases.h"

namespace lathe {

TEST_CASE("cuda products: few rows of every kind of weight") {
  std::vector<ModelCase> cases;
  for (const char* x : {"bfloat16", "float32"}) {
    for (ModelCase& c : stored_weight_cases(x, "5")) {
      cases.push_back(std::move(c));
    }
  }
  CHECK_EQ(failures_of(cases, "sm_80", 2), "");
}

// Two tiles of rows; the last one of columns has a rest.
TEST_CASE("cuda products: many rows of every kind of weight") {
  CHECK_EQ(failures_of(stored_weight_cases("bfloat16", "70"), "sm_80", 2), "");
}

// Float8 on both sides goes to tensor cores as it is, other weights widen.
TEST_CASE("cuda products: many rows of float8 with every kind of weight") {
  for (const char* x : {"float8_e4m3fn", "float8_e5m2"}) {
    CHECK_EQ(failures_of(stored_weight_cases(x, "70"), "sm_89", 2), "");
  }
}

// Float8 activations with a scale for 128 of k, as float16, across, in batches;
// several products at once; any number of rows.
TEST_CASE("cuda products: other kinds") {
  const std::vector<ModelCase> cases = {
      {.name = "scales on both sides",
       .yaml = R"(
inputs: {x: "float8_e4m3fn[M, 384]", t: "float32[M, 3]"}
weights: {w: "float8_e4m3fn[40, 384]", s: "float32[3, 3]"}
body:
  - s = repeat_interleave(repeat_interleave(s, 16, axis=0), 128, axis=1)
  - a = cast(x, float32) * repeat_interleave(t, 128, axis=1)
  - y = a @ transpose(cast(w, float32) * s[:40])
)",
       .sizes = sizes_of("M", {0, 1, 8, 67}),
       .strategies = "matmul",
       .terms = 384},
      {.name = "gate and up of codes",
       .yaml = R"(
inputs: {x: "float16[M, 96]"}
weights: {g: "uint8[40, 54]", u: "uint8[40, 54]"}
body:
  - f = cast(x, float32)
  - a = f @ transpose(decode_q4_0(g & 191)) * 0.02
  - y = a * sigmoid(a) * (f @ transpose(decode_q4_0(u & 191)) * 0.02)
)",
       .sizes = sizes_of("M", {3, 9}),
       .strategies = "matmul",
       .terms = 96},
      {.name = "a depth in pieces",
       .yaml = R"(
inputs: {x: "bfloat16[2, M, 1200]"}
weights: {w: "bfloat16[2, 40, 1200]", b: "float32[40]"}
body:
  - y = gelu(cast(x, float32) @ transpose(cast(w, float32)) + b)
)",
       .sizes = sizes_of("M", {0, 3, 9, 66}),
       .strategies = "matmul",
       .terms = 1200},
      {.name = "across, in batches",
       .yaml = R"(
inputs: {x: "bfloat16[2, 3, 48]"}
weights: {w: "bfloat16[2, 48, 20]"}
body:
  - y = cast(x, float32) @ cast(w, float32)
)",
       .sizes = {{}},
       .strategies = "matmul"},
  };
  for (const uint64_t seed : {0, 3}) {
    CHECK_EQ(failures_of(cases, "sm_90a", seed), "");
  }
}

}  // namespace lathe
