// Products with codes on both sides: what the reference engine gives, on every
// target's vectors, and the kernels that there are.
#include <doctest/doctest.h>

#include "codegen/prelude.h"
#include "spec/text.h"
#include "tests/codegen/model_check.h"
#include "tests/support/codegen_text.h"

namespace lathe {
namespace {

// Nothing, single rows, pairs and a remainder, more than a work item.
const std::vector<int64_t> kDotRows = {0, 1, 2, 5, 8, 33, 128};

// A right side, from weights to `w`, [depth, columns].
struct Right {
  std::string name;
  int depth = 0;
  std::string weights, body;
};

// Bytes without their bit 6 hold no float16 of 2 or more.
Right blocks(const std::string& format, int bytes, int depth, int columns) {
  return {cat({format, " of ", depth}), depth,
          cat({"  w: uint8[", columns, ", ", bytes, "]\n"}),
          cat({"  - w = transpose(decode_", format, "(w & 191))\n"})};
}

Right bytes(const std::string& dtype, int depth, int group) {
  int groups = (depth + group - 1) / group;
  return {cat({dtype, " of ", depth, " by ", group}), depth,
          cat({"  w: ", dtype, "[37, ", depth, "]\n  s: float32[37, ", groups,
               "]\n"}),
          cat({"  - s = repeat_interleave(s, ", group, ", axis=1)[:, :", depth,
               "]\n  - w = transpose(cast(w, float32) * s * 0.01)\n"})};
}

// Four bits along k with a zero point and a scale by `group`.
Right zeros(int depth, int group) {
  int groups = depth / group;
  return {cat({"zeros of ", depth, " by ", group}), depth,
          cat({"  w: int32[", depth / 8, ", 40]\n  z: int32[", groups,
               ", 5]\n  s: float16[", groups, ", 40]\n"}),
          cat({"  - p = range(0, 8) * 4\n",
               "  - c = flatten((w[:, None, :] >> p[:, None]) & 15, 0, 1)\n",
               "  - z = flatten((z[:, :, None] >> p) & 15, 1, 2)\n",
               "  - c = c - repeat_interleave(z, ", group, ", axis=0)\n",
               "  - s = repeat_interleave(s, ", group, ", axis=0)\n",
               "  - w = cast(c, float32) * cast(s, float32) * 0.1\n"})};
}

// A left side of given codes with a scale for each block; 0: for all.
ModelCase coded(const Right& right, int block) {
  int count = block == 0 ? 1 : (right.depth + block - 1) / block;
  return {cat({right.name, ", left by ", block}),
          cat({"inputs: {x: \"int8[M, ", right.depth, "]\", d: \"float32[M, ",
               count, "]\"}\nweights:\n", right.weights, "body:\n", right.body,
               "  - d = ",
               block == 0 ? std::string("d")
                          : cat({"repeat_interleave(d, ", block,
                                 ", axis=1)[:, :", right.depth, "]"}),
               "\n  - y = (cast(x, float32) * d * 0.0002) @ w\n"}),
          sizes_of("M", kDotRows), "matmul", right.depth};
}

std::vector<ModelCase> all_cases() {
  std::vector<ModelCase> cases;
  // Formats of 32 values, and of 256.
  cases.push_back(coded(blocks("q4_0", 54, 96, 40), 32));
  cases.push_back(coded(blocks("q5_1", 72, 96, 40), 32));
  cases.push_back(coded(blocks("q8_0", 102, 96, 40), 32));
  cases.push_back(coded(blocks("q2_k", 168, 512, 33), 256));
  cases.push_back(coded(blocks("q4_k", 288, 512, 33), 256));
  cases.push_back(coded(blocks("q6_k", 420, 512, 33), 256));
  // Depths that are no whole blocks, groups of other sizes than the left
  // side's, none at all, and more than a block of depth.
  cases.push_back(coded(bytes("int8", 51, 16), 32));
  cases.push_back(coded(bytes("uint8", 300, 128), 256));
  cases.push_back(coded(bytes("int8", 2500, 2500), 0));
  cases.push_back(coded(bytes("int8", 2500, 100), 32));
  cases.push_back(coded(zeros(256, 128), 256));
  cases.push_back(coded(zeros(112, 16), 32));
  return cases;
}

std::vector<ModelCase> few_rows() {
  std::vector<ModelCase> cases = all_cases();
  for (ModelCase& c : cases) c.sizes = sizes_of("M", {1, 3, 8});
  return cases;
}

}  // namespace

TEST_CASE("dot: codes on both sides give what the reference does") {
  CHECK_EQ(failures_of(all_cases()), "");
}

TEST_CASE("dot: every target's vectors") {
  for (const char* target : {"avx2", "neon", "avx512"}) {
    CAPTURE(target);
    std::vector<ModelCase> cases = few_rows();
    for (const ModelCase& c : cases) {
      CAPTURE(c.name);
      CHECK_NE(kernels_of(c.yaml, target).find("dot_"), std::string::npos);
    }
    CHECK_EQ(loop_failures_of(cases, target), "");
  }
}

// Where this machine lacks them, the compiler takes minutes to put others in
// their place.
TEST_CASE("dot: every target's vectors, compiled" * doctest::skip()) {
  for (const char* target : {"neon", "avx512"}) {
    CAPTURE(target);
    CHECK_EQ(failures_of(few_rows(), target), "");
  }
}

// Sums of products of 16 bits must not saturate, in any instruction.
TEST_CASE("dot: the largest codes on both sides") {
  std::vector<ModelCase> cases;
  for (int most : {15, 63, 255}) {
    Right right = {
        cat({"all ", most}), 96, "  w: uint8[37, 96]\n",
        cat({"  - c = (cast(w, int32) & ", most, ") | ", most,
             "\n  - w = transpose(cast(c, float32) * 0.01)\n",
             "  - x = cast(minimum(cast(x, int32), -128), int8)\n"})};
    cases.push_back(coded(right, 32));
    CHECK_NE(kernels_of(cases.back().yaml).find("dot_"), std::string::npos);
  }
  CHECK_EQ(failures_of(cases), "");
  CHECK_EQ(loop_failures_of(cases, "avx2"), "");
}

TEST_CASE("dot: every target has its instruction") {
  auto has = [](const char* target, const char* text) {
    return render_prelude(target_preset(target)).find(text) !=
           std::string::npos;
  };
  CHECK(has("avx512", "__builtin_ia32_vpdpbusd_v16si"));
  CHECK(has("avx512", "__builtin_ia32_pmaddubsw512"));
  CHECK(has("avx2", "__builtin_ia32_vpdpbusd_v8si"));
  CHECK(has("avx2", "__builtin_ia32_pmaddubsw256"));
  CHECK(has("neon", "sdot"));
  CHECK(!has("generic", "dot_words"));
}

TEST_CASE("dot: other left sides stay floats") {
  const Right right = blocks("q4_0", 54, 96, 40);
  for (const char* left :
       {"cast(x, float32) + d", "cast(x, float32) * d * cast(x, float32)",
        "cast(x, float32) * d * k", "cast(cast(x, int32) * 2, float32) * d"}) {
    ModelCase c = coded(right, 0);
    const std::string plain = "cast(x, float32) * d * 0.0002";
    c.yaml.replace(c.yaml.find(plain), plain.size(), cat({left, " * 0.0002"}));
    c.yaml.insert(c.yaml.find("body:") + 6,
                  "  - k = cast(range(0, 96), float32)\n");
    c.sizes = sizes_of("M", {1, 8});
    CAPTURE(left);
    CHECK_EQ(kernels_of(c.yaml).find("dot_"), std::string::npos);
    CHECK_EQ(failures_of({c}), "");
  }
  // One target has no way that is faster.
  CHECK_EQ(kernels_of(coded(right, 32).yaml, "generic").find("dot_"),
           std::string::npos);
}

// A Linear that rounds its input: one kernel that does it, one that multiplies.
TEST_CASE("dot: a quantised Linear is two kernels") {
  const std::string linear = R"(
inputs: {x: "float32[M, 512]"}
layers:
  norm: {type: RMSNorm, dim: 512}
  fc: {type: Linear, out_dim: 64, quantization_encoding: Q4_0, input_encoding: Q8_0}
)";
  const std::string rounds =
      "abs max div equal div where cast mul round clamp cast\n";
  const std::string multiplies =
      "kernel k1  contraction  fuses decode_q4_0 cast mul transpose matmul "
      "cast\n";
  CHECK_EQ(schedule_of(linear + "body: [y = fc(x)]\n"),
           "kernel k0  row  fuses " + rounds + multiplies);
  CHECK_EQ(schedule_of(linear + "body: [y = fc(norm(x))]\n"),
           "kernel k0  row  fuses rms_norm " + rounds + multiplies);
}

}  // namespace lathe
