// Accuracy of the functions that generated text carries with it.

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "codegen/compile.h"
#include "interpreter/op.h"
#include "tests/support/program_runner.h"

namespace lathe {
namespace {

struct Function {
  const char* op;
  double (*exact)(double);
  double low, high;
};

double sigmoid_of(double x) { return 1 / (1 + std::exp(-x)); }

const Function kFunctions[] = {
    {"exp", std::exp, -104, 89},       {"log", std::log, 1e-40, 3e38},
    {"log1p", std::log1p, -0.999, 50}, {"tanh", std::tanh, -12, 12},
    {"erf", std::erf, -5, 5},          {"sigmoid", sigmoid_of, -80, 20},
    {"sin", std::sin, -1000, 1000},    {"cos", std::cos, -1000, 1000},
    {"sin", std::sin, -1e6, 1e6},      {"cos", std::cos, -1e6, 1e6},
    {"sin", std::sin, 1e6, 1e12},      {"cos", std::cos, 1e6, 1e12},
};

constexpr int kPoints = 200000;

// Evenly spaced in value, and every fourth near zero.
double point(const Function& f, int i) {
  double t = (i + 0.5) / kPoints;
  if (f.high > 1e30) {
    return std::exp(std::log(f.low) +
                    t * (std::log(f.high) - std::log(f.low)));
  }
  double x = f.low + t * (f.high - f.low);
  return i % 4 == 0 && f.low < 0 ? x * 1e-3 : x;
}

double ulps(float got, double exact) {
  if (std::isnan(exact)) return std::isnan(got) ? 0 : 1e9;
  float rounded = static_cast<float>(exact);
  if (std::isinf(rounded) || rounded == got) return got == rounded ? 0 : 1e9;
  float next = std::nextafter(std::fabs(rounded),
                              std::numeric_limits<float>::infinity());
  double step = static_cast<double>(next) - std::fabs(rounded);
  return std::fabs(got - exact) / step;
}

Program program_of(const char* op) {
  Graph graph;
  ValueId x = graph.add_input({"x"}, {DType::kFloat32, {Dim::symbol("N")}});
  OpCall call;
  call.op = OpRegistry::instance().find(op);
  REQUIRE(call.op != nullptr);
  call.positional = {{TensorArg{x}, {}}};
  graph.outputs = {{"y", apply_op(graph, call)[0]}};
  graph.symbols = {"N"};
  return compile(graph, target_preset("avx2"));
}

}  // namespace

TEST_CASE("math: generated functions are within two units in the last place") {
  ProgramRunner runner;
  std::vector<Program> programs;
  for (const Function& f : kFunctions) programs.push_back(program_of(f.op));
  for (const Program& program : programs) runner.add(program);
  runner.compile();
  for (size_t i = 0; i < programs.size(); ++i) {
    const Function& f = kFunctions[i];
    std::string name = f.op;
    CAPTURE(name);
    Tensor x(DType::kFloat32, {kPoints});
    for (int p = 0; p < kPoints; ++p) x.set(p, point(f, p));
    EvaluateInputs inputs;
    inputs.tensors[0] = x;
    inputs.dims["N"] = kPoints;
    Tensor y = runner.run(programs[i], inputs)[0];
    double worst = 0, at = 0;
    for (int p = 0; p < kPoints; ++p) {
      double error = ulps(y.as<float>()[p], f.exact(x.as<float>()[p]));
      if (error > worst) at = x.as<float>()[p];
      worst = std::max(worst, error);
    }
    CAPTURE(at);
    CHECK_LE(worst, 2.0);
  }
}

TEST_CASE("math: infinities and NaN come out as in the C library") {
  ProgramRunner runner;
  std::vector<Program> programs;
  for (const Function& f : kFunctions) programs.push_back(program_of(f.op));
  for (const Program& program : programs) runner.add(program);
  runner.compile();
  const float inf = std::numeric_limits<float>::infinity();
  const float special[] = {inf, -inf, std::nanf(""), 0.0f, -0.0f, 1e-42f};
  for (size_t i = 0; i < programs.size(); ++i) {
    std::string name = kFunctions[i].op;
    CAPTURE(name);
    Tensor x(DType::kFloat32, {6});
    std::memcpy(x.mutable_data(), special, sizeof special);
    EvaluateInputs inputs;
    inputs.tensors[0] = x;
    inputs.dims["N"] = 6;
    Tensor y = runner.run(programs[i], inputs)[0];
    for (int p = 0; p < 6; ++p) {
      CAPTURE(special[p]);
      double exact = kFunctions[i].exact(special[p]);
      CHECK_LE(ulps(y.as<float>()[p], exact), 2.0);
      if (exact == 0) CHECK_EQ(std::signbit(y.at(p)), std::signbit(exact));
    }
  }
}

}  // namespace lathe
