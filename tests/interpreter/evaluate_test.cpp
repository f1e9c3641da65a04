// The reference engine against plain loops, written independently.
#include "interpreter/evaluate.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "spec/diagnostic.h"
#include "tests/support/op_samples.h"

namespace lathe {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

// A call with its data and results.
struct Run {
  std::vector<Tensor> in;
  std::vector<Tensor> out;

  double x(int64_t i) const { return in[0].at(i); }
  double y(int64_t i) const { return in[1].at(i); }
};

Run run(const std::string& op, const std::string& call,
        const DimBindings& dims = {}, DType dtype = DType::kFloat64) {
  const OpSample sample =
      make_sample(*OpRegistry::instance().find(op), call, dtype);
  const EvaluateInputs inputs = sample_inputs(sample, dims, 3);
  Run result;
  for (const SampleInput& input : sample.inputs) {
    result.in.push_back(inputs.tensors.at(input.value));
  }
  result.out = evaluate(sample.graph, inputs);
  return result;
}

Tensor tensor_of(const std::vector<double>& values,
                 DType dtype = DType::kFloat32) {
  Tensor tensor(dtype, {static_cast<int64_t>(values.size())});
  for (size_t i = 0; i < values.size(); ++i) {
    tensor.set(static_cast<int64_t>(i), values[i]);
  }
  return tensor;
}

// Results of a call on the given vectors.
std::string values_of(const std::string& op, const std::string& call,
                      const std::vector<Tensor>& given) {
  const OpSample sample = make_sample(*OpRegistry::instance().find(op), call,
                                      given[0].dtype());
  EvaluateInputs inputs;
  for (size_t i = 0; i < given.size(); ++i) {
    inputs.tensors[sample.inputs[i].value] = given[i];
  }
  inputs.dims = {{"N", given[0].numel()}};
  std::string text;
  for (const Tensor& out : evaluate(sample.graph, inputs)) {
    text += (text.empty() ? "" : " ") + to_string(out);
  }
  return text;
}

void check_all(const Tensor& tensor, int64_t size,
               const std::function<double(int64_t)>& wanted) {
  REQUIRE_EQ(tensor.numel(), size);
  for (int64_t i = 0; i < size; ++i) {
    CAPTURE(i);
    CHECK(tensor.at(i) == doctest::Approx(wanted(i)).epsilon(1e-12));
  }
}

}  // namespace

TEST_CASE("reference: matmul") {
  for (const auto& [m, k, n] : {std::tuple{3, 70, 5}, {5, 0, 3}, {40, 9, 700}}) {
    const Run r = run("matmul", "x: [M, K], y: [K, P]",
                      {{"M", m}, {"K", k}, {"P", n}});
    check_all(r.out[0], m * n, [&, k = k, n = n](int64_t i) {
      double sum = 0;
      for (int64_t q = 0; q < k; ++q) {
        sum += r.x(i / n * k + q) * r.y(q * n + i % n);
      }
      return sum;
    });
  }
}

TEST_CASE("reference: matmul of batches that broadcast") {
  const Run r = run("matmul", "x: [3, 1, 2, 4], y: [5, 4, 3]");
  CHECK(r.out[0].shape() == std::vector<int64_t>{3, 5, 2, 3});
  check_all(r.out[0], 90, [&](int64_t i) {
    const int64_t n = i % 3, m = i / 3 % 2, b = i / 6 % 5, a = i / 30;
    double sum = 0;
    for (int64_t k = 0; k < 4; ++k) {
      sum += r.x(a * 8 + m * 4 + k) * r.y(b * 12 + k * 3 + n);
    }
    return sum;
  });
}

TEST_CASE("reference: a sum over many elements") {
  const Run r = run("sum", "x: [2, 5000]");
  check_all(r.out[0], 2, [&](int64_t i) {
    double sum = 0;
    for (int64_t k = 0; k < 5000; ++k) sum += r.x(i * 5000 + k);
    return sum;
  });
}

TEST_CASE("reference: softmax") {
  const Run r = run("softmax", "x: [4, 37]");
  check_all(r.out[0], 4 * 37, [&](int64_t i) {
    double highest = -kInf, sum = 0;
    for (int64_t k = 0; k < 37; ++k) {
      highest = std::max(highest, r.x(i / 37 * 37 + k));
    }
    for (int64_t k = 0; k < 37; ++k) {
      sum += std::exp(r.x(i / 37 * 37 + k) - highest);
    }
    return std::exp(r.x(i) - highest) / sum;
  });
}

TEST_CASE("reference: layer_norm") {
  const Run r = run("layer_norm", "x: [3, 19], gamma: [19], beta: [19]");
  check_all(r.out[0], 3 * 19, [&](int64_t i) {
    const int64_t row = i / 19 * 19;
    double mean = 0, variance = 0;
    for (int64_t k = 0; k < 19; ++k) mean += r.x(row + k) / 19;
    for (int64_t k = 0; k < 19; ++k) {
      variance += std::pow(r.x(row + k) - mean, 2) / 19;
    }
    return (r.x(i) - mean) / std::sqrt(variance + 1e-5) * r.y(i % 19) +
           r.in[2].at(i % 19);
  });
}

TEST_CASE("reference: gather along the middle axis") {
  const Run r = run("gather", "x: [3, 5, 4], indices: int64[2, 2] < 5, axis: 1");
  CHECK(r.out[0].shape() == std::vector<int64_t>{3, 2, 2, 4});
  check_all(r.out[0], 48, [&](int64_t i) {
    const int64_t index = r.in[1].int_at(i / 4 % 4);
    return r.x(i / 16 * 20 + index * 4 + i % 4);
  });
}

TEST_CASE("reference: scatter adds duplicates") {
  const Run r = run("scatter", "x: [4, 3], updates: [9, 3], "
                               "indices: int64[9, 3] < 4, axis: 0, mode: add");
  check_all(r.out[0], 12, [&](int64_t i) {
    double sum = r.x(i);
    for (int64_t u = 0; u < 9; ++u) {
      if (r.in[2].int_at(u * 3 + i % 3) == i / 3) sum += r.y(u * 3 + i % 3);
    }
    return sum;
  });
}

TEST_CASE("reference: avg_pool2d with padding that does not count") {
  const Run r = run("avg_pool2d", "x: [1, 7, 6, 2], kernel: 3, stride: 2, "
                                  "padding: 1, count_boundary: false");
  CHECK(r.out[0].shape() == std::vector<int64_t>{1, 4, 3, 2});
  check_all(r.out[0], 24, [&](int64_t i) {
    const int64_t c = i % 2, w = i / 2 % 3, h = i / 6;
    double sum = 0;
    int count = 0;
    for (int64_t row = 2 * h - 1; row < 2 * h + 2; ++row) {
      for (int64_t column = 2 * w - 1; column < 2 * w + 2; ++column) {
        if (row < 0 || row >= 7 || column < 0 || column >= 6) continue;
        sum += r.x((row * 6 + column) * 2 + c);
        ++count;
      }
    }
    return sum / count;
  });
}

TEST_CASE("reference: cumsum, exclusive and backwards") {
  const Run r = run("cumsum", "x: [2, 5, 3], axis: 1, exclusive: true, "
                              "reverse: true");
  check_all(r.out[0], 30, [&](int64_t i) {
    double sum = 0;
    for (int64_t k = i / 3 % 5 + 1; k < 5; ++k) {
      sum += r.x(i / 15 * 15 + k * 3 + i % 3);
    }
    return sum;
  });
}

TEST_CASE("reference: top_k keeps the order of equals, NaN first") {
  CHECK_EQ(values_of("top_k", "x: [N], k: 4",
                     {tensor_of({1, 7, 7, kNan, -2, 7})}),
           "float32[4] [nan, 7, 7, 7] int64[4] [3, 1, 2, 5]");
  CHECK_EQ(values_of("argsort", "x: [N]", {tensor_of({1, kNan, -2, 1})}),
           "int64[4] [2, 0, 3, 1]");
  CHECK_EQ(values_of("argsort", "x: [N], descending: true",
                     {tensor_of({1, kNan, -2, 1})}),
           "int64[4] [1, 0, 3, 2]");
}

TEST_CASE("reference: reshape in segments") {
  for (const char* call : {"x: [2, 3, 20], shape: [2, 3, 4, 5]",
                           "x: [2, 3, 4, 5], shape: [6, 20]",
                           "x: [6, 4], shape: [8, 3]",
                           "x: [4, 1, 6], shape: [1, 3, 2, 4]"}) {
    CAPTURE(call);
    const Run r = run("reshape", call);
    check_all(r.out[0], r.in[0].numel(), [&](int64_t i) { return r.x(i); });
  }
}

TEST_CASE("reference: NaN goes through, as in PyTorch") {
  const Tensor x = tensor_of({kNan, -1, kInf, -kInf});
  CHECK_EQ(values_of("relu", "x: [N]", {x}), "float32[4] [nan, 0, inf, 0]");
  CHECK_EQ(values_of("max", "x: [N]", {x}), "float32[1] [nan]");
  CHECK_EQ(values_of("min", "x: [N]", {x}), "float32[1] [nan]");
  CHECK_EQ(values_of("argmax", "x: [N]", {x}), "int64[1] [0]");
  CHECK_EQ(values_of("maximum", "x: [N], y: 0", {x}),
           "float32[4] [nan, 0, inf, 0]");
  CHECK_EQ(values_of("clamp", "x: [N], min: 0, max: 1", {x}),
           "float32[4] [nan, 0, 1, 0]");
  CHECK_EQ(values_of("softmax", "x: [N]", {tensor_of({-kInf, -kInf})}),
           "float32[2] [nan, nan]");
  CHECK_EQ(values_of("softmax", "x: [N]", {tensor_of({-kInf, 3})}),
           "float32[2] [0, 1]");
}

TEST_CASE("reference: known values of gelu, floor_div, mod, round, mean") {
  const Tensor x = tensor_of({1.5}, DType::kFloat64);
  CHECK_EQ(values_of("gelu", "x: [N]", {x}), "float64[1] [1.39979]");
  CHECK_EQ(values_of("gelu", "x: [N], approximate: tanh", {x}),
           "float64[1] [1.39957]");
  CHECK_EQ(values_of("gelu", "x: [N], approximate: quick", {x}),
           "float64[1] [1.39166]");
  CHECK_EQ(values_of("floor_div", "x: [N], y: 2",
                     {tensor_of({-7, 7}, DType::kInt32)}),
           "int32[2] [-4, 3]");
  CHECK_EQ(values_of("mod", "x: [N], y: 2", {tensor_of({-7.5, 7})}),
           "float32[2] [0.5, 1]");
  CHECK_EQ(values_of("mod", "x: [N], y: -2", {tensor_of({7}, DType::kInt64)}),
           "int64[1] [-1]");
  // 1.5 / 0.3 rounds up to 5, -1 / inf to 0.
  CHECK_EQ(values_of("floor_div", "x: [N], y: [N]",
                     {tensor_of({1.5, -1, 1, kInf, 3e38, 5}),
                      tensor_of({0.3, kInf, -kInf, 3, 1, 0})}),
           "float32[6] [4, -1, -1, nan, 3e+38, inf]");
  CHECK_EQ(values_of("mod", "x: [N], y: [N]",
                     {tensor_of({1.5, -1, 1, kInf, 3e38, 5, -0.0}),
                      tensor_of({0.25, kInf, kInf, 3, 7, 0, 3})}),
           "float32[7] [0, inf, 1, nan, 1, nan, -0]");
  CHECK_EQ(values_of("round", "x: [N]", {tensor_of({-7.5, 2.5, -0.5})}),
           "float32[3] [-8, 2, -0]");
  CHECK_EQ(values_of("mean", "x: [N]",
                     {tensor_of({-7, 7, -8, 5}, DType::kInt32)}),
           "int32[1] [0]");
  CHECK_EQ(values_of("pow", "x: [N], y: 3", {tensor_of({-0.5})}),
           "float32[1] [-0.125]");
}

TEST_CASE("reference: casts round, saturate, wrap") {
  CHECK_EQ(values_of("cast", "x: [N], dtype: int32",
                     {tensor_of({-1.9, 2147483520, 3e9, -kInf, kNan})}),
           "int32[5] [-1, 2147483520, -2147483648, -2147483648, -2147483648]");
  CHECK_EQ(values_of("cast", "x: [N], dtype: float8_e4m3fn",
                     {tensor_of({0.3, 1.0625, 1.1875, 17, 19, 1000, kNan})}),
           "float8_e4m3fn[7] [0.3125, 1, 1.25, 16, 20, 448, nan]");
  CHECK_EQ(values_of("cast", "x: [N], dtype: int8",
                     {tensor_of({-1.9, 1.9, 300})}),
           "int8[3] [-1, 1, 44]");
  CHECK_EQ(values_of("add", "x: [N], y: 1",
                     {tensor_of({127, -128}, DType::kInt8)}),
           "int8[2] [-128, -127]");
}

TEST_CASE("reference: an index out of range") {
  const auto error = [](int64_t index) -> std::string {
    try {
      return values_of("gather", "x: [5], indices: int64[3]",
                       {tensor_of({0, 1, 2, 3, 4}),
                        tensor_of({1, -5, static_cast<double>(index)},
                                  DType::kInt64)});
    } catch (const SpecError& e) {
      return e.diagnostics()[0].code + ": " + e.diagnostics()[0].message;
    }
  };
  CHECK_EQ(error(4), "float32[3] [1, 0, 4]");
  CHECK_EQ(error(5), "L0801: `gather` reads index 5 of an axis of size 5, at "
                     "position 2 of its output");
  CHECK_EQ(error(-6), "L0801: `gather` reads index -6 of an axis of size 5, "
                      "at position 2 of its output");
}

TEST_CASE("reference: sizes that were assumed equal are checked first") {
  const OpSample sample =
      make_sample(*OpRegistry::instance().find("add"), "x: [B], y: [4]",
                  DType::kFloat32);
  const DimBindings wrong = {{"B", 3}};
  try {
    evaluate(sample.graph, sample_inputs(sample, wrong, 1));
    FAIL("no error");
  } catch (const SpecError& error) {
    const Diagnostic& first = error.diagnostics()[0];
    CHECK_EQ(first.message, "`add` cannot broadcast axis -1: B and 4");
    CHECK_EQ(first.notes[0], "B is 3");
  }
}

}  // namespace lathe
