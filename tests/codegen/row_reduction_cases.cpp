#include "tests/codegen/row_reduction_cases.h"

namespace lathe {
namespace {

// Around a vector, a strip of partial results and what several of them take.
std::vector<DimBindings> lengths() {
  return sizes_of("T", {0, 1, 7, 8, 31, 33, 64, 100});
}

std::vector<DimBindings> present_lengths() {
  return sizes_of("T", {1, 7, 33, 100});
}

}  // namespace

const std::vector<ModelCase>& row_reduction_cases() {
  static const std::vector<ModelCase> all = {
      {"a group norm", R"(
inputs: {x: "float32[2, 6, T, 5]", w: "float32[6]", b: "float32[6]"}
body: ['y = silu(group_norm(x, w, b, num_groups=3))']
)",
       present_lengths(), "row"},
      {"a group norm of bfloat16, channels of known size", R"(
inputs: {x: "bfloat16[T, 8, 3, 11]"}
body: ['y = group_norm(x, num_groups=2)']
)",
       present_lengths(), "row"},
      {"a group norm between maps", R"(
inputs: {x: "float32[1, 12, T, 3]", z: "float32[1, 12, T, 3]", w: "float32[12]"}
body:
  - h = x + z
  - n = group_norm(h, w, num_groups=4)
  - y = silu(n) + h
  - o = n * 2.0
outputs: {y: y, h: h, o: o}
)",
       present_lengths(), "row"},
      {"a group norm whose last axis is split",
       "inputs: {x: 'float32[T, 12]'}\n"
       "body: ['y = group_norm(x, num_groups=3)']\n",
       present_lengths(), "row"},
      {"a masked mean", R"(
inputs: {x: "float32[3, T, 33]", mask: "float32[3, T]"}
body: ['y = sum(x * mask[..., None], axis=1, keepdims=false) / sum(mask)']
)",
       lengths(), "row"},
      {"a masked mean of bfloat16", R"(
inputs: {x: "bfloat16[3, T, 7]", mask: "bfloat16[3, T]"}
body:
  - m = cast(mask, float32)
  - t = sum(cast(x, float32) * m[..., None], axis=1, keepdims=false)
  - y = cast(t / (sum(abs(m)) + 1.0), bfloat16)
)",
       lengths(), "row"},
      {"pooling by attention", R"(
inputs: {x: "float32[3, T, 2, 9]", s: "float32[3, T]"}
body:
  - p = softmax(s)
  - y = sum(x * p[:, :, None, None], axis=1, keepdims=false)
)",
       present_lengths(), "row"},
      {"extremes and products that spread", R"(
inputs: {x: "float32[3, T, 12]"}
body:
  - s = sum(x)[..., 0]
  - m = max(x * max(s)[..., None], axis=1)
  - p = prod(x + min(s)[..., None], axis=1)
outputs: {m: m, p: p}
)",
       present_lengths(), "row"},
      {"sums over axes with others in between", R"(
inputs: {x: "float32[5, T, 3, 40]"}
body:
  - a = sum(x, axis=[0, 2])
  - b = mean(x * x, axis=[1, 3])
  - c = max(x, axis=[0, 3])
  - d = sum(exp(x), axis=[0, 1, 3])
outputs: {a: a, b: b, c: c, d: d}
)",
       present_lengths(), "row"},
      {"a softmax of what a mask leaves", R"(
inputs: {x: "float32[2, 3, T]", mask: "int64[2, T]"}
body: ['y = softmax(where(mask[:, None, :] > 0, x, -1e9))']
)",
       present_lengths(), "row"},
      {"what is counted and converted", R"(
inputs: {x: "float32[4, T]", n: "int32[4, T]"}
body:
  - a = mean(cast(x > 0.0, float32))
  - b = sum(cast(n, float32) * x)
  - c = sum(cast(n, int64)) + sum(cast(x > 0.5, int64))
  - d = sum(cast(x, float64))
outputs: {a: a, b: b, c: c, d: d}
)",
       lengths(), "row"},
      {"numbers that become codes, NaN among them", R"(
inputs: {x: "float32[4, T]"}
body:
  - s = max(abs(x), axis=[0, 1]) / 127.0
  - a = cast(clamp(round(x / s), -127, 127), int8)
  - b = cast(clamp(x / (x - x), -3, 3), int32) + 1
  - c = cast(clamp((x - x) / (x - x), -3, 3), uint8)
outputs: {a: a, b: b, c: c}
)",
       present_lengths(), "row"},
      {"integers over an axis that is not the last", R"(
inputs: {x: "int32[2, T, 17]"}
body:
  - a = sum(x, axis=1)
  - b = max(x, axis=1)
  - c = argmin(x, axis=1)
outputs: {a: a, b: b, c: c}
)",
       present_lengths(), "row"},
      {"windows with a rim", R"(
inputs: {x: "float32[2, T, 6, 5]"}
body:
  - a = avg_pool2d(x, kernel=3, stride=1, padding=1)
  - b = max_pool2d(x, kernel=3, stride=2, padding=1)
outputs: {a: a, b: b}
)",
       present_lengths(), "row"},
  };
  return all;
}

}  // namespace lathe
