#pragma once
// A device that runs nothing and records what it is asked to: tests of
// everything above the seam need no machine, and a new device has an example.

#include <memory>
#include <string>
#include <vector>

#include "runtime/device.h"

namespace lathe {

// What the device was asked for, one line each: "allocate 4096",
// "compile k0 first", "launch k0 items=4 dims=[4]".
using DeviceLog = std::vector<std::string>;

// The target is the generic preset; memory is the host's, but not shared, so
// that everything is copied. Requires: `log` outlives the device.
std::unique_ptr<Device> make_null_device(DeviceLog& log);

}  // namespace lathe
