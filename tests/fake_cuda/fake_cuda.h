#pragma once
// A stand-in for libcuda.so.1, libnvrtc.so, libcublasLt.so and libnccl.so at
// once, for machines without a GPU: NVRTC is the host compiler on the same
// text, a cubin is a shared object, and a launch is the emulator. Told by the
// environment:
//
//   LATHE_FAKE_SM=90           compute capability
//   LATHE_FAKE_SEED=2          who goes on first in the emulator
//   LATHE_FAKE_MEMORY=BYTES    what fits; more is CUDA_ERROR_OUT_OF_MEMORY
//   LATHE_FAKE_BAD_LAUNCH=N    the Nth launch fails, from 1
//   LATHE_FAKE_DEVICES=0       how many GPUs there are
//   LATHE_FAKE_FAIL=CALL       that function fails
//   LATHE_FAKE_STATUS=15       how one of cuBLASLt does
//   LATHE_FAKE_BLAS_VERSION=N  its version
//   LATHE_FAKE_IDLE=1          takes any image, and launches nothing
//   LATHE_FAKE_POOLS=0         no memory in the order of a stream
//   LATHE_FAKE_LOG=FILE        gets a line for each launch and product, and what
//                              is left not given back when the process ends

#include <cstdint>
#include <string>
#include <vector>

namespace lathe::fake {

// The variable as a number, or `otherwise`.
int64_t setting(const char* name, int64_t otherwise);

// Adds a line to LATHE_FAKE_LOG.
void log_line(const std::string& line);

// A kernel in a fake cubin: its function takes this many 8-byte arguments, and
// behind them tensor maps by reference.
struct FakeEntry {
  std::string name;
  int parameters = 0;
  int maps = 0;
};

// A cubin: a head, the entries, the bytes of a shared object.
std::string make_image(const std::vector<FakeEntry>& entries,
                       const std::string& object);
struct FakeImage {
  std::vector<FakeEntry> entries;
  const char* object = nullptr;
  size_t size = 0;
};
// False if `data` is no image of ours.
bool read_image(const void* data, FakeImage& image);

// The kernels that CUDA text defines.
std::vector<FakeEntry> entries_of(const std::string& text);

}  // namespace lathe::fake
