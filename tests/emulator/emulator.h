#pragma once
// Runs CUDA kernels on the CPU, to test them where there is no GPU: the text
// that NVRTC compiles, compiled by the host compiler against
// lathe_emulator.h. A test oracle, not a back end: slow and strict.
//
// Every CUDA thread is a fiber; a block runs at a time. A fiber runs until it
// waits for others, and the seed says who goes on: in order (0), in reverse
// (1), at random with one warp that lags behind (others); and so it is with
// blocks. So a kernel that
// lacks a barrier computes something else under some seeds. Shared memory is
// filled with NaN before a block starts. Threads that wait for each other in
// vain, or at different barriers, are an error and not a hang.
//
// It cannot show: weak memory order, bank conflicts, speed.

#include <cstdint>
#include <functional>
#include <string>

struct EmulatorApi;

namespace lathe {

struct EmulatedLaunch {
  unsigned blocks = 1;
  unsigned threads = 1;
  unsigned long shared_bytes = 0;
  uint64_t seed = 0;
  // The kernel before may still run: every thread must wait for it.
  bool must_wait = false;
};

// Calls `kernel` once for each thread; returns what went wrong, or nothing.
std::string emulate(const EmulatedLaunch& launch,
                    const std::function<void()>& kernel);

// What `lathe_emulator` of a kernel's object is to point to.
const EmulatorApi& emulator_api();

}  // namespace lathe
