// Linear in float8, for every pair of granularities, against sums in float64
// written from the formulas: the codes of the activations one by one, then
// the result. Both the reference engine and compiled kernels are held to it.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "codegen/compile.h"
#include "interpreter/elaborate.h"
#include "interpreter/evaluate.h"
#include "spec/text.h"
#include "tests/support/codegen_text.h"
#include "tests/support/elaborate_text.h"
#include "tests/support/program_runner.h"

namespace lathe {
namespace {

constexpr int64_t kTokens = 3, kIn = 21, kOut = 13;  // no multiple of a block
constexpr int64_t kBlockRows = 4, kBlockColumns = 8;

// ---- the float8 formats, from their definition ----

// The nearest code's value; of two equally near the one with even bits.
double nearest_code(double x, int mantissa_bits, int bias, double largest) {
  const double a = std::min(std::fabs(x), largest);
  const int exponent =
      std::max(a > 0 ? std::ilogb(a) : -1000, 1 - bias);
  const double step = std::ldexp(1.0, exponent - mantissa_bits);
  return std::copysign(std::nearbyint(a / step) * step, x);
}

struct Codes {
  std::string dtype;
  double largest;
  int mantissa_bits, bias;

  double round(double x) const {
    return nearest_code(x, mantissa_bits, bias, largest);
  }
};

const Codes kE4m3 = {"float8_e4m3fn", 448, 3, 7};
const Codes kE5m2 = {"float8_e5m2", 57344, 2, 15};

double round_to(const std::string& dtype, double x) {
  if (dtype == "float32") return static_cast<float>(x);
  return bfloat16_value(bfloat16_bits(x));
}

// ---- a case and what it computes ----

struct Float8Case {
  std::string weight;       // granularity
  std::string input;        // granularity; empty: weight-only
  bool is_static = false;
  Codes codes = kE4m3;
  std::string x_dtype = "float32";
  std::string scale_dtype = "float32";
  double bound = 0;         // activation_scale_ub; 0: none
  bool stored_bound = false;
  bool bias = true;
  double clip = 0;          // clip_weight; 0: none
  int64_t tokens = kTokens;

  std::string name() const {
    return cat({weight, " x ", input.empty() ? "none" : input,
                is_static ? " static " : " ", codes.dtype, " ", x_dtype, " ",
                scale_dtype, bound > 0 ? " bounded" : "", clip > 0 ? " clipped" : "", " ",
                tokens});
  }
};

std::string yaml_of(const Float8Case& c) {
  std::string input = "none";
  if (!c.input.empty()) {
    input = cat({"{type: Float8InputScaleSpec, granularity: ", c.input,
                 ", origin: ", c.is_static ? "static" : "dynamic",
                 ", dtype: ", c.scale_dtype,
                 c.input == "block" ? ", block_size: [1, 8]" : "",
                 c.stored_bound ? ", stored_scale_ub: true" : "",
                 c.bound > 0 && !c.stored_bound
                     ? ", activation_scale_ub: " + std::to_string(c.bound)
                     : "",
                 "}"});
  }
  return cat({"inputs: {x: \"",
              c.x_dtype,
              "[T, ",
              kIn,
              "]\"}\nvalues:\n  input: ",
              input,
              "\n  config: {type: Float8Config, input_scale: input, "
              "weight_dtype: ",
              c.codes.dtype,
              ", input_dtype: ",
              c.codes.dtype,
              ", weight_scale: {granularity: ",
              c.weight,
              c.weight == "block" ? ", block_size: [4, 8]" : "",
              ", dtype: ",
              c.scale_dtype,
              "}}\nlayers:\n  fc: {type: Linear, ",
              "out_dim: ",
              kOut,
              ", has_bias: ",
              c.bias ? "true" : "false",
              ", clip_weight: ",
              std::to_string(c.clip),
              ", float8_config: config}\n",
              c.input.empty()
                  ? ""
                  : cat({"  quantize: {type: Float8Quantize, spec: input, "
                         "codes: ",
                         c.codes.dtype, "}\n"}),
              "body:\n  - y = fc(x)\n",
              c.input.empty()
                  ? ""
                  : cat({"  - q = quantize(x, ",
                         c.is_static ? "fc.input_scale" : "none",
                         c.stored_bound ? ", fc.input_scale_ub" : "", ")\n"}),
              "outputs: {y: y",
              c.input.empty() ? "" : ", codes: q.codes",
              "}\n"});
}

// The tensors of one run, as numbers.
struct Float8Numbers {
  std::vector<double> x, weight, weight_scale, input_scale, bound, bias;
};

double scale_of_weight(const Float8Case& c, const Float8Numbers& n, int64_t row,
                       int64_t column) {
  const auto at = [&](int64_t i) {
    return n.weight_scale[static_cast<size_t>(i)];
  };
  if (c.weight == "tensor") return at(0);
  if (c.weight == "rowwise") return at(row);
  if (c.weight == "colwise") return at(column);
  const int64_t width = (kIn + kBlockColumns - 1) / kBlockColumns;
  return at(row / kBlockRows * width + column / kBlockColumns);
}

// True if x[t, k] and x[u, j] have one scale.
bool share(const Float8Case& c, int64_t t, int64_t k, int64_t u, int64_t j) {
  if (c.input == "tensor") return true;
  if (c.input == "channel") return k == j;
  if (c.input == "block") {
    return t == u && k / kBlockColumns == j / kBlockColumns;
  }
  return t == u;
}

double scale_of_input(const Float8Case& c, const Float8Numbers& n, int64_t t,
                      int64_t k) {
  if (c.is_static) {
    return n.input_scale[c.input == "channel" ? static_cast<size_t>(k) : 0];
  }
  double amax = 0;
  for (int64_t u = 0; u < c.tokens; ++u) {
    for (int64_t j = 0; j < kIn; ++j) {
      if (!share(c, t, k, u, j)) continue;
      amax = std::max(amax, std::fabs(n.x[static_cast<size_t>(u * kIn + j)]));
    }
  }
  if (c.bound > 0) amax = std::min(amax, c.bound);
  return round_to(c.scale_dtype, amax / c.codes.largest);
}

double code_of_input(const Float8Case& c, const Float8Numbers& n, int64_t t,
                     int64_t k) {
  const double scale = scale_of_input(c, n, t, k);
  const double x = n.x[static_cast<size_t>(t * kIn + k)];
  return scale == 0 ? 0 : c.codes.round(x / scale);
}

double wanted(const Float8Case& c, const Float8Numbers& n, int64_t t,
              int64_t row) {
  double sum = c.bias ? n.bias[static_cast<size_t>(row)] : 0;
  for (int64_t k = 0; k < kIn; ++k) {
    double x = n.x[static_cast<size_t>(t * kIn + k)];
    if (!c.input.empty()) {
      x = code_of_input(c, n, t, k) * scale_of_input(c, n, t, k);
    }
    double w = n.weight[static_cast<size_t>(row * kIn + k)] *
               scale_of_weight(c, n, row, k);
    if (c.clip > 0) w = std::clamp(w, -c.clip, c.clip);
    sum += x * w;
  }
  return sum;
}

// ---- running it ----

// Random values that are exact in the tensor's dtype; the last token is 0.
Tensor random_values(const Float8Case& c, const std::string& name,
                     const TensorType& type, std::mt19937& random,
                     std::vector<double>& numbers) {
  std::normal_distribution<double> normal(0, 1);
  Tensor tensor(type.dtype, eval(type.shape, {{"T", c.tokens}}));
  for (int64_t i = 0; i < tensor.numel(); ++i) {
    double value = normal(random);
    if (name == "fc.weight") value *= 40;
    if (name == "fc.weight_scale") value = std::fabs(value) * 0.03;
    if (name == "fc.input_scale") value = std::fabs(value) * 0.01 + 0.001;
    if (name == "fc.input_scale_ub") value = c.bound;
    if (name == "x" && i >= (c.tokens - 1) * kIn) value = 0;
    tensor.set(i, value);
    numbers.push_back(tensor.at(i));
  }
  return tensor;
}

EvaluateInputs made_up(const Float8Case& c, const Graph& graph,
                       Float8Numbers& n) {
  std::mt19937 random(7);
  EvaluateInputs inputs;
  inputs.dims = {{"T", c.tokens}};
  const auto add = [&](const std::string& name, ValueId value,
                       std::vector<double>& numbers) {
    inputs.tensors[value] =
        random_values(c, name, graph.type(value), random, numbers);
  };
  add("x", graph.inputs[0].value, n.x);
  for (const GraphWeight& weight : graph.weights) {
    const std::string& path = weight.path;
    add(path, weight.value,
        path == "fc.weight"           ? n.weight
        : path == "fc.weight_scale"   ? n.weight_scale
        : path == "fc.input_scale"    ? n.input_scale
        : path == "fc.input_scale_ub" ? n.bound
                                      : n.bias);
  }
  return inputs;
}

void check_outputs(const Float8Case& c, const Float8Numbers& n,
                   const std::vector<Tensor>& outputs, const char* engine) {
  CAPTURE(engine);
  const Tensor& y = outputs[0];
  const double tolerance = c.x_dtype == "bfloat16" ? 4e-3 : 2e-6;
  REQUIRE_EQ(y.numel(), c.tokens * kOut);
  for (int64_t t = 0; t < c.tokens; ++t) {
    for (int64_t row = 0; row < kOut; ++row) {
      const double want = wanted(c, n, t, row);
      const double error = std::fabs(y.at(t * kOut + row) - want);
      CHECK_LE(error, tolerance * std::max(1.0, std::fabs(want)));
    }
  }
  if (outputs.size() < 2) return;
  int wrong = 0;
  for (int64_t i = 0; i < c.tokens * kIn; ++i) {
    wrong += outputs[1].at(i) != code_of_input(c, n, i / kIn, i % kIn);
  }
  CHECK_EQ(wrong, 0);
}

void check_float8(const std::vector<Float8Case>& cases) {
  ProgramRunner runner;
  std::vector<CompiledModel> models;
  for (const Float8Case& c : cases) {
    CAPTURE(c.name());
    models.push_back(compiled_model(yaml_of(c)));
    runner.add(models.back().program);
  }
  runner.compile();
  for (size_t i = 0; i < cases.size(); ++i) {
    CAPTURE(cases[i].name());
    Float8Numbers n;
    const EvaluateInputs inputs = made_up(cases[i], models[i].graph, n);
    check_outputs(cases[i], n, evaluate(models[i].graph, inputs),
                  "reference");
    check_outputs(cases[i], n, runner.run(models[i].program, inputs),
                  "kernels");
  }
}

const std::vector<std::string> kWeights = {"tensor", "rowwise", "colwise",
                                           "block"};

}  // namespace

TEST_CASE("float8 linear: every pair of granularities") {
  std::vector<Float8Case> cases;
  for (const std::string& weight : kWeights) {
    cases.push_back({.weight = weight, .input = ""});
    for (const char* input : {"tensor", "token", "channel", "block"}) {
      cases.push_back({.weight = weight, .input = input});
    }
    for (const char* input : {"tensor", "channel"}) {
      cases.push_back({.weight = weight, .input = input, .is_static = true});
    }
  }
  check_float8(cases);
}

TEST_CASE("float8 linear: e5m2, bfloat16 activations and scales, bounds") {
  std::vector<Float8Case> cases;
  for (const std::string& weight : kWeights) {
    cases.push_back({.weight = weight, .input = "token", .codes = kE5m2});
    cases.push_back({.weight = weight,
                     .input = "block",
                     .x_dtype = "bfloat16",
                     .scale_dtype = "bfloat16"});
    cases.push_back({.weight = weight, .input = "token", .bound = 1.5});
  }
  cases.push_back({.weight = "rowwise",
                   .input = "rowwise",
                   .x_dtype = "bfloat16",
                   .bound = 1.25,
                   .stored_bound = true,
                   .bias = false});
  cases.push_back({.weight = "rowwise", .input = "", .x_dtype = "bfloat16"});
  check_float8(cases);
}

TEST_CASE("float8 linear: clipped weights, and no tokens at all") {
  std::vector<Float8Case> cases;
  for (const std::string& weight : kWeights) {
    cases.push_back({.weight = weight, .input = "token", .clip = 0.4});
  }
  for (const char* input : {"", "tensor", "token", "channel", "block"}) {
    cases.push_back({.weight = "rowwise", .input = input, .tokens = 0});
  }
  check_float8(cases);
}

}  // namespace lathe
