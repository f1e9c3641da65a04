#include "tests/codegen/column_cases.h"

namespace lathe {
namespace {

// Around a vector, a warp and an item's columns; rows of none to many.
std::vector<DimBindings> columns() {
  std::vector<DimBindings> all;
  for (const int64_t width : {0, 1, 7, 8, 9, 31, 33, 127, 128, 131, 260}) {
    all.push_back({{"B", 2}, {"C", 5}, {"W", width}});
  }
  for (const int64_t length : {1, 2, 8, 67}) {
    all.push_back({{"B", 3}, {"C", length}, {"W", 19}});
  }
  all.push_back({{"B", 0}, {"C", 4}, {"W", 9}});
  return all;
}

std::string model(const std::string& dtype, const std::string& body) {
  return "inputs: {x: '" + dtype + "[B, C, W]'}\nbody:\n" + body;
}

}  // namespace

const std::vector<ModelCase>& column_cases() {
  static const std::vector<ModelCase> cases = {
      {"softmax over a middle axis",
       model("float32", "  - y = softmax(x, axis=1)\n"), columns(), "row"},
      {"softmax in bfloat16",
       model("bfloat16", "  - y = softmax(x, axis=-2)\n"), columns(), "row"},
      {"softmax in float16", model("float16", "  - y = softmax(x, axis=1)\n"),
       columns(), "row"},
      {"log_softmax of a view",
       model("float32", "  - y = log_softmax(transpose(x), axis=-1)\n"),
       columns(), "row"},
      {"softmax over the first axis",
       "inputs: {x: 'float32[C, W]'}\nbody: ['y = softmax(x, axis=0)']\n",
       columns(), "row"},
      {"a norm over channels", R"(
inputs: {x: "bfloat16[B, C, 3, W]", w: "float32[C]", b: "float32[C]"}
body:
  - f = cast(x, float32)
  - d = f - mean(f, axis=1)
  - n = d * rsqrt(mean(d * d, axis=1) + 1e-5)
  - y = n * w[:, None, None] + b[:, None, None]
)",
       columns(), "row"},
      {"extremes, their places, integers", model("float32", R"(
  - m = max(x, axis=1)
  - a = argmax(x, axis=1)
  - i = argmin(x, axis=1)
  - s = sum(cast(x > 0.0, int64), axis=1)
  - c = sum(cast(x * 100.0, int8), axis=1) + sum(x, axis=1)
outputs: {m: m, a: a, i: i, s: s, c: c}
)"),
       columns(), "row"},
      {"a sum and what it divides", model("float16", R"(
  - s = sum(cast(x, float32) * 0.5 + 1.0, axis=1)
  - y = (cast(x, float32) + 2.0) / s
outputs: {s: s, y: y}
)"),
       columns(), "row"},
      {"rows in another order than memory has",
       R"(
inputs: {x: "float32[B, C, 4, W]", w: "float32[W]"}
body: ["y = permute(rms_norm(x, w), [0, 2, 1, 3]) * 2.0"]
)",
       {{{"B", 2}, {"C", 5}, {"W", 17}}, {{"B", 1}, {"C", 1}, {"W", 64}}},
       "row"},
      {"taps of what is padded", R"(
inputs: {x: "float32[B, C, W]", w: "float32[4, W]", u: "float32[4]"}
body:
  - p = pad(x, [0, 0, 3, 0, 0, 0])
  - a = p[:, 0:-3] * w[0] + p[:, 1:-2] * w[1] + p[:, 2:-1] * w[2] + p[:, 3:] * w[3]
  - q = pad(x, [0, 0, 0, 0, 2, 1])
  - b = q[..., 0:-3] * u[0] + q[..., 1:-2] * u[1] + q[..., 2:-1] * u[2] + q[..., 3:] * u[3]
  - r = pad(x, [0, 0, 1, 1, 1, 1])
  - c = silu(r[:, 0:-2, 1:-1] + r[:, 2:, 1:-1] + r[:, 1:-1, 0:-2] * 2.0)
outputs: {a: a, b: b, c: c}
)",
       columns(), ""},
      {"parts along every axis", R"(
inputs: {x: "float32[B, C, W]", z: "float32[B, C, W]"}
body:
  - a = concat([x, z, x * 2.0], axis=-1)
  - b = concat([x, z], axis=1)
  - c = concat([x, z], axis=0)
  - d = stack([x, z], axis=0)
  - e = stack([x, z], axis=2)
  - f = pad(x, [0, 0, 2, 1, 3, 0])
  - g = pad(x, [1, 2, 0, 0, 0, 0])
outputs: {a: a, b: b, c: c, d: d, e: e, f: f, g: g}
)",
       columns(), ""},
  };
  return cases;
}

}  // namespace lathe
