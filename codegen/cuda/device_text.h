#pragma once
// The parts of the device header that only GPUs have; see device_header.h.

namespace lathe::cuda {

// Element types, the kernel ABI, and builtins that NVRTC does not know.
extern const char kDeviceTypes[];
// Conversions that the hardware has.
extern const char kDeviceFormats[];
// Threads, warps, blocks and their memory, in PTX.
extern const char kDeviceHardware[];
// What follows from the parts before: items, reductions, checked indices.
extern const char kDeviceFunctions[];
// Copies of tiles and products beside the threads: sm_90a's alone.
extern const char kDeviceSm90[];

}  // namespace lathe::cuda
