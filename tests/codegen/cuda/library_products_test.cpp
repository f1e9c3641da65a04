// Which products a library may compute, as their descriptions.
#include <doctest/doctest.h>

#include <string>

#include "codegen/compile.h"
#include "spec/text.h"
#include "tests/support/codegen_text.h"

namespace lathe {
namespace {

int64_t items_of(const Step& step, const DimBindings& dims) {
  const bool yields = !step.unless.empty() && dims.at(step.unless) == 1;
  return yields ? 0 : step.items.eval(dims);
}

// A line for each step of a library, and how many kernels close them: those
// that run while the library's choice is 1.
std::string products_of(const std::string& yaml,
                        const std::string& target = "sm_90a") {
  const Program program = compile(graph_from(yaml), target_preset(target));
  DimBindings dims = {{"M", 1000}};
  for (const std::string& choice : program.choices) dims[choice] = 1;
  std::string text;
  int kernels = 0;
  for (const Step& step : program.steps) {
    if (step.product) text += to_string(*step.product) + "\n";
    kernels += !step.product && items_of(step, dims) > 0;
  }
  return text.empty() ? "" : text + cat({kernels, " kernels\n"});
}

std::string linear_model(const std::string& dtype, int depth, int columns,
                         const std::string& y) {
  const std::string sizes = cat({"[", columns, ", ", depth, "]"});
  return cat({"inputs: {x: \"", dtype, "[M, ", depth, "]\"}\nweights: {w: \"",
              dtype, sizes, "\", b: \"", dtype, "[", columns,
              "]\"}\nbody: [y = ", y, "]\n"});
}

// Float8 with a scale a row of the left side and a column of the right one.
constexpr const char* kByLines = R"(
inputs: {x: "float8_e4m3fn[M, 1024]", s: "float32[M, 1]"}
weights: {w: "float8_e4m3fn[512, 1024]", t: "float32[512]"}
body:
  - p = cast(x, float32) @ transpose(cast(w, float32))
  - y = cast(p * s * t, bfloat16)
)";

constexpr const char* kByBlocks = R"(
inputs: {x: "float8_e4m3fn[M, 1024]", s: "float32[M, 8]"}
weights: {w: "float8_e4m3fn[512, 1024]", t: "float32[4, 8]"}
body:
  - t = repeat_interleave(repeat_interleave(t, 128, axis=0), 128, axis=1)
  - a = cast(x, float32) * repeat_interleave(s, 128, axis=1)
  - y = cast(a @ transpose(cast(w, float32) * t), bfloat16)
)";

}  // namespace

TEST_CASE("library products: a linear layer is one, with its bias") {
  CHECK_EQ(
      products_of(linear_model("bfloat16", 512, 640, "x @ transpose(w) + b")),
      "bfloat16[M, 512] by bfloat16[640, 512] to bfloat16 plus bfloat16 "
      "bias, wanted where min(1, M // 129)\n0 kernels\n");
}

TEST_CASE("library products: small ones are not worth it") {
  CHECK_EQ(products_of(linear_model("bfloat16", 256, 640, "x @ transpose(w)")),
           "");
  CHECK_EQ(products_of(linear_model("bfloat16", 512, 256, "x @ transpose(w)")),
           "");
}

TEST_CASE("library products: other functions want a kernel, and more depth") {
  const std::string gelu = "gelu(x @ transpose(w))";
  CHECK_EQ(products_of(linear_model("bfloat16", 2048, 512, gelu)), "");
  CHECK_EQ(products_of(linear_model("bfloat16", 4096, 512, gelu)),
           "bfloat16[M, 4096] by bfloat16[512, 4096] to float32, wanted where "
           "min(1, M // 129)\n1 kernels\n");
}

TEST_CASE("library products: a weight is not kept twice") {
  // Kernels want its columns as lines.
  CHECK_EQ(products_of(linear_model("bfloat16", 512, 512, "x @ w")), "");
}

TEST_CASE("library products: lines of odd length are for kernels") {
  CHECK_EQ(products_of(linear_model("bfloat16", 516, 640, "x @ transpose(w)")),
           "");
  CHECK_EQ(products_of(linear_model("bfloat16", 512, 644, "x @ transpose(w)")),
           "");
}

TEST_CASE("library products: scales of float8 by lines are Hopper's") {
  CHECK_EQ(products_of(kByLines),
           "float8_e4m3fn[M, 1024] scaled by lines by "
           "float8_e4m3fn[512, 1024] scaled by lines to bfloat16, wanted where "
           "min(1, M // 129)\n0 kernels\n");
  CHECK_EQ(products_of(kByLines, "sm_89"), "");
  CHECK_EQ(products_of(kByLines, "sm_100a"), "");
}

TEST_CASE("library products: scales of float8 by blocks are laid out first") {
  CHECK_EQ(products_of(kByBlocks),
           "float8_e4m3fn[M, 1024] scaled by 1x128 by "
           "float8_e4m3fn[512, 1024] scaled by 128x128 to bfloat16, wanted "
           "where min(1, M // 129)\n1 kernels\n");
}

TEST_CASE("library products: while one computes, kernels have no items") {
  const Program program = compile(
      graph_from(linear_model("bfloat16", 512, 640, "x @ transpose(w)")),
      target_preset("sm_90a"));
  REQUIRE_EQ(program.choices.size(), 1);
  CHECK_EQ(program.choices[0], "library0");
  for (const Step& step : program.steps) {
    CAPTURE(step.items.to_string());
    for (const int64_t rows : {1, 8, 100, 1000}) {
      const int64_t own = items_of(step, {{"M", rows}, {"library0", 0}});
      const int64_t other = items_of(step, {{"M", rows}, {"library0", 1}});
      if (step.product) {
        CHECK_EQ(own, 0);
        CHECK_EQ(other, 1);
      } else {
        CHECK_EQ(other, 0);
      }
    }
  }
}

TEST_CASE("library products: a size of the model keeps its name") {
  const std::string yaml = R"(
inputs: {x: "bfloat16[library0, 512]"}
weights: {w: "bfloat16[512, 512]"}
body: [y = x @ transpose(w)]
)";
  const Program program = compile(graph_from(yaml), target_preset("sm_90a"));
  CHECK_EQ(program.choices, std::vector<std::string>{"library0_"});
}

}  // namespace lathe
