#pragma once
// NVRTC, CUDA's run-time compiler, as a function from a kernel's text to a
// cubin. Found at run time like the driver; needs no GPU.

#include <nvrtc.h>

#include <memory>
#include <string>
#include <vector>

#include "runtime/cuda/library.h"
#include "runtime/cuda/load_calls.h"

namespace lathe::cuda {

#define LATHE_NVRTC_CALLS(X) \
  X(nvrtcVersion)            \
  X(nvrtcGetErrorString)     \
  X(nvrtcCreateProgram)      \
  X(nvrtcCompileProgram)     \
  X(nvrtcGetCUBINSize)       \
  X(nvrtcGetCUBIN)           \
  X(nvrtcGetProgramLogSize)  \
  X(nvrtcGetProgramLog)      \
  X(nvrtcDestroyProgram)

// How a compile ended.
struct NvrtcResult {
  bool ok = false;
  std::string cubin;
  std::string log;  // with -Xptxas=-v: registers, spills, shared memory
};

struct Nvrtc {
  LATHE_NVRTC_CALLS(LATHE_CALL_MEMBER)

  std::unique_ptr<SharedLibrary> library;

  // Null if there is none that fits, and `reason` says why.
  static std::shared_ptr<const Nvrtc> load(const Options& options,
                                           std::string& reason);

  // "13.0".
  std::string version() const;
  std::string path() const;
  // Path, size, time and version: another file may give other code.
  std::string identity() const;

  // What kernels for this target ("sm_90a") are compiled with.
  std::vector<std::string> flags(const std::string& target) const;

  // Compiles the text of kernels, behind the header. `name`: of the text, for
  // messages. Threads may compile at once.
  NvrtcResult compile(const std::string& header, const std::string& name,
                      const std::string& text,
                      const std::vector<std::string>& flags) const;
};

// What a user does who has none.
inline constexpr const char* kInstallNvrtc =
    "install the CUDA toolkit or the Python package nvidia-cuda-nvrtc, or "
    "name a libnvrtc.so in LATHE_NVRTC_LIB";

inline constexpr const char* kDeviceHeaderName = "lathe_device.h";

}  // namespace lathe::cuda
