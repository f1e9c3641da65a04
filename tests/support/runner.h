#pragma once
// Runs compiled programs for a comparison with the reference: on the host or
// in the emulator (program_runner.h), or on a device (device_runner.h).

#include <vector>

#include "codegen/program.h"
#include "interpreter/evaluate.h"

namespace lathe {

class Runner {
 public:
  virtual ~Runner() = default;

  // Lists the kernels of `program` for the next compile().
  virtual void add(const Program& program) = 0;

  // Compiles what was added, each kernel once. Throws when a text is wrong.
  virtual void compile() = 0;

  // The program's outputs. Memory holds rubbish where nothing was stored.
  // Throws SpecError L08 when a kernel reports a bad index.
  virtual std::vector<Tensor> run(const Program& program,
                                  const EvaluateInputs& inputs) = 0;

 protected:
  // What a buffer holds before the first step: data, or rubbish.
  static Tensor first_contents(const Buffer& buffer,
                               const EvaluateInputs& inputs);
};

}  // namespace lathe
