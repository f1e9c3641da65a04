#include <doctest/doctest.h>

#include "tests/codegen/row_reduction_cases.h"
#include "tests/support/codegen_text.h"

namespace lathe {
namespace {

std::string row_kernels(const std::string& inputs, const std::string& body) {
  return kernels_of("inputs: " + inputs + "\nbody: ['" + body + "']\n");
}

bool mentions(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("row reductions: kernels agree with the reference") {
  CHECK_EQ(failures_of(row_reduction_cases()), "");
}

TEST_CASE("row reductions: loops read and write inside of their buffers") {
  CHECK_EQ(loop_failures_of(row_reduction_cases(), "neon"), "");
}

TEST_CASE("row reductions: axes that lie together are one vector loop") {
  const std::string text = row_kernels("{x: \"float32[B, 4, 8, 16]\"}",
                                       "y = sum(x, axis=[0, 2, 3])");
  CHECK(mentions(text,
                 "    for (i64 i0 = 0; i0 < n0; ++i0) {\n"
                 "      for (i64 i = 0; i < 128; i += 32) {\n"
                 "        acc0_0 = acc0_0 + "
                 "loadv_f32(in0 + (i0 * 512 + item * 128 + i));\n"));
}

TEST_CASE("row reductions: a group of channels is a row, of maps behind, too") {
  const std::string text =
      row_kernels("{x: \"float32[B, 8, 5, 7]\", z: \"float32[B, 8, 5, 7]\"}",
                  "y = silu(group_norm(x, num_groups=4)) + z");
  CHECK(mentions(text, "for (i64 i = 0; i < 70; ++i) {"));
  CHECK(mentions(text, "out0[item * 70 + i] = "));
}

TEST_CASE("row reductions: results that lie side by side step together") {
  const std::string text = row_kernels(
      "{x: \"float32[B, T, 64]\", w: \"float32[B, T]\"}",
      "y = sum(x * exp(w)[..., None], axis=1, keepdims=false) / sum(w)");
  // What is one number for all of them is computed once.
  CHECK(mentions(text,
                 "    for (i64 k0 = 0; k0 < n1; ++k0) {\n"
                 "      const f32 w = exp_(in0[item * n1 + k0]);\n"
                 "      #pragma GCC ivdep\n"
                 "      for (i64 i = 0; i < 64; ++i) {\n"
                 "        acc1[i] = "));
}

TEST_CASE("row reductions: a choice by bools goes strip by strip") {
  const std::string text =
      row_kernels("{x: \"float32[B, T]\"}", "y = mean(cast(x > 0.0, float32))");
  CHECK(mentions(text,
                 "      #pragma GCC ivdep\n"
                 "      for (i64 i = strip_i; i < strip_i + 32; ++i) {\n"
                 "        acc0_strip[i - strip_i] = "));
}

TEST_CASE("row reductions: no loop of columns chooses by a quotient") {
  const std::string text =
      row_kernels("{x: \"float32[B, 8, 8, 64]\"}",
                  "y = avg_pool2d(x, kernel=3, padding=1)");
  CHECK(mentions(text, "w < last"));
  CHECK_FALSE(mentions(text, "floor_div(w"));
}

}  // namespace lathe
