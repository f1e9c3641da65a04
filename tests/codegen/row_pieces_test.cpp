#include "codegen/row_pieces.h"

#include <doctest/doctest.h>

#include "spec/text.h"
#include "tests/codegen/row_piece_cases.h"
#include "tests/support/codegen_text.h"

namespace lathe {
namespace {

// "31 1": the items of the steps that have some.
std::string items_of(const std::string& input, const std::string& value,
                     int64_t size = 0, const std::string& target = "avx2") {
  const Program program =
      compiled_model(
          cat({"inputs: {x: \"", input, "\"}\nbody: [\"y = ", value, "\"]\n"}),
          target)
          .program;
  std::string text;
  for (const Step& step : program.steps) {
    const int64_t items = step.items.eval({{"T", size}});
    if (items > 0) text += cat({text.empty() ? "" : " ", items});
  }
  return text;
}

}  // namespace

TEST_CASE("row pieces: kernels agree with the reference") {
  CHECK_EQ(failures_of(row_piece_cases(2 * kPiece, kPiece)), "");
}

TEST_CASE("row pieces: loops read and write inside of their buffers") {
  CHECK_EQ(loop_failures_of(row_piece_cases(2 * kPiece, kPiece), "neon"), "");
}

TEST_CASE("row pieces: one number is of many pieces") {
  CHECK_EQ(items_of("float32[1000000]", "max(x)"), "31 1");
  CHECK_EQ(items_of("bfloat16[4096, 4096]", "max(x, axis=[0, 1])"), "512 1");
  CHECK_EQ(items_of("float32[2, 1000000]", "sum(x)"), "62 2");
  CHECK_EQ(items_of("float32[1000000]", "softmax(x)"), "31 1 31 1 31");
  // What other rows do meanwhile is enough, or it is too little.
  CHECK_EQ(items_of("float32[9, 1000000]", "sum(x)"), "9");
  CHECK_EQ(items_of("float32[65535]", "max(x)"), "1");
  CHECK_EQ(items_of("float32[2, 65536]", "softmax(x)"), "2");
}

TEST_CASE("row pieces: a row of any length is cut where it is long") {
  CHECK_EQ(items_of("float32[T]", "max(x)", 65535), "1");
  CHECK_EQ(items_of("float32[T]", "max(x)", 65536), "2 1");
  CHECK_EQ(items_of("float32[T, T]", "mean(x, axis=[0, 1])", 500), "8 1");
  CHECK_EQ(items_of("float32[T, 100]", "max(x)", 3), "3");
}

TEST_CASE("row pieces: a GPU joins pieces in the kernel that has them") {
  CHECK_EQ(items_of("float32[1000000]", "max(x)", 0, "sm_90a"), "123");
  CHECK_EQ(items_of("float32[T]", "max(x)", 32767, "sm_90a"), "1");
  CHECK_EQ(items_of("float32[T]", "max(x)", 32768, "sm_90a"), "4");
  // One block joins no more than it can.
  CHECK_EQ(items_of("float32[T]", "max(x)", 1000000000, "sm_90a"), "1018");
  CHECK_EQ(items_of("float32[T]", "softmax(x)", 80000, "sm_90a"), "10 10 10");
}

TEST_CASE("row pieces: maps before and behind are no kernels of their own") {
  const std::string text = kernels_of(
      "inputs: {x: \"float32[4096, 4096]\"}\n"
      "body: ['y = clamp(max(abs(x), axis=[0, 1]) / 448.0, 0.001, 1.0)']\n");
  for (const char* part : {"max_(acc0_0, abs_(loadv_f32(in0 + i)))",
                           "    for (i64 piece = 0; piece < 512; ++piece) {\n"
                           "      acc0 = max_(acc0, found0[piece]);\n"
                           "    }\n"
                           "    const f32 v0 = acc0;\n"
                           "    const f32 v1 = min_(max_(v0 / 448.0f, 0.001f), "
                           "1.0f);\n"
                           "    out0[0] = (f32)v1;\n"}) {
    CHECK_NE(text.find(part), std::string::npos);
  }
}

}  // namespace lathe
