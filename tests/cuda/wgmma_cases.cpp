#include "tests/cuda/wgmma_cases.h"

#include "spec/text.h"

namespace lathe {
namespace {

// Float8 on both sides: what becomes of x and w before they are multiplied.
ModelCase float8_case(const std::string& name, const std::string& types,
                      const std::string& scales, const std::string& left,
                      const std::string& right, const std::string& after = "") {
  const size_t space = types.find(' ');
  return {.name = name,
          .yaml = cat({"\ninputs: {x: \"", types.substr(0, space),
                       "[M, 272]\", t: \"float32[M, 1]\", b: \"float32[M, 3]\"}\n",
                       "weights: {w: \"", types.substr(space + 1),
                       "[136, 272]\", ", scales, "}\nbody:\n",
                       "  - b = repeat_interleave(b, 128, axis=1)[:, :272]\n",
                       "  - y = (", left, ") @ transpose(", right, ")", after,
                       "\n",
                       "outputs: {y: y}\n"}),
          .sizes = sizes_of("M", {8, 130}),
          .strategies = "matmul",
          .terms = 272};
}

ModelCase gate_and_up(const std::string& name, const std::string& dtype,
                      int depth) {
  const auto type = [&](const char* lines) {
    return cat({"\"", dtype, "[", lines, ", ", depth, "]\""});
  };
  return {.name = name,
          .yaml = cat({"\ninputs: {x: ", type("M"), "}\nweights: {g: ",
                       type("40"), ", u: ", type("40"), "}", R"(
body:
  - f = cast(x, float32)
  - y = silu(f @ transpose(cast(g, float32))) * (f @ transpose(cast(u, float32)))
outputs: {y: y}
)"}),
          .sizes = sizes_of("M", {150}),
          .strategies = "matmul",
          .terms = depth};
}

}  // namespace

std::vector<ModelCase> wgmma_cases() {
  const std::string e4m3 = "float8_e4m3fn float8_e4m3fn";
  const std::string x = "cast(x, float32)", w = "cast(w, float32)";
  const std::string block =
      w + " * repeat_interleave(repeat_interleave(s, 128, axis=0), 128, "
          "axis=1)[:136, :272]";
  return {
      {.name = "bias, activation and residual",
       .yaml = R"(
inputs: {x: "bfloat16[M, 200]", r: "bfloat16[M, 150]"}
weights: {w: "bfloat16[150, 200]", b: "bfloat16[150]"}
body:
  - f = cast(x, float32) @ transpose(cast(w, float32))
  - y = gelu(f + cast(b, float32)) + cast(r, float32)
outputs: {y: y}
)",
       .sizes = sizes_of("M", {0, 7, 100, 129, 260}),
       .strategies = "matmul",
       .terms = 200},
      gate_and_up("gate and up", "float16", 456),
      gate_and_up("gate and up of float8", "float8_e4m3fn", 384),
      // 136 columns: three tiles, of which two share a scale and one is short.
      {.name = "gate and up with blocks on both sides",
       .yaml = R"(
inputs: {x: "float8_e4m3fn[M, 272]", t: "float32[M, 3]"}
weights: {g: "float8_e4m3fn[136, 272]", u: "float8_e4m3fn[136, 272]", r: "float32[2, 3]", s: "float32[2, 3]"}
body:
  - t = repeat_interleave(t, 128, axis=1)[:, :272]
  - r = repeat_interleave(repeat_interleave(r, 128, axis=0), 128, axis=1)[:136, :272]
  - s = repeat_interleave(repeat_interleave(s, 128, axis=0), 128, axis=1)[:136, :272]
  - f = cast(x, float32) * t
  - y = silu(f @ transpose(cast(g, float32) * r)) * (f @ transpose(cast(u, float32) * s))
outputs: {y: y}
)",
       .sizes = sizes_of("M", {8, 100, 200}),
       .strategies = "matmul",
       .terms = 272},
      // A section of two parts and one of one, whose tile has twice the
      // columns.
      {.name = "gate, up and another of float8",
       .yaml = R"(
inputs: {x: "float8_e4m3fn[150, 384]"}
weights: {g: "float8_e4m3fn[72, 384]", u: "float8_e4m3fn[72, 384]", w: "float8_e4m3fn[136, 384]"}
body:
  - f = cast(x, float32)
  - y = silu(f @ transpose(cast(g, float32))) * (f @ transpose(cast(u, float32)))
  - z = f @ transpose(cast(w, float32))
outputs: {y: y, z: z}
)",
       .sizes = {{}},
       .strategies = "matmul",
       .terms = 384},
      {.name = "three products of one slice",
       .yaml = R"(
inputs: {x: "bfloat16[140, 128]"}
weights: {q: "bfloat16[136, 64]", k: "bfloat16[24, 64]", v: "bfloat16[16, 64]"}
body:
  - h = cast(x[:, 64:], float32)
  - q = h @ transpose(cast(q, float32))
  - k = h @ transpose(cast(k, float32))
  - v = h @ transpose(cast(v, float32))
outputs: {q: q, k: k, v: v}
)",
       .sizes = {{}},
       .strategies = "matmul",
       .terms = 64},
      float8_case("float8 without scales", "float8_e5m2 float8_e4m3fn",
                  "s: \"float32[1]\"", x, w),
      float8_case("a scale for each row and column", e4m3,
                  "s: \"float32[136, 1]\"", x, w, " * t * s[:, 0]"),
      float8_case("blocks on both sides", e4m3, "s: \"float32[2, 3]\"",
                  x + " * b", block),
      float8_case("a scale for each row and block of columns", e4m3,
                  "s: \"float32[136, 3]\"", x + " * b",
                  w + " * repeat_interleave(s, 128, axis=1)[:, :272]"),
  };
}

}  // namespace lathe
