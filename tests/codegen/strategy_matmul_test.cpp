#include <doctest/doctest.h>

#include "spec/text.h"
#include "tests/codegen/model_check.h"
#include "tests/support/codegen_text.h"

namespace lathe {
namespace {

// Around the tile's rows, and around a work item's.
const std::vector<int64_t> kRows = {0, 1, 2, 4, 5, 6, 7, 13, 31, 96, 97};

// y = x W^T + b for one dtype and one shape of the weight.
ModelCase linear(const std::string& dtype, int columns, int depth) {
  std::string name = cat({"linear ", dtype, " ", columns, "x", depth});
  std::string yaml = cat({"inputs: {x: \"", dtype, "[M, ", depth, "]\"}\n",
                          "weights:\n  w: ", dtype, "[", columns, ", ", depth,
                          "]\n  b: ", dtype, "[", columns, "]\n",
                          "body: [y = x @ transpose(w) + b]\n"});
  return {name, yaml, sizes_of("M", kRows), "matmul", depth};
}

}  // namespace

TEST_CASE("matmul: every dtype, around panel widths and depth blocks") {
  std::vector<ModelCase> cases;
  for (const char* dtype : {"float32", "bfloat16", "float16", "float64"}) {
    cases.push_back(linear(dtype, 40, 37));
  }
  for (int columns : {2, 15, 16, 17, 131}) {
    cases.push_back(linear("float32", columns, 24));
  }
  for (int depth : {2, 7, 257, 600}) {
    cases.push_back(linear("float32", 19, depth));
    cases.push_back(linear("bfloat16", 19, depth));
  }
  CHECK_EQ(failures_of(cases), "");
}

TEST_CASE("matmul: an epilogue of maps, a residual, several outputs") {
  ModelCase gelu{"gelu and residual",
                 R"(
inputs: {x: "float32[B, T, 24]", r: "float32[B, T, 40]"}
weights: {w: "float32[40, 24]", b: "float32[40]"}
body:
  - h = x @ transpose(w) + b
  - y = r + h * sigmoid(h)
outputs: {h: h, y: y}
)",
                 {{{"B", 2}, {"T", 5}}, {{"B", 3}, {"T", 1}}},
                 "matmul"};
  CHECK_EQ(failures_of({gelu}), "");
}

TEST_CASE("matmul: gate and up meet in the tile; siblings share a kernel") {
  ModelCase gated{"gated", R"(
inputs: {x: "float32[M, 48]"}
weights: {g: "float32[72, 48]", u: "float32[72, 48]"}
body:
  - a = x @ transpose(g)
  - y = a * sigmoid(a) * (x @ transpose(u))
)",
                  sizes_of("M", kRows), "matmul"};
  ModelCase siblings{"q, k and v", R"(
inputs: {x: "float32[M, 48]"}
weights: {q: "float32[64, 48]", k: "float32[16, 48]", v: "float32[20, 48]"}
body:
  - a = x @ transpose(q)
  - b = x @ transpose(k)
  - c = x @ transpose(v) * 2
outputs: {a: a, b: b, c: c}
)",
                     sizes_of("M", kRows), "matmul"};
  CHECK_EQ(failures_of({gated, siblings}), "");
}

TEST_CASE("matmul: both sides computed, batches, sums of any length") {
  ModelCase plain{"batched", R"(
inputs: {a: "float32[3, M, 21]", b: "float32[3, 21, 18]"}
body: [y = a @ b]
)",
                  sizes_of("M", kRows), ""};
  ModelCase across{"rows by rows", R"(
inputs: {a: "bfloat16[2, M, 21]", b: "bfloat16[2, M, 21]"}
body: [y = a @ transpose(b)]
)",
                   sizes_of("M", kRows), ""};
  ModelCase deep{"symbolic depth", R"(
inputs: {a: "float32[5, M]", b: "float32[M, 33]"}
body: [y = a @ b]
)",
                 sizes_of("M", {0, 1, 8, 255, 256, 257, 700}), "", 700};
  CHECK_EQ(failures_of({plain, across, deep}), "");
}

TEST_CASE("matmul: a prologue is computed once a block of rows") {
  ModelCase heads{"heads side by side", R"(
inputs: {x: "float32[4, T, 32]"}
weights: {w: "float32[24, 128]"}
body:
  - y = flatten(transpose(x, 0, 1), -2, -1) @ transpose(w)
)",
                  sizes_of("T", kRows), "matmul", 128};
  ModelCase scaled{"scaled input", R"(
inputs: {x: "bfloat16[M, 40]"}
weights: {s: "bfloat16[40]", w: "bfloat16[24, 40]"}
body:
  - y = (x * s) @ transpose(w)
)",
                   sizes_of("M", kRows), "matmul"};
  CHECK_EQ(failures_of({heads, scaled}), "");
}

TEST_CASE("matmul: pairs of bfloat16 where both sides are, even in sums") {
  auto text = [](const char* x, const char* w) {
    return kernels_of(cat({"inputs: {x: \"", x, "[M, 34]\"}\nweights: {w: \"", w,
                           "[70, 34]\"}\nbody:\n  - y = cast(x, float32) @ "
                           "transpose(cast(w, float32))\n"}),
                      "avx512");
  };
  auto has_dot = [](const std::string& kernels) {
    return kernels.find("dot_bf16(") != std::string::npos;
  };
  CHECK(has_dot(text("bfloat16", "bfloat16")));
  CHECK(has_dot(text("float8_e4m3fn", "bfloat16")));
  CHECK_FALSE(has_dot(text("float32", "bfloat16")));
  CHECK_FALSE(has_dot(text("float16", "bfloat16")));
  CHECK_FALSE(has_dot(text("bfloat16", "float32")));
}

// Vectors that this machine lacks are emulated by the compiler.
TEST_CASE("matmul: every target's tiles") {
  for (const char* target : {"generic", "neon", "avx512"}) {
    CAPTURE(target);
    CHECK_EQ(failures_of({linear("float32", 70, 37), linear("bfloat16", 70, 37),
                          linear("bfloat16", 131, 258),
                          linear("float64", 35, 37)},
                         target),
             "");
  }
}

}  // namespace lathe
