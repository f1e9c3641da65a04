#include <doctest/doctest.h>

#include "tests/codegen/model_check.h"

namespace lathe {
namespace {

// Around lanes, a work item's queries and a step's keys.
const std::vector<int64_t> kTokens = {0,  1,  5,  15, 16, 17, 47,
                                      48, 49, 95, 96, 97, 200};

}  // namespace

TEST_CASE("attention: scores, softmax and values are one kernel") {
  ModelCase plain{"plain", R"(
inputs: {q: "float32[2, T, 24]", k: "float32[2, T, 24]", v: "float32[2, T, 16]"}
body: ["y = softmax(q @ transpose(k) * 0.2) @ v"]
)",
                  sizes_of("T", kTokens), "attention"};
  ModelCase narrow{"bfloat16, odd widths", R"(
inputs: {q: "bfloat16[T, 7]", k: "bfloat16[T, 7]", v: "bfloat16[T, 5]"}
body: ["y = softmax(q @ transpose(k)) @ v"]
)",
                   sizes_of("T", kTokens), "attention"};
  CHECK_EQ(failures_of({plain, narrow}), "");
}

TEST_CASE("attention: masks, windows, caps and biases stand between") {
  ModelCase causal{"causal, soft cap", R"(
inputs: {q: "float32[2, T, 8]", k: "float32[2, T, 8]", v: "float32[2, T, 8]"}
body:
  - s = 5 * tanh(q @ transpose(k) / 5)
  - distance = unsqueeze(range(0, T), -1) - range(0, T)
  - y = softmax(where(distance >= 0, s, -3.0e38)) @ v
)",
                   sizes_of("T", kTokens), "attention"};
  ModelCase mask{"mask tensor", R"(
inputs:
  q: "float32[2, T, 8]"
  k: "float32[2, T, 8]"
  v: "float32[2, T, 8]"
  m: "bool[T, T]"
  bias: "float32[2, T, T]"
body:
  - s = where(m, q @ transpose(k) + bias, -3.0e38)
  - y = softmax(s) @ v
)",
                 sizes_of("T", kTokens), "attention"};
  CHECK_EQ(failures_of({causal, mask}), "");
}

TEST_CASE("attention: rows that see nothing are NaN, as in the reference") {
  ModelCase nothing{"all hidden", R"(
inputs: {q: "float32[T, 8]", k: "float32[T, 8]", v: "float32[T, 8]"}
body:
  - distance = unsqueeze(range(0, T), -1) - range(0, T)
  - s = where(distance > 0, q @ transpose(k), log(0.0))
  - y = softmax(s) @ v
)",
                    sizes_of("T", kTokens), "attention"};
  CHECK_EQ(failures_of({nothing}), "");
}

TEST_CASE("attention: the library's layer, heads that share keys") {
  ModelCase shared{"grouped queries",
                   R"(
inputs:
  q: "float32[B, T, 6, 16]"
  k: "float32[B, S, 2, 16]"
  v: "float32[B, S, 2, 16]"
layers: {attend: {type: ScaledDotProductAttention, causal: true}}
body:
  - y = attend(q, k, v)
)",
                   {{{"B", 1}, {"T", 1}, {"S", 130}},
                    {{"B", 2}, {"T", 20}, {"S", 20}},
                    {{"B", 1}, {"T", 7}, {"S", 100}}},
                   "attention",
                   130};
  CHECK_EQ(failures_of({shared}), "");
}

// Vectors that this machine lacks are emulated by the compiler.
TEST_CASE("attention: every target's tiles") {
  ModelCase causal{"causal", R"(
inputs: {q: "float32[2, T, 24]", k: "float32[2, T, 24]", v: "float32[2, T, 40]"}
body:
  - distance = unsqueeze(range(0, T), -1) - range(0, T)
  - s = where(distance >= 0, q @ transpose(k), -3.0e38)
  - y = softmax(s) @ v
)",
                   sizes_of("T", kTokens), "attention"};
  for (const char* target : {"generic", "neon", "avx512"}) {
    CAPTURE(target);
    CHECK_EQ(failures_of({causal}, target), "");
  }
}

}  // namespace lathe
