// Generated kernels on a GPU against the reference and against the emulator.
// Without a GPU every case is skipped, and says so. In a plain test run the
// GPU is the fake driver's, for which all samples of all ops would take long:
// those cases wait for --no-skip.
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/cuda/cuda_device.h"
#include "spec/diagnostic.h"
#include "tests/codegen/op_check.h"
#include "tests/cuda/matmul_cases.h"
#include "tests/cuda/model_cases.h"
#include "tests/cuda/quantized_layers.h"
#include "tests/support/compare_tensors.h"
#include "tests/support/device_runner.h"
#include "tests/support/program_runner.h"
#include "tests/support/temp_folder.h"

namespace lathe {
namespace {

// The machine's first GPU, with a cache of kernels that is empty at first.
class Gpu {
 public:
  Gpu() {
    options_.device = "cuda";
    options_.cache_dir = folder_.file("cache");
    try {
      make_cuda_device(options_, {});
    } catch (const DeviceError& error) {
      reason_ = error.what();
      if (error.code() != "L0701") throw;
    }
  }

  bool is_missing() const {
    if (!reason_.empty()) MESSAGE("skipped: " << reason_);
    return !reason_.empty();
  }
  DeviceRunner runner() const {
    return DeviceRunner(make_cuda_device(options_, {}));
  }

 private:
  TempFolder folder_;
  Options options_ = options_from_environment();
  std::string reason_;
};

// Runs programs twice, and gives what the one found where the other agrees.
class Both : public Runner {
 public:
  Both(Runner& first, Runner& second) : first_(first), second_(second) {}

  void add(const Program& program) override {
    first_.add(program);
    second_.add(program);
  }
  void compile() override {
    first_.compile();
    second_.compile();
  }
  std::vector<Tensor> run(const Program& program,
                          const EvaluateInputs& inputs) override {
    std::vector<Tensor> found = first_.run(program, inputs);
    const std::vector<Tensor> other = second_.run(program, inputs);
    for (size_t i = 0; i < found.size(); ++i) {
      CAPTURE(program.outputs[i].name);
      // Only contraction of a * b + c may differ.
      CHECK_EQ(difference(found[i], other[i], kTerms), "");
    }
    return found;
  }

 private:
  static constexpr int64_t kTerms = 64;

  Runner& first_;
  Runner& second_;
};

// Few rows and many of every kind of stored weight.
std::vector<ModelCase> products() {
  std::vector<ModelCase> cases;
  for (const char* x : {"bfloat16", "float32"}) {
    for (const char* rows : {"5", "70"}) {
      for (ModelCase& c : stored_weight_cases(x, rows)) {
        cases.push_back(std::move(c));
      }
    }
  }
  return cases;
}

}  // namespace

TEST_CASE("gpu: models agree with the reference") {
  const Gpu gpu;
  if (gpu.is_missing()) return;
  DeviceRunner runner = gpu.runner();
  CHECK_EQ(failures_of(runner, gpu_model_cases(), runner.device().target()),
           "");
}

TEST_CASE("gpu: quantised layers agree with the reference" * doctest::skip()) {
  const Gpu gpu;
  if (gpu.is_missing()) return;
  DeviceRunner runner = gpu.runner();
  CHECK_EQ(
      failures_of(runner, quantized_layer_cases(), runner.device().target()),
      "");
}

TEST_CASE("gpu: products of stored weights agree with the reference" *
          doctest::skip()) {
  const Gpu gpu;
  if (gpu.is_missing()) return;
  DeviceRunner runner = gpu.runner();
  CHECK_EQ(failures_of(runner, products(), runner.device().target()), "");
}

TEST_CASE("gpu: every sample of every op agrees with the reference" *
          doctest::skip()) {
  const Gpu gpu;
  if (gpu.is_missing()) return;
  DeviceRunner runner = gpu.runner();
  CHECK_EQ(failures_of_ops(runner, runner.device().target(), Specials::kYes),
           "");
}

TEST_CASE("gpu: the emulator computes what the GPU does" * doctest::skip()) {
  const Gpu gpu;
  if (gpu.is_missing()) return;
  DeviceRunner device = gpu.runner();
  ProgramRunner emulator;
  Both both(device, emulator);
  CHECK_EQ(failures_of(both, gpu_model_cases(), device.device().target()), "");
}

}  // namespace lathe
