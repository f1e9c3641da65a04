// Activations as codes in blocks: code by code against the rule of ggml's
// quantize_row_q8_0 and quantize_row_q8_K, written down once more; then Linear
// with such an input against sums in float64 over these codes.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "codegen/compile.h"
#include "interpreter/evaluate.h"
#include "spec/text.h"
#include "tests/support/codegen_text.h"
#include "tests/support/compare_tensors.h"
#include "tests/support/elaborate_text.h"
#include "tests/support/program_runner.h"

namespace lathe {
namespace {

constexpr int64_t kBlockTokens = 6;

struct Rounded {
  std::vector<double> codes, scales;  // of each element
};

// One block, all in float32.
void round_block(const std::string& encoding, const float* x, int64_t count,
                 Rounded& out) {
  float amax = 0;
  for (int64_t i = 0; i < count; ++i) {
    amax = std::isnan(x[i]) ? x[i] : std::max(amax, std::fabs(x[i]));
    if (std::isnan(amax)) break;
  }
  float inverse = 0, scale = 0;
  if (encoding == "Q8_0") {
    const float d = amax / 127.0f;
    if (d != 0) inverse = 1.0f / d;
    scale = float16_value(float16_bits(d));
  } else if (amax != 0) {
    inverse = 127.0f / amax;
    scale = 1.0f / inverse;
  }
  for (int64_t i = 0; i < count; ++i) {
    const float code = std::nearbyint(x[i] * inverse);
    out.codes.push_back(std::isnan(code) ? 0
                                         : std::clamp(code, -127.0f, 127.0f));
    out.scales.push_back(scale);
  }
}

Rounded round_all(const std::string& encoding, const Tensor& x) {
  const int64_t depth = x.shape().back(), block = encoding == "Q8_0" ? 32 : 256;
  Rounded out;
  std::vector<float> row(static_cast<size_t>(depth));
  for (int64_t t = 0; t * depth < x.numel(); ++t) {
    for (int64_t k = 0; k < depth; ++k) {
      row[static_cast<size_t>(k)] = static_cast<float>(x.at(t * depth + k));
    }
    for (int64_t k = 0; k < depth; k += block) {
      round_block(encoding, row.data() + k, std::min(block, depth - k), out);
    }
  }
  return out;
}

// Tokens of normal size, of zeros, of halves of a code, close to nothing, of
// all sizes, and with what is no number.
Tensor made_up(DType dtype, int64_t tokens, int64_t depth) {
  std::mt19937 random(3);
  std::normal_distribution<double> normal(0, 1);
  Tensor x(dtype, {tokens, depth});
  for (int64_t i = 0; i < x.numel(); ++i) {
    const int64_t token = i / depth, k = i % depth;
    double value = normal(random);
    if (token == 1) value = 0;
    if (token == 2) value = k % 32 == 0 ? 127 : std::floor(value * 40) + 0.5;
    if (token == 3) value *= 1e-39;
    if (token == 4) value *= std::pow(10.0, normal(random) * 3);
    const double infinity = std::numeric_limits<double>::infinity();
    if (token == 5 && k == depth / 2) value = k % 2 ? infinity : NAN;
    x.set(i, value);
  }
  return x;
}

struct BlockCase {
  std::string encoding, x_dtype;
  int64_t depth = 0;
  std::string weights = "";  // more fields of the Linear
  int64_t tokens = kBlockTokens;

  std::string name() const {
    return cat(
        {encoding, " of ", x_dtype, "[", tokens, ", ", depth, "]", weights});
  }
  std::string yaml() const {
    return cat({"inputs: {x: \"", x_dtype, "[T, ", depth,
                "]\"}\nlayers:\n  q: {type: BlockQuantize, encoding: ",
                encoding, "}\n  fc: {type: Linear, out_dim: 24, ",
                "has_bias: true, input_encoding: ", encoding, weights,
                "}\nbody:\n  - p = q(x)\n",
                "outputs: {codes: p.codes, scale: p.scale, y: fc(x)}\n"});
  }
};

// Bytes without their bit 6 hold no float16 of 2 or more.
Tensor random_weight(const TensorType& type, std::mt19937& random) {
  std::normal_distribution<double> normal(0, 1);
  Tensor tensor(type.dtype, eval(type.shape, {}));
  for (int64_t i = 0; i < tensor.numel(); ++i) {
    if (type.dtype == DType::kUInt8) {
      tensor.set_int(i, static_cast<int64_t>(random() & 191));
    } else if (is_int(type.dtype)) {
      tensor.set_int(i, static_cast<int32_t>(random()));
    } else {
      tensor.set(i, normal(random));
    }
  }
  return tensor;
}

struct Tensors {
  EvaluateInputs inputs;
  Tensor x, weight, bias;
};

Tensors tensors_for(const BlockCase& c, const Graph& graph) {
  std::mt19937 random(5);
  Tensors t;
  t.inputs.dims = {{"T", c.tokens}};
  const ValueId x = graph.inputs[0].value;
  t.x = made_up(graph.type(x).dtype, c.tokens, c.depth);
  t.inputs.tensors[x] = t.x;
  for (const Node& node : graph.nodes) {
    if (node.kind != NodeKind::kWeight) continue;
    const ValueId value = node.outputs[0];
    const Tensor tensor = random_weight(graph.type(value), random);
    t.inputs.tensors[value] = tensor;
    (tensor.shape().size() == 1 ? t.bias : t.weight) = tensor;
  }
  return t;
}

// Codes of a block that has a NaN are whatever they are.
int64_t wrong_codes(const Rounded& wanted, const std::vector<Tensor>& found) {
  int64_t wrong = 0;
  for (int64_t i = 0; i < found[0].numel(); ++i) {
    const size_t at = static_cast<size_t>(i);
    if (std::isnan(wanted.scales[at])) {
      wrong += std::isnan(found[1].at(i)) ? 0 : 1;
    } else {
      wrong += found[0].at(i) == wanted.codes[at] &&
                       found[1].at(i) == wanted.scales[at]
                   ? 0
                   : 1;
    }
  }
  return wrong;
}

// The largest error of y, of the size of what is summed; NaN must be NaN.
double relative_error(const Rounded& x, const Tensors& t, const Tensor& y) {
  const int64_t depth = t.x.shape().back(), columns = y.shape().back();
  double worst = 0;
  for (int64_t i = 0; i < y.numel(); ++i) {
    double sum = t.bias.at(i % columns), size = std::fabs(sum);
    for (int64_t k = 0; k < depth; ++k) {
      const size_t at = static_cast<size_t>(i / columns * depth + k);
      const double product =
          x.codes[at] * x.scales[at] * t.weight.at(i % columns * depth + k);
      sum += product;
      size += std::fabs(product);
    }
    if (std::isnan(sum) != std::isnan(y.at(i))) return 1e9;
    if (!std::isnan(sum)) {
      worst = std::max(worst, std::fabs(y.at(i) - sum) / size);
    }
  }
  return worst;
}

void check_blocks(const std::vector<BlockCase>& cases) {
  ProgramRunner runner;
  std::vector<CompiledModel> models;
  for (const BlockCase& c : cases) {
    CAPTURE(c.name());
    models.push_back(compiled_model(c.yaml()));
    runner.add(models.back().program);
  }
  runner.compile();
  for (size_t i = 0; i < cases.size(); ++i) {
    CAPTURE(cases[i].name());
    const Tensors t = tensors_for(cases[i], models[i].graph);
    const Rounded x = round_all(cases[i].encoding, t.x);
    const double rounding = cases[i].x_dtype == "bfloat16" ? 5e-3 : 1e-6;
    const std::vector<Tensor> reference = evaluate(models[i].graph, t.inputs);
    const std::vector<Tensor> kernels = runner.run(models[i].program, t.inputs);
    for (const std::vector<Tensor>* found : {&reference, &kernels}) {
      CAPTURE(found == &kernels);
      CHECK_EQ(wrong_codes(x, *found), 0);
      if (!cases[i].weights.empty()) continue;
      CHECK_LE(relative_error(x, t, (*found)[2]), rounding);
    }
    CHECK_EQ(difference(kernels[2], reference[2], cases[i].depth), "");
  }
}

}  // namespace

TEST_CASE("block quantize: codes, scales and products with float weights") {
  std::vector<BlockCase> cases;
  for (const char* encoding : {"Q8_0", "Q8_K"}) {
    for (int64_t depth : {1, 20, 32, 50, 256, 300, 512}) {
      cases.push_back({encoding, "float32", depth});
    }
    cases.push_back({encoding, "bfloat16", 300});
    cases.push_back({encoding, "float32", 64, "", 0});
  }
  check_blocks(cases);
}

TEST_CASE("block quantize: products with weights in blocks") {
  std::vector<BlockCase> cases;
  for (const char* format : {"Q4_0", "Q5_1", "Q8_0", "Q4_K", "Q6_K", "Q3_K"}) {
    for (const char* encoding : {"Q8_0", "Q8_K"}) {
      cases.push_back({encoding, "float32", 512,
                       cat({", quantization_encoding: ", format})});
    }
  }
  cases.push_back({"Q8_0", "bfloat16", 256, ", quantization_encoding: Q4_0"});
  check_blocks(cases);
}

TEST_CASE("block quantize: beside GPTQ") {
  check_blocks({{"Q8_0", "float32", 256, ", quantization_encoding: GPTQ"}});
}

}  // namespace lathe
