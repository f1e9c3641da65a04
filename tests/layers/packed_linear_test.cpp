// GPTQLinear and AWQLinear against weights that are packed here and unpacked
// by nobody: what is expected is computed in float64 from the numbers that
// went into the words.
#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "codegen/compile.h"
#include "interpreter/elaborate.h"
#include "spec/check.h"
#include "tests/support/compare_tensors.h"
#include "tests/support/elaborate_text.h"
#include "tests/support/program_runner.h"

namespace lathe {
namespace {

struct Variant {
  std::string method = "gptq";
  int bits = 4;
  int group_size = 128;
  bool sym = true;
  bool desc_act = false;
  bool plain_zeros = false;  // stored as they are
  int64_t in = 0, out = 0;
  std::string dtype = "float32";
  std::string scale_dtype = "float16";

  std::string name() const {
    return cat({method, " ", bits, " bits, groups of ", group_size,
                sym ? ", sym" : "", desc_act ? ", desc_act" : "",
                plain_zeros ? ", plain zeros" : "", " ", in, "x", out, " ",
                dtype, " ", scale_dtype});
  }
  int64_t group() const { return group_size < 0 ? in : group_size; }
  int64_t groups() const { return (in + group() - 1) / group(); }
};

// The numbers of a weight, before they are packed.
struct PackedNumbers {
  std::vector<int64_t> codes;   // [in, out]
  std::vector<int64_t> zeros;   // [groups, out]
  std::vector<int64_t> groups;  // [in]
  Tensor scales;                // [groups, out]
  Tensor bias;                  // [out]
};

PackedNumbers random_numbers(const Variant& v, std::mt19937& random) {
  const int64_t top = (int64_t{1} << v.bits) - 1;
  std::uniform_int_distribution<int64_t> code(0, top);
  std::uniform_real_distribution<double> real(0.01, 0.2);
  // Weights of the size of 1, whatever their bits: results are compared at it.
  const double one = 16.0 / static_cast<double>(top + 1);
  PackedNumbers n;
  for (int64_t i = 0; i < v.in * v.out; ++i) n.codes.push_back(code(random));
  for (int64_t i = 0; i < v.groups() * v.out; ++i) {
    n.zeros.push_back(v.sym ? (top + 1) / 2 : code(random));
  }
  for (int64_t k = 0; k < v.in; ++k) n.groups.push_back(k / v.group());
  if (v.desc_act) std::shuffle(n.groups.begin(), n.groups.end(), random);
  n.scales = Tensor(*parse_dtype(v.scale_dtype), {v.groups(), v.out});
  for (int64_t i = 0; i < n.scales.numel(); ++i) {
    n.scales.set(i, real(random) * one);
  }
  n.bias = Tensor(*parse_dtype(v.dtype), {v.out});
  for (int64_t i = 0; i < v.out; ++i) n.bias.set(i, real(random));
  return n;
}

// A matrix of codes as words of 32 bits. `place(c)` gives the word and the
// lowest bit of the code in column c of a row; `down` packs rows instead.
Tensor packed(const std::vector<int64_t>& codes, int64_t rows, int64_t columns,
              int bits, bool down, const std::vector<int>& order) {
  const int64_t per = 32 / bits;
  Tensor words(DType::kInt32, {down ? rows / per : rows,
                               down ? columns : columns / per});
  std::vector<uint32_t> sums(static_cast<size_t>(words.numel()));
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) {
      const int64_t along = down ? r : c;
      const int64_t word = down ? r / per * columns + c
                                : r * (columns / per) + c / per;
      const int slot = order[static_cast<size_t>(along % per)];
      sums[static_cast<size_t>(word)] |=
          static_cast<uint32_t>(codes[static_cast<size_t>(r * columns + c)])
          << (slot * bits);
    }
  }
  for (int64_t i = 0; i < words.numel(); ++i) {
    words.set_int(i, static_cast<int32_t>(sums[static_cast<size_t>(i)]));
  }
  return words;
}

std::vector<int> in_order(int count) {
  std::vector<int> order(static_cast<size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  return order;
}

// The weights by their paths.
std::map<std::string, Tensor> tensors_of(const Variant& v,
                                         const PackedNumbers& n) {
  std::map<std::string, Tensor> tensors;
  tensors["fc.scales"] = n.scales;
  tensors["fc.bias"] = n.bias;
  if (v.method == "awq") {
    // Where AWQ puts each of eight neighbours.
    const std::vector<int> order = {0, 4, 1, 5, 2, 6, 3, 7};
    tensors["fc.qweight"] = packed(n.codes, v.in, v.out, 4, false, order);
    tensors["fc.qzeros"] =
        packed(n.zeros, v.groups(), v.out, 4, false, order);
    return tensors;
  }
  const std::vector<int> order = in_order(32 / v.bits);
  tensors["fc.qweight"] = packed(n.codes, v.in, v.out, v.bits, true, order);
  std::vector<int64_t> stored = n.zeros;
  for (int64_t& zero : stored) {
    if (!v.plain_zeros) zero = (zero - 1) & ((1 << v.bits) - 1);
  }
  if (!v.sym) {
    tensors["fc.qzeros"] =
        packed(stored, v.groups(), v.out, v.bits, false, order);
  }
  if (v.desc_act) {
    Tensor g_idx(DType::kInt32, {v.in});
    for (int64_t k = 0; k < v.in; ++k) {
      g_idx.set_int(k, n.groups[static_cast<size_t>(k)]);
    }
    tensors["fc.g_idx"] = g_idx;
  }
  return tensors;
}

// x W + b in float64, rounded once.
Tensor expected(const Variant& v, const PackedNumbers& n, const Tensor& x) {
  const int64_t rows = x.shape()[0];
  Tensor y(x.dtype(), {rows, v.out});
  for (int64_t m = 0; m < rows; ++m) {
    for (int64_t o = 0; o < v.out; ++o) {
      double sum = n.bias.at(o);
      for (int64_t k = 0; k < v.in; ++k) {
        const int64_t at = n.groups[static_cast<size_t>(k)] * v.out + o;
        const int64_t code = n.codes[static_cast<size_t>(k * v.out + o)] -
                             n.zeros[static_cast<size_t>(at)];
        sum += x.at(m * v.in + k) * static_cast<double>(code) *
               n.scales.at(at);
      }
      y.set(m * v.out + o, sum);
    }
  }
  return y;
}

std::string yaml_of(const Variant& v) {
  const std::string config =
      v.method == "awq"
          ? cat({"{quant_method: awq, group_size: ", v.group_size,
                 ", scale_dtype: ", v.scale_dtype, "}"})
          : cat({"{quant_method: gptq, bits: ", v.bits,
                 ", group_size: ", v.group_size,
                 ", sym: ", v.sym ? "true" : "false",
                 ", desc_act: ", v.desc_act ? "true" : "false",
                 ", checkpoint_format: ", v.plain_zeros ? "gptq_v2" : "gptq",
                 ", scale_dtype: ", v.scale_dtype, "}"});
  return cat({"lathe: 1\nmodel: m\ninputs: {x: \"", v.dtype, "[M, ", v.in,
              "]\"}\nlayers:\n  fc: {type: ",
              v.method == "awq" ? "AWQLinear" : "GPTQLinear", ", out_dim: ",
              v.out, ", has_bias: true, quantization_config: ", config,
              "}\nbody: [y = fc(x)]\n"});
}

Graph graph_of_variant(const Variant& v) {
  Diagnostics diagnostics;
  Model model =
      elaborate_file(make_source("m.yaml", yaml_of(v)), diagnostics);
  LATHE_CHECK(!diagnostics.has_errors(), v.name(), ": ",
              render(diagnostics.sorted()));
  return std::move(model.graph);
}

EvaluateInputs inputs_of(const Graph& graph, const Variant& v, int64_t rows,
                         const PackedNumbers& n, std::mt19937& random) {
  EvaluateInputs inputs;
  inputs.dims = {{"M", rows}};
  const std::map<std::string, Tensor> weights = tensors_of(v, n);
  LATHE_CHECK(weights.size() == graph.weights.size(), v.name(), " has ",
              graph.weights.size(), " weights");
  for (const GraphWeight& weight : graph.weights) {
    const Tensor& tensor = weights.at(weight.path);
    LATHE_CHECK(tensor.dtype() == weight.type.dtype &&
                    tensor.shape() == eval(weight.type.shape, {}),
                v.name(), " ", weight.path);
    inputs.tensors[weight.value] = tensor;
  }
  Tensor x(*parse_dtype(v.dtype), {rows, v.in});
  std::normal_distribution<double> normal;
  for (int64_t i = 0; i < x.numel(); ++i) x.set(i, normal(random));
  inputs.tensors[graph.inputs[0].value] = x;
  return inputs;
}

// One line for each result of the reference or a kernel that is wrong.
std::string failures_of(const std::vector<Variant>& variants) {
  ProgramRunner runner;
  std::vector<Graph> graphs;
  std::vector<Program> programs;
  for (const Variant& v : variants) {
    graphs.push_back(graph_of_variant(v));
    programs.push_back(compile(graphs.back(), target_preset("avx2")));
    runner.add(programs.back());
  }
  runner.compile();
  std::string report;
  for (size_t i = 0; i < variants.size(); ++i) {
    const Variant& v = variants[i];
    std::mt19937 random(static_cast<unsigned>(i));
    const PackedNumbers numbers = random_numbers(v, random);
    for (int64_t rows : {1, 7}) {
      const EvaluateInputs inputs =
          inputs_of(graphs[i], v, rows, numbers, random);
      const Tensor wanted = expected(
          v, numbers, inputs.tensors.at(graphs[i].inputs[0].value));
      const auto check = [&](const char* engine, const Tensor& got) {
        const std::string what = difference(got, wanted, v.in);
        if (what.empty()) return;
        report += cat({v.name(), " M=", rows, ", ", engine, ": ", what, "\n"});
      };
      check("reference", evaluate(graphs[i], inputs)[0]);
      check("cpu", runner.run(programs[i], inputs)[0]);
    }
  }
  return report;
}

// The paths of the weights of a model with one layer `fc`.
std::string weights_of_layer(const std::string& fields) {
  Diagnostics diagnostics;
  const std::string yaml =
      cat({"lathe: 1\nmodel: m\ninputs: {x: \"float32[M, 64]\"}\nlayers:\n"
           "  fc: ",
           fields, "\nbody: [y = fc(x)]\n"});
  const Model model = elaborate_file(make_source("m.yaml", yaml), diagnostics);
  std::string paths = render(diagnostics.sorted());
  for (const GraphWeight& weight : model.graph.weights) {
    paths += cat({paths.empty() ? "" : " ", weight.path});
  }
  return paths;
}

// Groups that do not divide the input, are all of it, and are larger.
std::vector<Variant> gptq_variants(int bits) {
  std::vector<Variant> variants;
  const int64_t per = 32 / bits;
  for (int group_size : {-1, 16, 128}) {
    for (bool desc_act : {false, true}) {
      Variant v{.bits = bits, .group_size = group_size, .desc_act = desc_act};
      v.in = 5 * per + (bits == 8 ? 4 : 0);
      v.out = 3 * per + 1;
      variants.push_back(v);  // without zero points any `out` will do
      v.sym = false;
      v.out = 3 * per;
      variants.push_back(v);
      v.plain_zeros = true;
      variants.push_back(v);
    }
  }
  return variants;
}

}  // namespace

TEST_CASE("gptq: 4 bits in all variants give what was packed") {
  CHECK_EQ(failures_of(gptq_variants(4)), "");
}

TEST_CASE("gptq: 8 bits in all variants give what was packed") {
  CHECK_EQ(failures_of(gptq_variants(8)), "");
}

TEST_CASE("awq: all group sizes give what was packed") {
  std::vector<Variant> variants;
  for (int group_size : {-1, 16, 128}) {
    variants.push_back({.method = "awq",
                        .group_size = group_size,
                        .sym = false,
                        .plain_zeros = true,
                        .in = 37,
                        .out = 24});
  }
  CHECK_EQ(failures_of(variants), "");
}

TEST_CASE("gptq: dtypes of activations and scales") {
  std::vector<Variant> variants;
  for (const char* dtype : {"bfloat16", "float16", "float64"}) {
    for (const char* scale_dtype : {"float16", "bfloat16", "float32"}) {
      variants.push_back({.group_size = 16,
                          .sym = false,
                          .in = 48,
                          .out = 40,
                          .dtype = dtype,
                          .scale_dtype = scale_dtype});
    }
  }
  CHECK_EQ(failures_of(variants), "");
}

TEST_CASE("gptq: a Linear has the weights of the layer it hands over to") {
  CHECK_EQ(weights_of_layer("{type: Linear, out_dim: 8, "
                            "quantization_encoding: GPTQ}"),
           "fc.qweight fc.scales");
  CHECK_EQ(weights_of_layer("{type: Linear, out_dim: 8, has_bias: true, "
                            "quantization_config: {quant_method: gptq, "
                            "sym: false, desc_act: true}}"),
           "fc.qweight fc.qzeros fc.scales fc.g_idx fc.bias");
  CHECK_EQ(weights_of_layer("{type: Linear, out_dim: 8, "
                            "quantization_config: {quant_method: awq}}"),
           "fc.qweight fc.qzeros fc.scales");
  CHECK_EQ(weights_of_layer("{type: MLP, hidden_dim: 64, "
                            "feed_forward_length: 8, "
                            "linear_cls: GPTQLinear}"),
           "fc.gate_proj.qweight fc.gate_proj.scales fc.up_proj.qweight "
           "fc.up_proj.scales fc.down_proj.qweight fc.down_proj.scales");
}

TEST_CASE("gptq: sizes of a tile and more") {
  std::vector<Variant> variants;
  for (bool desc_act : {false, true}) {
    variants.push_back({.group_size = 128,
                        .desc_act = desc_act,
                        .in = 512,
                        .out = 136});
  }
  CHECK_EQ(failures_of(variants), "");
}

}  // namespace lathe
