#include "tests/support/device_runner.h"

#include <utility>

#include "runtime/fault_error.h"
#include "spec/check.h"

namespace lathe {

DeviceRunner::DeviceRunner(std::unique_ptr<Device> device)
    : device_(std::move(device)) {}

void DeviceRunner::add(const Program& program) {
  LATHE_CHECK(!module_, "a program comes after compile()");
  LATHE_CHECK(prelude_.empty() || prelude_ == program.prelude,
              "programs for different targets");
  prelude_ = program.prelude;
  for (const Kernel& kernel : program.kernels) {
    const int number = static_cast<int>(sources_.size());
    if (!numbers_.emplace(kernel.name, number).second) continue;
    sources_.push_back({.name = kernel.name, .text = kernel.text,
                        .place = "a test", .launch = kernel.launch});
  }
}

void DeviceRunner::compile() {
  module_ = device_->compile(prelude_, std::move(sources_));
  module_->wait();
}

void DeviceRunner::run_steps(const Program& program,
                             const std::vector<Step>& steps,
                             const std::vector<void*>& addresses,
                             const DimBindings& dims) {
  std::vector<Launch> launches;
  std::vector<const Step*> launched;
  for (const Step& step : steps) {
    if (step.product) continue;
    launched.push_back(&step);
    const std::string& name = program.kernels[size_t(step.kernel)].name;
    Launch launch{.kernel = numbers_.at(name),
                  .buffers = step.buffers,
                  .items = step.items.eval(dims),
                  .cost = step.cost.eval(dims)};
    for (const Dim& dim : step.dims) launch.dims.push_back(dim.eval(dims));
    launches.push_back(std::move(launch));
  }
  const auto list = device_->schedule(*module_, std::move(launches));
  const auto fault = list->run(addresses, nullptr);
  if (fault) fail_with_fault(*launched[size_t(fault->launch)], fault->fault);
}

std::vector<Tensor> DeviceRunner::run(const Program& program,
                                      const EvaluateInputs& given) {
  EvaluateInputs inputs = given;
  inputs.dims = without_library(program, given.dims);
  LATHE_CHECK(module_, "compile() was not called");
  std::vector<Tensor> tensors;
  std::vector<std::unique_ptr<Memory>> memory;
  std::vector<void*> addresses;
  for (const Buffer& buffer : program.buffers) {
    tensors.push_back(first_contents(buffer, inputs));
    memory.push_back(device_->allocate(tensors.back().bytes()));
    addresses.push_back(memory.back()->data());
    device_->upload(addresses.back(), tensors.back().data(),
                    tensors.back().bytes());
  }
  run_steps(program, program.load_steps, addresses, inputs.dims);
  run_steps(program, program.steps, addresses, inputs.dims);
  std::vector<Tensor> outputs;
  for (const Port& port : program.outputs) {
    const auto buffer = static_cast<size_t>(port.buffer);
    Tensor& tensor = outputs.emplace_back(tensors[buffer].dtype(),
                                          tensors[buffer].shape());
    device_->download(tensor.mutable_data(), addresses[buffer],
                      tensor.bytes());
  }
  return outputs;
}

}  // namespace lathe
