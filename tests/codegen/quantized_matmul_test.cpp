#include <doctest/doctest.h>

#include "codegen/compile.h"
#include "spec/text.h"
#include "tests/codegen/model_check.h"
#include "tests/support/codegen_text.h"

namespace lathe {
namespace {

// Nothing, what is streamed, a tile and its remainder, more than a work item.
const std::vector<int64_t> kQuantizedRows = {0, 1, 2, 3, 7, 33, 130};

ModelCase quantized(const std::string& name, int depth,
                    const std::string& weights, const std::string& body) {
  std::string yaml = cat({"inputs: {x: \"float32[M, ", depth, "]\"}\n",
                          "weights:\n", weights, "body:\n", body});
  return {name, yaml, sizes_of("M", kQuantizedRows), "matmul", depth};
}

// Float8 with a scale for each block of `rows` by `columns`.
ModelCase float8(const std::string& dtype, int n, int k, int rows,
                 int columns) {
  int r = (n + rows - 1) / rows, c = (k + columns - 1) / columns;
  return quantized(cat({dtype, " ", n, "x", k, " by ", rows, "x", columns}), k,
                   cat({"  w: ", dtype, "[", n, ", ", k, "]\n  s: float32[", r,
                        ", ", c, "]\n"}),
                   cat({"  - s = repeat_interleave(s, ", rows, ", axis=0)\n",
                        "  - s = repeat_interleave(s, ", columns, ", axis=1)\n",
                        "  - w = cast(w, float32) * s[:", n, ", :", k, "]\n",
                        "  - y = x @ transpose(w)\n"}));
}

// Codes of `bits` in words along k, a scale and a zero for each group.
ModelCase grouped(int n, int k, int bits, int group, bool zeros) {
  int per_word = 32 / bits, groups = (k + group - 1) / group;
  std::string repeated = cat({", ", group, ", axis=0)[:", k, "]"});
  std::string weights = cat({"  w: int32[", k / per_word, ", ", n, "]\n",
                             "  s: float16[", groups, ", ", n, "]\n"});
  std::string body = cat({"  - shifts = range(0, ", per_word, ") * ", bits,
                          "\n  - c = flatten((w[:, None, :] >> ",
                          "shifts[:, None]) & ", (1 << bits) - 1, ", 0, 1)\n"});
  if (zeros) {
    weights += cat({"  z: int32[", groups, ", ", n / per_word, "]\n"});
    body +=
        cat({"  - z = flatten((z[:, :, None] >> shifts) & ", (1 << bits) - 1,
             ", 1, 2)\n", "  - c = c - repeat_interleave(z", repeated, "\n"});
  } else {
    body += cat({"  - c = c - ", 1 << (bits - 1), "\n"});
  }
  // Sums are compared at the size of 1.
  body += cat({"  - y = x @ (cast(c, float32) / ", 1 << bits, " * ",
               "cast(repeat_interleave(s", repeated, ", float32))\n"});
  return quantized(cat({bits, " bits by ", group, zeros ? " with zeros" : "",
                        " ", n, "x", k}),
                   k, weights, body);
}

ModelCase every_code(const std::string& dtype, const std::string& x,
                     const std::string& factor) {
  ModelCase c =
      quantized(cat({dtype, ", ", x}), 38, cat({"  w: ", dtype, "[33, 38]\n"}),
                cat({"  - y = (", x, ") @ transpose(cast(w, float32))\n",
                     "  - y = y * ", factor, "\n"}));
  c.sizes = sizes_of("M", {1, 2, 7});
  c.all_codes = true;
  return c;
}

// Codes become pairs of bfloat16 where the activations are bfloat16, too.
std::vector<ModelCase> pairs_of_bfloat16() {
  std::vector<ModelCase> cases = {every_code("float8_e4m3fn", "x", "1e-3"),
                                  float8("float8_e4m3fn", 40, 40, 40, 40),
                                  float8("float8_e4m3fn", 70, 300, 128, 128),
                                  float8("float8_e4m3fn", 33, 52, 3, 16),
                                  grouped(40, 256, 4, 128, true),
                                  grouped(72, 96, 4, 32, false),
                                  grouped(48, 64, 2, 16, true)};
  for (ModelCase& c : cases) {
    c.yaml.replace(c.yaml.find("float32[M"), 7, "bfloat16");
    c.yaml.insert(c.yaml.find("body:") + 6, "  - x = cast(x, float32)\n");
    c.sizes = sizes_of("M", {0, 1, 2, 6, 7, 33, 100});
  }
  return cases;
}

}  // namespace

TEST_CASE("quantized: float8 with scales of every granularity") {
  std::vector<ModelCase> cases;
  for (const char* dtype : {"float8_e4m3fn", "float8_e5m2"}) {
    cases.push_back(float8(dtype, 40, 37, 40, 37));
    cases.push_back(float8(dtype, 19, 300, 1, 300));
    cases.push_back(float8(dtype, 35, 64, 35, 1));
    cases.push_back(float8(dtype, 200, 300, 128, 128));
    cases.push_back(float8(dtype, 33, 51, 3, 16));
    cases.push_back(float8(dtype, 17, 41, 5, 10));
    // One block of columns, and beside others.
    cases.push_back(float8(dtype, 40, 192, 64, 64));
    cases.push_back(quantized(
        cat({dtype, " of one input"}), 128,
        cat({"  w: ", dtype, "[96, 128]\n  s: float32[2, 2]\n",
             "  v: ", dtype, "[48, 128]\n  t: float32[1, 2]\n"}),
        "  - s = repeat_interleave(s, 48, axis=0)\n"
        "  - s = repeat_interleave(s, 64, axis=1)\n"
        "  - t = repeat_interleave(t, 48, axis=0)\n"
        "  - t = repeat_interleave(t, 64, axis=1)\n"
        "  - a = x @ transpose(cast(w, float32) * s)\n"
        "  - b = x @ transpose(cast(v, float32) * t)\n"
        "outputs: {a: a, b: b}\n"));
  }
  CHECK_EQ(failures_of(cases), "");
}

// Float8 is read as float32 that is much too small; the left side makes up for
// that as far as it has room.
TEST_CASE("quantized: float8 with every code, and a left side of any size") {
  std::vector<ModelCase> cases;
  for (const char* dtype : {"float8_e4m3fn", "float8_e5m2"}) {
    cases.push_back(every_code(dtype, "x", "1e-3"));
    cases.push_back(every_code(dtype, "x * 1e5", "1e-8"));
    cases.push_back(every_code(dtype, "x * 1e27", "1e-30"));
    cases.push_back(every_code(dtype, "x * 1e-30", "1e27"));
    cases.push_back(
        every_code(dtype, "where(x > 0.98, x * 1e38 * 1e38, x)", "1e-3"));
  }
  CHECK_EQ(failures_of(cases), "");
  CHECK_EQ(loop_failures_of(cases, "avx512"), "");
}

TEST_CASE("quantized: codes of few bits in groups") {
  CHECK_EQ(failures_of(
               {grouped(40, 256, 4, 128, true), grouped(37, 96, 4, 32, false),
                grouped(40, 104, 4, 64, true), grouped(35, 64, 8, 32, false),
                grouped(36, 600, 8, 600, true), grouped(48, 64, 2, 16, true)}),
           "");
}

TEST_CASE("quantized: pairs of bfloat16") {
  const std::vector<ModelCase> cases = pairs_of_bfloat16();
  // Four codes of a word: 38 of them fill no whole ones.
  CHECK_NE(kernels_of(cases[1].yaml, "avx512").find("dot_bf16("),
           std::string::npos);
  CHECK_EQ(loop_failures_of(cases, "avx512"), "");
  CHECK_EQ(failures_of({cases[3]}, "avx512"), "");
}

// Where this machine lacks such vectors, the compiler takes a minute for it.
TEST_CASE("quantized: pairs of bfloat16, compiled" * doctest::skip()) {
  CHECK_EQ(failures_of(pairs_of_bfloat16(), "avx512"), "");
}

TEST_CASE("quantized: a group is picked by a table") {
  ModelCase act_order = quantized("act order", 48, R"(
  w: int32[6, 40]
  z: int32[2, 5]
  s: float16[2, 40]
  g: int64[48]
)",
                                  R"(
  - shifts = range(0, 8) * 4
  - c = flatten((w[:, None, :] >> shifts[:, None]) & 15, 0, 1)
  - z = flatten((z[:, :, None] >> shifts) & 15, 1, 2)
  - c = cast(c - gather(z, g), float32)
  - y = x @ (c * cast(gather(s, g), float32))
)");
  CHECK_EQ(failures_of({act_order}), "");
  CHECK_EQ(buffers_of(act_order.yaml),
           "w.panels int32[1, 3, 6, 16]\n"
           "z.panels1 int8[1, 3, 2, 16]\n"
           "s.panels2 float16[1, 3, 2, 16]\n");
}

TEST_CASE("quantized: bytes, planes of bits, several at once, batches") {
  ModelCase bytes = quantized("bytes", 51, R"(
  w: uint8[37, 51]
  z: uint8[37, 1]
  s: float32[37, 1]
)",
                              R"(
  - c = cast(w, int32) - cast(z, int32)
  - y = x @ transpose(cast(c, float32) * (s * 0.01))
)");
  ModelCase planes = quantized("six bits", 128, R"(
  low: uint8[40, 64]
  high: uint8[40, 32]
  d: float16[40, 1]
  s: int8[40, 8]
)",
                               R"(
  - k = range(0, 128)
  - l = gather(cast(low, int32), k % 64, axis=1) >> (k // 64 * 4) & 15
  - h = gather(cast(high, int32), k % 32, axis=1) >> (k // 32 * 2) & 3
  - q = cast((l | (h << 4)) - 32, float32)
  - t = cast(repeat_interleave(s, 16, axis=1), float32)
  - y = x @ transpose(cast(d, float32) * t * q * 0.0002)
)");
  ModelCase gated = quantized("gate and up", 64, R"(
  g: float8_e4m3fn[40, 64]
  u: float8_e4m3fn[40, 64]
  s: float32[40, 2]
)",
                              R"(
  - s = repeat_interleave(s, 32, axis=1)
  - a = x @ transpose(cast(g, float32) * s)
  - y = a * sigmoid(a) * (x @ transpose(cast(u, float32) * (s + 1)))
)");
  ModelCase mixed = quantized("two formats", 64, R"(
  a: float8_e4m3fn[24, 64]
  b: int8[40, 64]
  s: float32[64]
)",
                              R"(
  - y = x @ transpose(cast(a, float32))
  - z = x @ transpose(cast(b, float32) * 0.01)
outputs: {y: y, z: z}
)");
  CHECK_EQ(failures_of({bytes, planes, gated, mixed}), "");
  // Each has a kernel of its own, which reads its panels.
  CHECK_EQ(buffers_of(mixed.yaml),
           "a.panels float8_e4m3fn[1, 2, 16, 16, 4]\n"
           "a.panels1 float8_e4m3fn[1, 2, 1, 16]\n"
           "b.panels int8[1, 3, 64, 16]\n");
}

// Bytes without their bit 6 hold no float16 of 2 or more.
TEST_CASE("quantized: the block types of GGUF") {
  struct Blocks {
    const char* name;
    int bytes, values;
  };
  std::vector<ModelCase> cases;
  for (const Blocks& b :
       {Blocks{"q4_0", 18, 32}, Blocks{"q4_1", 20, 32}, Blocks{"q5_0", 22, 32},
        Blocks{"q5_1", 24, 32}, Blocks{"q8_0", 34, 32}, Blocks{"q2_k", 84, 256},
        Blocks{"q3_k", 110, 256}, Blocks{"q4_k", 144, 256},
        Blocks{"q5_k", 176, 256}, Blocks{"q6_k", 210, 256}}) {
    int depth = b.values * 3;
    cases.push_back(quantized(b.name, depth,
                              cat({"  w: uint8[40, ", 3 * b.bytes, "]\n"}),
                              cat({"  - w = decode_", b.name, "(w & 191)\n",
                                   "  - y = (x * 0.0002) @ transpose(w)\n"})));
  }
  CHECK_EQ(failures_of(cases), "");
  ModelCase q4_k = quantized("q4_k", 256, "  w: uint8[16, 144]\n",
                             "  - y = x @ transpose(decode_q4_k(w))\n");
  CHECK_EQ(buffers_of(q4_k.yaml),
           "w.panels float16[1, 1, 1, 16]\n"
           "w.panels1 int8[1, 1, 8, 16]\n"
           "w.panels2 int32[1, 1, 32, 16]\n"
           "w.panels3 float16[1, 1, 1, 16]\n"
           "w.panels4 int8[1, 1, 8, 16]\n");
}

TEST_CASE("quantized: what cannot be cut is computed in the kernel") {
  ModelCase clamped = quantized("square root", 64, R"(
  w: uint8[24, 64]
)",
                                R"(
  - y = x @ transpose(sqrt(cast(w, float32)) * 0.1)
)");
  CHECK_EQ(failures_of({clamped}), "");
  CHECK_EQ(buffers_of(clamped.yaml), "");
}

TEST_CASE("quantized: panels take the bytes that the storage has") {
  CHECK_EQ(buffers_of(grouped(64, 256, 4, 128, true).yaml),
           "w.panels int32[1, 4, 32, 16]\n"
           "z.panels1 int8[1, 4, 2, 16]\n"
           "s.panels2 float16[1, 4, 2, 16]\n");
  CHECK_EQ(buffers_of(float8("float8_e4m3fn", 64, 256, 1, 256).yaml),
           "w.panels float8_e4m3fn[1, 4, 64, 16, 4]\n"
           "w.panels1 float8_e4m3fn[1, 4, 1, 16]\n");
}

TEST_CASE("quantized: every target's vectors") {
  const std::vector<ModelCase> cases = {float8("float8_e4m3fn", 70, 40, 1, 8),
                                        grouped(72, 64, 4, 32, true)};
  for (const char* target : {"generic", "neon", "avx512"}) {
    CAPTURE(target);
    CHECK_EQ(loop_failures_of(cases, target), "");
  }
  CHECK_EQ(failures_of(cases, "generic"), "");
}

TEST_CASE("quantized: every target's vectors, compiled" * doctest::skip()) {
  const std::vector<ModelCase> cases = {float8("float8_e4m3fn", 70, 40, 1, 8),
                                        grouped(72, 64, 4, 32, true)};
  for (const char* target : {"neon", "avx512"}) {
    CAPTURE(target);
    CHECK_EQ(failures_of(cases, target), "");
  }
}

}  // namespace lathe
