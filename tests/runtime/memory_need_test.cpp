#include "runtime/memory_need.h"

#include <doctest/doctest.h>

#include "tests/runtime/hand_program.h"
#include "tests/support/error_text.h"

namespace lathe {
namespace {

Buffer floats(const std::string& name, BufferRole role, const Dim& count) {
  Buffer buffer;
  buffer.name = name;
  buffer.role = role;
  buffer.shape = {count};
  return buffer;
}

Step step_on(std::vector<int> buffers) {
  Step step;
  step.kernel = 0;
  step.buffers = std::move(buffers);
  return step;
}

}  // namespace

TEST_CASE("memory need: weights go when the last load step has read them") {
  Program program;
  program.buffers = {floats("a", BufferRole::kWeight, 1000),
                     floats("b", BufferRole::kWeight, 3000),
                     floats("pa", BufferRole::kPacked, 2000),
                     floats("pb", BufferRole::kPacked, 3000),
                     floats("raw", BufferRole::kWeight, 500)};
  program.load_steps = {step_on({0, 2}), step_on({1, 3})};
  program.steps = {step_on({2, 3, 4})};
  const MemoryNeed need = memory_need(program, {});
  CHECK_EQ(need.stored, 4 * (1000 + 3000 + 500));
  CHECK_EQ(need.weights, 4 * (2000 + 3000 + 500));
  // While `b` is packed, `pa` is there and `a` is gone.
  CHECK_EQ(need.loading, 4 * (2000 + 3000 + 3000));
  CHECK_EQ(need.peak(), need.loading);
}

TEST_CASE("memory need: a run takes temporaries, inputs and outputs") {
  const Program program = scale_program();
  const MemoryNeed need = memory_need(program, {{"B", 1024}});
  CHECK_EQ(need.temporaries, 1024 * 4 * 4);
  CHECK_EQ(need.ports, 2 * 1024 * 4 * 4);
  CHECK_EQ(need.peak(), need.weights + need.temporaries + need.ports);
}

TEST_CASE("memory need: what no machine has is an error") {
  Program program;
  program.buffers = {floats("x", BufferRole::kInput, Dim::symbol("N") * 8)};
  CHECK_EQ(error_of([&] {
             memory_need(program, {{"N", int64_t{1} << 60}});
           }),
           "error[L0410]: `x`, float32[8*N], takes more than 2^63 bytes\n");
}

}  // namespace lathe
