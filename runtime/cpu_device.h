#pragma once
// The CPU as a device: host memory, the host compiler behind a cache, and an
// elastic region over the thread pool.

#include <memory>
#include <string>
#include <vector>

#include "runtime/device.h"
#include "runtime/options.h"
#include "runtime/report.h"

namespace lathe {

std::unique_ptr<Device> make_cpu_device(const Options& options,
                                        const Reporter& reporter);

// The program's kernels compiled for this machine outside of the cache: the
// contents of a shared object for each; kernels may share one. Throws
// DeviceError L06.
std::vector<std::string> compile_for_cpu(const Options& options,
                                         const Reporter& reporter,
                                         const Program& program);

}  // namespace lathe
