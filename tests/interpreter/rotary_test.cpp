// Stretched rotary embeddings against the formulas of their papers, as
// transformers computes them.
#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "interpreter/evaluate.h"
#include "spec/text.h"
#include "tests/support/elaborate_text.h"

namespace lathe {
namespace {

constexpr int kWidth = 64;

// Rotates a head whose first half is 1 and whose second half is 0: feature i
// becomes m cos(p f[i]) and feature 32 + i becomes m sin(p f[i]).
Tensor turned(const std::string& scaling, int64_t position) {
  Diagnostics diagnostics;
  const Model model = elaborate_file(
      make_source("m.yaml",
                  cat({"lathe: 1\nmodel: m\n"
                       "inputs: {x: \"float32[1, 1, 64]\", p: \"int64[1]\"}\n"
                       "layers:\n  rope: {type: RotaryEmbedding, theta: "
                       "150000.0, interleaved: false, scaling: ",
                       scaling, "}\nbody: [\"y = rope(x, p)\"]\n"})),
      diagnostics);
  REQUIRE_MESSAGE(!diagnostics.has_errors(), render(diagnostics.sorted()));
  Tensor x(DType::kFloat32, {1, 1, kWidth});
  for (int i = 0; i < kWidth; ++i) x.set(i, i < kWidth / 2 ? 1 : 0);
  Tensor p(DType::kInt64, {1});
  p.set(0, static_cast<double>(position));
  EvaluateInputs inputs;
  inputs.tensors[model.graph.inputs[0].value] = x;
  inputs.tensors[model.graph.inputs[1].value] = p;
  return evaluate(model.graph, inputs)[0];
}

std::string yarn(const std::string& fields) {
  return cat({"{rope_type: yarn, original_max_position_embeddings: 4096",
              fields.empty() ? "" : ", ", fields, "}"});
}

// m: at position 0 nothing turns.
double factor_of(const std::string& fields) {
  return turned(yarn(fields), 0).at(0);
}

doctest::Approx near(double value) {
  return doctest::Approx(value).epsilon(1e-6);
}

}  // namespace

TEST_CASE("rotary: the attention factor of yarn") {
  // get_mscale(factor, mscale) of transformers; it takes the quotient of two
  // only if both are given and not 0.
  const auto mscale = [](double factor, double m) {
    return 0.1 * m * std::log(factor) + 1;
  };
  CHECK_EQ(factor_of("factor: 32"), near(mscale(32, 1)));
  CHECK_EQ(factor_of("factor: 32, mscale: 0.7"), near(mscale(32, 1)));
  CHECK_EQ(factor_of("factor: 32, mscale_all_dim: 0.7"), near(mscale(32, 1)));
  CHECK_EQ(factor_of("factor: 40, mscale: 0.7, mscale_all_dim: 0.5"),
           near(mscale(40, 0.7) / mscale(40, 0.5)));
  CHECK_EQ(factor_of("factor: 40, mscale: 1.0, mscale_all_dim: 1.0"), near(1));
  CHECK_EQ(factor_of("factor: 40, mscale: 0.7, mscale_all_dim: 0"),
           near(mscale(40, 1)));
  CHECK_EQ(factor_of("factor: 40, mscale: 0.7, mscale_all_dim: 0.0"),
           near(mscale(40, 1)));
  CHECK_EQ(factor_of("factor: 40, mscale: 0, mscale_all_dim: 0.7"),
           near(mscale(40, 1)));
  CHECK_EQ(factor_of("factor: 1, mscale_all_dim: 0"), near(1));
  CHECK_EQ(factor_of("factor: 40, mscale: 0.7, mscale_all_dim: 0, "
                     "attention_factor: 1.25"),
           near(1.25));
}

TEST_CASE("rotary: the frequencies of yarn") {
  const std::string scaling = yarn("factor: 32, mscale_all_dim: 0");
  const Tensor y = turned(scaling, 1);
  const double m = 0.1 * std::log(32.0) + 1;
  const auto frequency = [&](int i) {
    return std::atan2(y.at(kWidth / 2 + i), y.at(i));
  };
  CHECK_EQ(std::hypot(y.at(5), y.at(kWidth / 2 + 5)), near(m));
  // Dimensions up to 8 stay, those from 18 on are stretched 32 times.
  for (int i = 0; i < kWidth / 2; ++i) {
    const double plain = std::pow(150000.0, -2.0 * i / kWidth);
    const double ramp = std::fmin(std::fmax((i - 8) / 10.0, 0), 1);
    const double wanted = plain * (1 - ramp) + plain / 32 * ramp;
    CHECK_EQ(frequency(i), doctest::Approx(wanted).epsilon(1e-5));
  }
}

}  // namespace lathe
