#pragma once
// Runs compiled programs on a device of the runtime, such as a GPU. The
// kernels of all programs are compiled by the device together, each once.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/device.h"
#include "tests/support/runner.h"

namespace lathe {

class DeviceRunner : public Runner {
 public:
  explicit DeviceRunner(std::unique_ptr<Device> device);

  const Device& device() const { return *device_; }

  // Requires: compile() was not called yet.
  void add(const Program& program) override;
  void compile() override;
  std::vector<Tensor> run(const Program& program,
                          const EvaluateInputs& inputs) override;

 private:
  void run_steps(const Program& program, const std::vector<Step>& steps,
                 const std::vector<void*>& addresses, const DimBindings& dims);

  std::unique_ptr<Device> device_;
  std::string prelude_;
  std::vector<KernelSource> sources_;
  std::map<std::string, int> numbers_;  // in the module, by name
  std::unique_ptr<Module> module_;
};

}  // namespace lathe
