#include <doctest/doctest.h>

#include "codegen/compile.h"
#include "tests/codegen/model_check.h"
#include "tests/support/codegen_text.h"

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

TEST_CASE("attention: a window leaves out the keys before it") {
  ModelCase window{"window", R"(
inputs: {q: "float32[2, T, 8]", k: "float32[2, T, 8]", v: "float32[2, T, 8]"}
body:
  - distance = unsqueeze(range(0, T), -1) - range(0, T)
  - s = where(distance >= 0 and distance < 20, q @ transpose(k), -3.0e38)
  - y = softmax(s) @ v
)",
                   sizes_of("T", {1, 17, 96, 97, 200, 333}), "attention"};
  // Queries beyond the keys' end see nothing in their window, so all keys
  // count; with more keys than queries the last ones are hidden.
  ModelCase shifted{"nothing in the window", R"(
inputs: {q: "float32[T, 8]", k: "float32[S, 8]", v: "float32[S, 8]"}
body:
  - distance = unsqueeze(range(0, T), -1) - range(0, S)
  - s = where(distance < 30, q @ transpose(k), -3.0e38)
  - y = softmax(where(distance >= 0, s, -3.0e38)) @ v
)",
                    {{{"T", 300}, {"S", 100}}, {{"T", 60}, {"S", 300}}},
                    "attention", 300};
  CHECK_EQ(failures_of({window, shifted}), "");
  CHECK_EQ(loop_failures_of({shifted}, "avx512"), "");
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

TEST_CASE("attention: scores far below 0 follow keys that nothing sees") {
  ModelCase late{"late keys", R"(
inputs: {q: "float32[T, 8]", k: "float32[T, 8]", v: "float32[T, 8]"}
body:
  - seen = log(cast(range(0, T) >= 150, float32))
  - y = softmax(q @ transpose(k) - 200 + seen) @ v
)",
                 sizes_of("T", {300}), "attention"};
  CHECK_EQ(failures_of({late}), "");
}

TEST_CASE("attention: a scale may depend on sizes") {
  ModelCase scaled{"scale of the length", R"(
inputs: {q: "float32[2, T, 8]", k: "float32[2, T, 8]", v: "float32[2, T, 8]"}
body:
  - scale = log(T + 1) / sqrt(T)
  - y = softmax(q @ transpose(k) * scale) @ v / T
)",
                   sizes_of("T", {1, 17, 100}), "attention"};
  CHECK_EQ(failures_of({scaled}), "");
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
  ModelCase window = shared;
  window.name = "grouped queries in a window";
  window.yaml.replace(window.yaml.find("causal: true"), 12,
                      "causal: true, sliding_window: 30");
  window.sizes.push_back({{"B", 1}, {"T", 150}, {"S", 150}});
  CHECK_EQ(failures_of({shared, window}), "");
  CHECK_EQ(loop_failures_of({shared}, "avx512"), "");
  // 2 heads of keys: 3 heads of queries are rows of one item.
  const Program program =
      compile(graph_from(shared.yaml), target_preset("avx2"));
  CHECK_EQ(program.steps[0].items.to_string(), "2*((T + 15) // 16)*B");
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
