// The runner that referees kernels in other tests, with planted mistakes: it
// has to see what a comparison of results does not.

#include <doctest/doctest.h>

#include "spec/check.h"
#include "tests/runtime/hand_program.h"
#include "tests/support/program_runner.h"

namespace lathe {
namespace {

// What the runner makes of the program on x = {1 .. 8}, without texts.
std::string result_of(Program program) {
  for (size_t i = 0; i < program.buffers.size(); ++i) {
    program.buffers[i].value = static_cast<ValueId>(i);
  }
  EvaluateInputs inputs;
  inputs.dims = {{"B", 2}};
  inputs.tensors[0] = floats({2, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
  inputs.tensors[1] = floats({4}, {1, 2, 3, 4});
  ProgramRunner runner;
  runner.add(program);
  runner.compile();
  try {
    return to_string(runner.run(program, inputs)[0]);
  } catch (const InternalError& error) {
    const std::string text = error.what();
    // Behind the place and the condition.
    const size_t begin = text.find(": ", text.find(": ") + 1) + 2;
    return text.substr(begin, text.find('\n') - begin);
  }
}

// The program that scales, with another inside of the loop for its first step.
std::string result_with(const std::string& body) {
  Program program = scale_program();
  program.kernels[1] = hand_kernel("scale", body, 3, 0);
  return result_of(program);
}

}  // namespace

TEST_CASE("program runner: a right program gives its outputs") {
  CHECK_EQ(result_of(scale_program()),
           "float32[2, 4] [[3, 9, 19, 33], [11, 25, 43, 65]]");
  CHECK_EQ(result_with("for (i64 k = 0; k < 4; ++k) "
                       "f2[4 * i + k] = f0[4 * i + k] * f1[k];"),
           "float32[2, 4] [[3, 9, 19, 33], [11, 25, 43, 65]]");
}

TEST_CASE("program runner: what lies beside a buffer is not touched") {
  CHECK_EQ(result_with("for (i64 k = 0; k < 4; ++k) f2[4 * i + k] = "
                       "f0[4 * i + k] + f0[4 * i + k + 1] * 0;"),
           "scale touches 0 bytes behind the end of `x` (32 bytes)");
  CHECK_EQ(result_with("for (i64 k = 0; k < 4; ++k) f2[4 * i + k] = "
                       "f0[4 * i + k] + (i + k ? f1[k] : f1[k - 1]) * 0;"),
           "scale touches 4 bytes before the beginning of `p` (16 bytes)");
  CHECK_EQ(result_with("for (i64 k = 0; k < 5; ++k) f2[4 * i + k] = 0;"),
           "scale touches 0 bytes behind the end of `t` (32 bytes)");
}

TEST_CASE("program runner: buffers are there when the program says so") {
  CHECK_EQ(result_with("f0[4 * i] = 0;"),
           "scale touches `x` (32 bytes), which may not be read or written "
           "then");
  CHECK_EQ(result_with("f1[0] = 0;"),
           "scale touches `p` (16 bytes), which may not be read or written "
           "then");
  Program program = scale_program();
  program.buffers[3].last = 0;
  CHECK_EQ(result_of(program),
           "add_one touches `t` (32 bytes), which may not be read or written "
           "then");
}

TEST_CASE("program runner: nothing depends on what memory held") {
  const std::string result =
      result_with("for (i64 k = 0; k < 3; ++k) f2[4 * i + k] = 1;");
  CHECK_NE(result.find("`y` depends on what memory held before"),
           std::string::npos);
}

TEST_CASE("program runner: a kernel that traps is named") {
  CHECK_EQ(result_with("if (i == 1) __builtin_trap();"),
           "scale does what C++ leaves undefined");
}

}  // namespace lathe
