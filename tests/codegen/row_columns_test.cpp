#include <doctest/doctest.h>

#include "tests/codegen/column_cases.h"
#include "tests/support/codegen_text.h"

namespace lathe {

TEST_CASE("columns: kernels agree with the reference at every width") {
  CHECK_EQ(failures_of(column_cases()), "");
}

TEST_CASE("columns: loops read and write inside of their buffers") {
  CHECK_EQ(loop_failures_of(column_cases(), "neon"), "");
}

TEST_CASE("columns: a step along the rows is one loop over them") {
  const std::string text = kernels_of(
      "inputs: {x: 'float32[B, C, W]'}\nbody: ['y = sum(x, axis=1)']\n");
  CHECK_NE(text.find("for (i64 i0 = 0; i0 < n2; ++i0) {\n"
                     "      #pragma GCC ivdep\n"
                     "      for (i64 w = first; w < last; ++w) {\n"),
           std::string::npos);
  // Of rows that lie in one piece, vectors run along them.
  const std::string along = kernels_of(
      "inputs: {x: 'float32[B, C, W]'}\nbody: ['y = sum(x, axis=2)']\n");
  CHECK_EQ(along.find("w < last"), std::string::npos);
}

TEST_CASE("ranges: no loop of a concatenation chooses") {
  const auto text_of = [](const std::string& body) {
    return kernels_of(
        "inputs: {x: 'float32[B, C, W]', z: 'float32[B, C, W]'}\n"
        "body: ['y = " +
        body + "']\n");
  };
  for (const char* body :
       {"concat([x, z, x], axis=-1)", "concat([x, z], axis=0)",
        "concat([x, z], axis=1)", "stack([x, z], axis=0)",
        "pad(x, [1, 2, 0, 0, 0, 0])"}) {
    CAPTURE(body);
    CHECK_EQ(text_of(body).find(" ? "), std::string::npos);
  }
}

TEST_CASE("ranges: taps of what is padded are one kernel") {
  const std::string text = kernels_of(
      "inputs: {x: 'float32[B, T, 64]', w: 'float32[3, 64]'}\n"
      "body:\n"
      "  - p = pad(x, [0, 0, 2, 0, 0, 0])\n"
      "  - y = p[:, 0:-2] * w[0] + p[:, 1:-1] * w[1] + p[:, 2:] * w[2]\n");
  const auto count = [&](const std::string& part) {
    int found = 0;
    for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) {
      ++found;
    }
    return found;
  };
  CHECK_EQ(count("extern"), 1);
  // Where one tap is inside, so are those behind it: three loops, not four.
  CHECK_EQ(count("for (i64 i = "), 3);
  CHECK_EQ(count(" ? "), 0);
}

}  // namespace lathe
