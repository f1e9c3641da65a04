#include "tests/codegen/row_piece_cases.h"

#include "spec/text.h"

namespace lathe {

std::vector<ModelCase> row_piece_cases(int64_t least, int64_t piece) {
  const std::vector<DimBindings> all =
      sizes_of("T", {1, 100, least - 1, least, least + 1, least + piece - 1,
                     least + piece, least + piece + 1});
  // For those that are no different at each length.
  const std::vector<DimBindings> some =
      sizes_of("T", {33, least + 1, least + piece});
  const std::vector<DimBindings> short_rows =
      sizes_of("T", {10, least / 7, least / 7 + 1, least, least + 5});
  std::vector<ModelCase> cases = {
      {"extremes and sums of all", R"(
inputs: {x: "float32[T]"}
body:
  - a = max(x)
  - b = mean(x)
  - c = sum(x * x) * 2.0
  - d = prod(x * 0.01 + 1.0)
outputs: {a: a, b: b, c: c, d: d}
)",
       all, "row"},
      {"two rows of bfloat16", R"(
inputs: {x: "bfloat16[2, T]"}
body:
  - a = sum(x, keepdims=false)
  - b = clamp(max(abs(x)) / 448.0, 0.001, 1.0)
outputs: {a: a, b: b}
)",
       all, "row"},
      {"positions, ties and NaN among them", R"(
inputs: {x: "float32[2, T]", h: "bfloat16[T]"}
body:
  - a = argmax(x)
  - b = argmin(round(cast(h, float32) * 3.0))
  - c = argmax(h * 0.0)
  - d = argmin(sqrt(x + 0.9999))
  - e = max(sqrt(x + 0.9999))
  - f = argmax(h / 0.0)
  - g = argmax(-abs(h) / 0.0)
outputs: {a: a, b: b, c: c, d: d, e: e, f: f, g: g}
)",
       all, "row"},
      {"integers, which wrap", R"(
inputs: {x: "int32[2, T]", y: "int8[T]", z: "int64[T]"}
body:
  - a = sum(x)
  - b = max(x) - min(x)
  - c = argmin(x)
  - d = sum(y)
  - e = sum(z)
outputs: {a: a, b: b, c: c, d: d, e: e}
)",
       some, "row"},
      {"float64 and bools", R"(
inputs: {x: "float64[T]", y: "float32[T]"}
body:
  - a = sum(x)
  - b = mean(cast(y > 0.0, float32))
  - c = max(cast(x, float32))
outputs: {a: a, b: b, c: c}
)",
       some, "row"},
      {"a softmax of one row, and of two", R"(
inputs: {x: "float32[T]", y: "bfloat16[2, T]"}
body:
  - a = softmax(x)
  - b = softmax(y)
outputs: {a: a, b: b}
)",
       some, "row"},
      {"a norm of a row, and what is made of it", R"(
inputs: {x: "bfloat16[1, T]", z: "bfloat16[1, T]"}
body:
  - h = x + z
  - n = h / sqrt(mean(h * h) + 0.001)
  - y = silu(n) + h
  - m = max(abs(n))
outputs: {y: y, h: h, m: m}
)",
       some, "row"},
      {"codes with one scale", R"(
inputs: {x: "float32[T, 7]"}
body:
  - s = max(abs(x), axis=[0, 1]) / 448.0
  - q = cast(x / s, float8_e4m3fn)
outputs: {s: s, q: q}
)",
       short_rows, "row"},
      {"what repeats along one axis", R"(
inputs: {x: "float32[T, 7]", w: "float32[7]", u: "float32[3, T]", v: "float32[T]"}
body:
  - a = sum(x * w, axis=[0, 1])
  - b = max(transpose(x) * w[:, None], axis=[0, 1])
  - c = mean(u * v, axis=[0, 1])
outputs: {a: a, b: b, c: c}
)",
       short_rows, "row"},
      {"a loss by labels", R"(
inputs: {x: "float32[T, 9]", i: "int64[T]"}
body:
  - p = gather_elements(x, i[:, None], axis=1)
  - y = -mean(where(i[:, None] > 0, p, 0.0), axis=[0, 1])
outputs: {y: y}
)",
       some, "row"},
  };
  cases.push_back({"a scale that is known at load",
                   cat({"inputs: {x: 'float32[T]'}\n",
                        "weights: {w: 'bfloat16[2, ", least + 1, "]'}\n",
                        "body: ['y = x * max(abs(w), axis=[0, 1])[0, 0]']\n"}),
                   sizes_of("T", {3}), "row"});
  for (ModelCase& c : cases) c.terms = 2 * (least + piece);
  for (const int64_t length : {least - 1, least, least + piece + 1}) {
    cases.push_back(
        {cat({"rows of known length ", length}),
         cat({"inputs: {x: 'bfloat16[2, ", length, "]'}\n", "body:\n",
              "  - a = max(abs(x), axis=[0, 1]) / 448.0\n",
              "  - b = argmax(x)\n", "  - c = softmax(x)\n",
              "  - d = mean(x * x)\n", "outputs: {a: a, b: b, c: c, d: d}\n"}),
         {{}},
         "row",
         2 * length});
  }
  return cases;
}

}  // namespace lathe
