#pragma once
// An NVIDIA GPU as a device: stream-ordered memory, kernels from NVRTC behind
// the cache, launches on one stream. Knows no header of CUDA, so that a build
// without them has the same functions (no_cuda.cpp).

#include <memory>
#include <vector>

#include "runtime/device.h"
#include "runtime/finding.h"
#include "runtime/options.h"
#include "runtime/report.h"

namespace lathe {

// The GPU that options.device names, "cuda" or "cuda:N". Throws DeviceError
// L0701, which says what to do, when it is not there.
std::unique_ptr<Device> make_cuda_device(const Options& options,
                                         const Reporter& reporter);

// The program's kernels compiled for its target, a cubin each. Needs NVRTC and
// no GPU. Throws DeviceError L06.
std::vector<std::string> compile_for_cuda(const Options& options,
                                          const Reporter& reporter,
                                          const Program& program);

// Driver, compiler and GPUs of this machine, for `doctor`.
std::vector<Finding> cuda_findings(const Options& options);

}  // namespace lathe
