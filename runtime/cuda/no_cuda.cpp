// The CUDA device of a build that had no headers of CUDA.
#include "runtime/cuda/cuda_device.h"
#include "spec/check.h"

namespace lathe {
namespace {

constexpr const char* kAdvice =
    "this lathe was built without CUDA's headers: install the toolkit (or "
    "the Python package nvidia-cuda-runtime) and build again";

}  // namespace

std::unique_ptr<Device> make_cuda_device(const Options& options,
                                         const Reporter&) {
  throw DeviceError("L0701", cat({"there is no device `", options.device,
                                  "` here: ", kAdvice, "; ",
                                  options.without_gpu}));
}

std::vector<std::string> compile_for_cuda(const Options&, const Reporter&,
                                          const Program& program) {
  throw DeviceError("L0603", cat({"nothing here compiles for ",
                                  program.target, ": ", kAdvice}));
}

std::vector<Finding> cuda_findings(const Options&) {
  return {{"cuda", "not in this build", kAdvice}};
}

}  // namespace lathe
