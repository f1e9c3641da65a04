#include <doctest/doctest.h>

#include <ctime>

#include "codegen/passes.h"
#include "tests/support/codegen_text.h"

namespace lathe {

TEST_CASE("fuse: an elementwise chain becomes one kernel") {
  CHECK_EQ(schedule_of("inputs: {x: 'float32[B, 8]', b: 'float32[8]'}\n"
                       "body: ['y = gelu(x + b)']\n"),
           "kernel k0  row  fuses add gelu\n");
}

TEST_CASE("fuse: bias and activation close a product") {
  CHECK_EQ(schedule_of("inputs: {x: 'float32[B, 8]'}\n"
                       "weights: {W: 'float32[8, 16]', b: 'float32[16]'}\n"
                       "body: ['y = gelu(x @ W + b)']\n"),
           "kernel k0  contraction  fuses matmul add gelu\n");
}

TEST_CASE("fuse: norms and softmax are one kernel each") {
  CHECK_EQ(schedule_of("inputs: {x: 'float32[B, T, 64]'}\n"
                       "layers: {n: {type: RMSNorm, dim: 64}}\n"
                       "body: ['y = n(x)']\n"),
           "kernel k0  row  fuses rms_norm\n");
  CHECK_EQ(schedule_of("inputs: {x: 'float32[B, T, 64]'}\n"
                       "layers: {n: {type: LayerNorm, dims: 64}}\n"
                       "body: ['y = n(x)']\n"),
           "kernel k0  row  fuses layer_norm\n");
  CHECK_EQ(schedule_of("inputs: {x: 'float32[B, S]'}\n"
                       "body: ['y = softmax(x)']\n"),
           "kernel k0  row  fuses softmax\n");
}

TEST_CASE("fuse: a factor of 1 leaves what was put beside it") {
  CHECK_EQ(schedule_of("inputs: {p: 'int64[B]'}\n"
                       "body: ['a = cast(p, float32)[:, None] * "
                       "ones([1])', 'y = exp(a)']\n"),
           "kernel k0  row  fuses cast\nkernel k1  row  fuses exp\n");
}

TEST_CASE("fuse: norms and softmax over other axes are one kernel, too") {
  const auto of = [](const std::string& body) {
    return schedule_of("inputs: {x: 'float32[B, C, W]'}\nbody:\n" + body);
  };
  for (const char* axis : {"0", "1", "-2"}) {
    const std::string over = std::string(", axis=") + axis + ")\n";
    CHECK_EQ(of("  - y = softmax(x" + over), "kernel k0  row  fuses softmax\n");
    CHECK_EQ(of("  - y = log_softmax(x" + over),
             "kernel k0  row  fuses log_softmax\n");
    CHECK_EQ(of("  - y = mean(x" + over), "kernel k0  row  fuses mean\n");
    CHECK_EQ(of("  - y = x / sum(x" + over), "kernel k0  row  fuses sum div\n");
  }
  CHECK_EQ(of("  - d = x - mean(x, axis=1)\n"
              "  - y = d * rsqrt(mean(d * d, axis=1) + 1e-5)\n"),
           "kernel k0  row  fuses mean sub mul mean add rsqrt mul\n");
  CHECK_EQ(schedule_of("inputs: {x: 'float32[B, T, 8, 64]'}\n"
                       "layers: {n: {type: RMSNorm, dim: 64}}\n"
                       "body: ['y = permute(n(x), [0, 2, 1, 3]) * 2.0']\n"),
           "kernel k0  row  fuses rms_norm mul\n");
}

TEST_CASE("fuse: a residual sum that is an output too stays in the row") {
  CHECK_EQ(schedule_of("inputs: {x: 'float32[B, 64]', r: 'float32[B, 64]'}\n"
                       "layers: {n: {type: RMSNorm, dim: 64}}\n"
                       "body: ['h = x + r', 'y = n(h)']\n"
                       "outputs: {h: h, y: y}\n"),
           "kernel k0  row  fuses add rms_norm\n");
}

TEST_CASE("fuse: a norm written with plain ops is one kernel") {
  CHECK_EQ(
      schedule_of("inputs: {x: 'float32[B, 64]'}\n"
                  "body:\n"
                  "  - m = mean(x)\n"
                  "  - y = (x - m) * rsqrt(mean((x - m) * (x - m)) + 1e-5)\n"),
      "kernel k0  row  fuses mean sub mul mean add rsqrt mul\n");
}

TEST_CASE("fuse: a gated MLP is two kernels") {
  CHECK_EQ(schedule_of("inputs: {x: 'float32[B, 64]'}\n"
                       "layers: {m: {type: MLP, hidden_dim: 64, "
                       "feed_forward_length: 96}}\n"
                       "body: ['y = m(x)']\n"),
           "kernel k0  contraction  fuses matmul activation matmul mul\n"
           "kernel k1  contraction  fuses matmul\n");
}

TEST_CASE("fuse: a norm makes float8 codes, scales close the product") {
  const auto mlp_of = [](const std::string& granularities) {
    return schedule_of(
        "inputs: {x: 'bfloat16[T, 128]'}\n"
        "values: {f8: {type: Float8Config, " +
        granularities +
        "}}\n"
        "layers:\n"
        "  n: {type: RMSNorm, dim: 128}\n"
        "  m: {type: MLP, hidden_dim: 128, feed_forward_length: 256, "
        "float8_config: f8}\n"
        "body: ['y = x + m(n(x))']\n");
  };
  CHECK_EQ(mlp_of("weight_scale: {granularity: rowwise}"),
           "kernel k0  row  fuses rms_norm\n"
           "kernel k1  contraction  fuses matmul mul cast activation "
           "matmul mul cast mul\n"
           "kernel k2  contraction  fuses matmul mul cast add\n");
  CHECK_EQ(mlp_of("weight_scale: {granularity: rowwise}, "
                  "input_scale: {granularity: token}"),
           "kernel k0  row  fuses rms_norm abs max div equal where div "
           "clamp cast\n"
           "kernel k1  contraction  fuses matmul mul mul cast activation "
           "matmul mul mul cast mul\n"
           "kernel k2  row  fuses abs max div equal where div clamp cast\n"
           "kernel k3  contraction  fuses matmul mul mul cast add\n");
  CHECK_EQ(mlp_of("weight_scale: {granularity: tensor}, "
                  "input_scale: {granularity: tensor, origin: static}"),
           "kernel load0  row  fuses equal where\n"
           "kernel load1  row  fuses equal where\n"
           "kernel k0  row  fuses rms_norm div clamp cast div clamp cast\n"
           "kernel k1  contraction  fuses matmul mul mul cast\n"
           "kernel load2  row  fuses equal where\n"
           "kernel k2  contraction  fuses activation matmul mul mul cast "
           "mul div clamp cast\n"
           "kernel k3  contraction  fuses matmul mul mul cast add\n");
  CHECK_EQ(mlp_of("weight_scale: {granularity: block, block_size: [64, 64]}, "
                  "input_scale: {granularity: block, block_size: [1, 64]}"),
           "kernel k0  row  fuses rms_norm abs max div equal where div "
           "clamp cast mul\n"
           "kernel k1  contraction  fuses mul transpose matmul cast "
           "activation mul transpose matmul cast mul\n"
           "kernel k2  row  fuses abs max div equal where div clamp cast mul\n"
           "kernel k3  contraction  fuses mul transpose matmul cast add\n");
}

TEST_CASE("fuse: products of one input share a kernel") {
  CHECK_EQ(schedule_of("inputs: {x: 'float32[B, T, 64]'}\n"
                       "weights: {Q: 'float32[64, 64]', K: 'float32[64, 32]', "
                       "V: 'float32[64, 32]'}\n"
                       "body: ['q = x @ Q', 'k = x @ K', 'v = x @ V']\n"
                       "outputs: {q: q, k: k, v: v}\n"),
           "kernel k0  contraction  fuses matmul matmul matmul\n");
}

// One block of columns has a scale for each 64 of k alone, two have one more.
TEST_CASE("fuse: products of one input share a kernel, be blocks few or many") {
  CHECK_EQ(schedule_of(
               "inputs: {x: 'float32[T, 128]'}\n"
               "values: {f8: {type: Float8Config, weight_scale: "
               "{granularity: block, block_size: [64, 64]}}}\n"
               "layers:\n"
               "  q: {type: Linear, out_dim: 128, float8_config: f8}\n"
               "  k: {type: Linear, out_dim: 64, float8_config: f8}\n"
               "body: ['a = q(x)', 'b = k(x)']\n"
               "outputs: {a: a, b: b}\n"),
           "kernel k0  contraction  fuses mul transpose matmul cast "
           "mul transpose matmul cast\n");
}

TEST_CASE("fuse: queries and keys turn in one kernel with their tables") {
  CHECK_EQ(
      schedule_of(
          "inputs: {q: 'float32[B, T, 8, 64]', k: 'float32[B, T, 2, 64]'}\n"
          "layers: {rope: {type: RotaryEmbedding, interleaved: false}}\n"
          "body: ['a = rope(q)', 'b = rope(k)']\n"
          "outputs: {a: a, b: b}\n"),
      "kernel load0  row  fuses pow cast\n"
      "kernel k0  row  fuses mul cos sin mul mul sub mul mul add concat "
      "mul mul sub mul mul add concat\n");
}

TEST_CASE("fuse: neighbouring pairs turn in one kernel too") {
  CHECK_EQ(
      schedule_of(
          "inputs: {q: 'float32[B, T, 8, 64]', k: 'float32[B, T, 2, 64]'}\n"
          "layers: {rope: {type: RotaryEmbedding}}\n"
          "body: ['a = rope(q)', 'b = rope(k)']\n"
          "outputs: {a: a, b: b}\n"),
      "kernel load0  row  fuses pow cast\n"
      "kernel k0  row  fuses mul cos sin mul mul mul add flatten "
      "mul mul mul add flatten\n");
}

TEST_CASE("fuse: positions that are given turn in that kernel, too") {
  for (const char* dtype : {"float32", "bfloat16"}) {
    CAPTURE(dtype);
    const std::string text = schedule_of(
        "inputs: {q: '" + std::string(dtype) + "[B, T, 8, 64]', k: '" + dtype +
        "[B, T, 2, 64]', p: 'int64[B, T]'}\n"
        "layers: {rope: {type: RotaryEmbedding}}\n"
        "body: ['a = rope(q, p)', 'b = rope(k, p)']\n"
        "outputs: {a: a, b: b}\n");
    CHECK_NE(text.find("kernel k0  row"), std::string::npos);
    CHECK_EQ(text.find("kernel k1"), std::string::npos);
  }
}

// Rows without a part of the table would read behind the table's own data.
TEST_CASE("fuse: rows beyond a table do not make it") {
  CHECK_EQ(schedule_of("inputs: {x: 'bfloat16[B, T, 16, 64]', p: 'int64[T]'}\n"
                       "body:\n"
                       "  - t = cos(cast(p, float32)[:, None] * "
                       "cast(range(0, 64), float32))\n"
                       "  - y = pad(cast(x, float32) * t[:, None], "
                       "[0, 0, 0, 3, 0, 0, 0, 0])\n"),
           "kernel k0  row  fuses cast mul cos\n"
           "kernel k1  row  fuses mul pad\n");
}

TEST_CASE("fuse: rows of a table in blocks are decoded where they are read") {
  CHECK_EQ(
      schedule_of(
          "inputs: {ids: 'int64[B]'}\n"
          "layers: {tok: {type: Embedding, vocab_size: 9, hidden_dim: 256, "
          "quantization_encoding: Q6_K}}\n"
          "body: ['y = tok(ids)']\n"),
      "kernel k0  row  fuses decode_q6_k gather\n");
}

TEST_CASE("fuse: attention in four lines is one kernel") {
  CHECK_EQ(schedule_of("inputs: {q: 'float32[B, H, T, 64]', "
                       "k: 'float32[B, H, S, 64]', "
                       "v: 'float32[B, H, S, 64]'}\n"
                       "body:\n"
                       "  - s = q @ transpose(k) * 0.125\n"
                       "  - seen = unsqueeze(range(0, T), -1) >= range(0, S)\n"
                       "  - y = softmax(where(seen, s, -1e30)) @ v\n"),
           "kernel k0  attention  fuses matmul mul where softmax matmul\n");
}

TEST_CASE("fuse: a pre-norm transformer layer is eight kernels") {
  CHECK_EQ(schedule_of(R"(
inputs: {x: "float32[B, T, 768]"}
layers:
  block:
    type: TransformerBlock
    attention_norm: {type: RMSNorm, dim: 768}
    mlp_norm: {type: RMSNorm, dim: 768}
    attention:
      type: AttentionWithRope
      rope: {type: RotaryEmbedding, interleaved: false}
      num_attention_heads: 12
      hidden_size: 768
    mlp: {type: MLP, hidden_dim: 768, feed_forward_length: 2048}
body: [y = block(x)]
)"),
           "kernel k0  row  fuses rms_norm\n"
           "kernel k1  contraction  fuses matmul matmul matmul\n"
           "kernel load0  row  fuses pow cast\n"
           "kernel k2  row  fuses mul cos sin mul mul sub mul mul add concat "
           "mul mul sub mul mul add concat\n"
           "kernel k3  attention  fuses matmul mul where softmax matmul\n"
           "kernel k4  contraction  fuses matmul add\n"
           "kernel k5  row  fuses rms_norm\n"
           "kernel k6  contraction  fuses matmul activation matmul mul\n"
           "kernel k7  contraction  fuses matmul add\n");
}

TEST_CASE("fuse: a pre-norm layer in bfloat16 is eight kernels, too") {
  const std::string schedule = schedule_of(R"(
inputs: {x: "bfloat16[B, T, 768]"}
layers:
  block:
    type: TransformerBlock
    attention_norm: {type: RMSNorm, dim: 768}
    mlp_norm: {type: RMSNorm, dim: 768}
    attention:
      type: AttentionWithRope
      rope: {type: RotaryEmbedding, interleaved: false}
      num_attention_heads: 12
      num_key_value_heads: 4
      hidden_size: 768
    mlp: {type: MLP, hidden_dim: 768, feed_forward_length: 2048}
body: [y = block(x)]
)");
  CHECK_NE(schedule.find("kernel k7 "), std::string::npos);
  CHECK_EQ(schedule.find("kernel k8 "), std::string::npos);
}

TEST_CASE("fuse: equal layers share one kernel, work grows linearly") {
  const auto compiled = [](int layers, std::clock_t& taken) {
    const Graph graph = graph_from(
        "inputs: {x: \"float32[B, 64]\"}\n"
        "layers:\n"
        "  block: {type: Linear, in_dim: 64, out_dim: 64, repeat: " +
        std::to_string(layers) + "}\nbody: [y = block(x)]\n");
    const std::clock_t start = std::clock();
    Program program = compile(graph, target_preset("avx2"));
    taken = std::clock() - start;
    return program;
  };
  std::clock_t few = 0, many = 0;
  compiled(500, few);
  const Program program = compiled(2000, many);
  CHECK_LT(many, 10 * few);  // 4 times the layers; 16 would be quadratic
  CHECK_EQ(program.steps.size(), 2000u);
  CHECK_EQ(program.kernels.size(), 2u);  // the product, and the packing
}

}  // namespace lathe
