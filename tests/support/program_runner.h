#pragma once
// Runs compiled programs step by step on one thread, with nothing of the
// runtime but its host compiler: what codegen produces, and no more. The
// kernels of many programs are compiled together, each once. Programs for a
// GPU run in the emulator.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/object_file.h"
#include "tests/support/fenced_memory.h"
#include "tests/support/runner.h"
#include "tests/support/temp_folder.h"

namespace lathe {

class EmulatedObject;
class FencedBuffers;

class ProgramRunner : public Runner {
 public:
  // `seed`: of the emulator.
  explicit ProgramRunner(uint64_t seed = 0);
  ~ProgramRunner() override;

  void add(const Program& program) override;

  // In files of many kernels. InternalError with the compiler's message when a
  // text is wrong, or with the symbols that an object needs and will not find.
  void compile() override;

  // Every step is run in several ranges of items, with fences around all buffers
  // (fenced_buffers.h). On the host twice, with other rubbish in memory, which no
  // output may depend on. InternalError names the kernel that goes wrong.
  std::vector<Tensor> run(const Program& program,
                          const EvaluateInputs& inputs) override;

 private:
  KernelFunction find(const std::string& name) const;
  void emulate_step(const Program& program, const Step& step,
                    const FencedBuffers& buffers, const DimBindings& dims);
  void run_fenced(const Program& program, const Step& step,
                  const FencedBuffers& buffers, const DimBindings& dims);
  std::vector<Tensor> run_once(const Program& program,
                               const EvaluateInputs& inputs, Fence fence,
                               std::byte rubbish);
  void compile_file(const std::vector<std::string>& names);

  TempFolder folder_;
  std::string prelude_;
  bool is_gpu_ = false;
  std::map<std::string, std::string> waiting_;  // text by name
  std::map<std::string, KernelFunction> kernels_;
  std::vector<std::shared_ptr<ObjectFile>> objects_;
  // GPUs: code by name.
  uint64_t seed_;
  std::map<std::string, void*> emulated_;
  std::vector<std::shared_ptr<const EmulatedObject>> emulated_objects_;
};

}  // namespace lathe
