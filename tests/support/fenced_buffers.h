#pragma once
// The buffers of a program, each between fences, and open to kernels only while
// and only for what the program says: inputs and weights are not written,
// temporaries are there in the steps of their lives.

#include <memory>
#include <string>
#include <vector>

#include "codegen/program.h"
#include "interpreter/evaluate.h"
#include "tests/support/fenced_memory.h"

namespace lathe {

class FencedBuffers {
 public:
  // Buffers that nothing is given for are full of `rubbish`. `alignment`: of our
  // own memory. Requires: the program outlives the buffers.
  FencedBuffers(const Program& program, const EvaluateInputs& inputs,
                int64_t alignment, Fence fence, std::byte rubbish);

  void* address(int buffer) const { return memory_[size_t(buffer)]->data(); }

  // The load steps are done.
  void begin_run();
  // Around a step of the run.
  void begin_step(int step);
  void end_step(int step);

  // "4 bytes behind the end of `x` (128 bytes)".
  std::string place_of(const void* address) const;

  // The first buffer beside which something was stored, or nothing.
  std::string first_overrun();

  // The buffer's contents, which stay there as long as the tensor.
  Tensor contents(int buffer) const;

 private:
  void allow(size_t buffer, Access access);
  const Buffer& info(size_t buffer) const { return program_.buffers[buffer]; }

  const Program& program_;
  std::vector<std::vector<int64_t>> shapes_;
  std::vector<int64_t> bytes_;
  std::vector<std::shared_ptr<FencedMemory>> memory_;
};

}  // namespace lathe
