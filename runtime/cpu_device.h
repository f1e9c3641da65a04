#pragma once
// The CPU as a device: host memory, the host compiler behind a cache, and an
// elastic region over the thread pool.

#include <memory>

#include "runtime/device.h"
#include "runtime/options.h"
#include "runtime/report.h"

namespace lathe {

std::unique_ptr<Device> make_cpu_device(const Options& options,
                                        const Reporter& reporter);

}  // namespace lathe
