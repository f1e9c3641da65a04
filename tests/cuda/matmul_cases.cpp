#include "tests/cuda/matmul_cases.h"

#include "spec/text.h"

namespace lathe {
namespace {

struct Weights {
  std::string name;
  int depth = 0;
  std::string weights, body;  // of `w`, float32[n, depth] or its transpose
};

// Float8 with a scale for each block of `rows` by `columns`.
Weights float8(const std::string& dtype, int n, int k, int rows, int columns) {
  const int r = (n + rows - 1) / rows, c = (k + columns - 1) / columns;
  return {cat({dtype, " by ", rows, "x", columns}), k,
          cat({"  w: ", dtype, "[", n, ", ", k, "]\n  s: float32[", r, ", ", c,
               "]\n"}),
          cat({"  - s = repeat_interleave(s, ", rows, ", axis=0)\n",
               "  - s = repeat_interleave(s, ", columns, ", axis=1)\n",
               "  - w = transpose(cast(w, float32) * s[:", n, ", :", k,
               "])\n"})};
}

// GPTQ: codes of 4 bits in words along k.
Weights grouped(int n, int k, int group, bool zeros) {
  std::string repeated = cat({", ", group, ", axis=0)"});
  Weights w{cat({"codes by ", group, zeros ? " with zeros" : ""}), k,
            cat({"  w: int32[", k / 8, ", ", n, "]\n  s: float16[", k / group,
                 ", ", n, "]\n"}),
            "  - shifts = range(0, 8) * 4\n"
            "  - c = flatten((w[:, None, :] >> shifts[:, None]) & 15, 0, 1)\n"};
  if (zeros) {
    w.weights += cat({"  z: int32[", k / group, ", ", n / 8, "]\n"});
    w.body += cat({"  - z = flatten((z[:, :, None] >> shifts) & 15, 1, 2)\n",
                   "  - c = c - repeat_interleave(z", repeated, "\n"});
  } else {
    w.body += "  - c = c - 8\n";
  }
  w.body += cat({"  - w = cast(c, float32) / 16 * ",
                 "cast(repeat_interleave(s", repeated, ", float32)\n"});
  return w;
}

// Blocks of GGUF; bytes without their bit 6 hold no float16 of 2 or more.
Weights blocks(const std::string& name, int bytes, int values, int count) {
  return {name, values * count,
          cat({"  w: uint8[24, ", count * bytes, "]\n"}),
          cat({"  - w = transpose(decode_", name, "(w & 191)) * 0.0002\n"})};
}

Weights plain(const std::string& dtype, int n, int k) {
  return {dtype, k, cat({"  w: ", dtype, "[", n, ", ", k, "]\n"}),
          "  - w = transpose(cast(w, float32))\n"};
}

}  // namespace

std::vector<ModelCase> stored_weight_cases(const std::string& x,
                                           const std::string& rows,
                                           const std::vector<int64_t>& sizes) {
  std::vector<ModelCase> cases;
  for (const Weights& w :
       {plain("bfloat16", 37, 200), plain("float16", 24, 72),
        plain("float32", 20, 36), float8("float8_e4m3fn", 40, 320, 40, 320),
        float8("float8_e4m3fn", 19, 272, 1, 272),
        float8("float8_e4m3fn", 35, 64, 35, 1),
        float8("float8_e4m3fn", 40, 384, 16, 128),
        float8("float8_e5m2", 33, 96, 3, 32), grouped(40, 256, 128, true),
        grouped(32, 160, 32, false), blocks("q4_0", 18, 32, 3),
        blocks("q5_1", 24, 32, 5), blocks("q8_0", 34, 32, 3),
        blocks("q3_k", 110, 256, 1), blocks("q4_k", 144, 256, 2),
        blocks("q6_k", 210, 256, 1)}) {
    cases.push_back({cat({x, " ", w.name}),
                     cat({"inputs: {x: \"", x, "[", rows, ", ", w.depth,
                          "]\"}\nweights:\n", w.weights, "body:\n", w.body,
                          "  - y = cast(x, float32) @ w\n"}),
                     sizes_of("M", sizes), "matmul", w.depth});
  }
  return cases;
}

}  // namespace lathe
