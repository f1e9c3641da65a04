#pragma once
// The CUDA driver's functions that lathe calls, found in libcuda.so.1 at run
// time. Their types are those of cuda.h, so another signature does not
// compile; names are taken after cuda.h's renaming (cuMemAlloc is
// cuMemAlloc_v2).

#include <cuda.h>

#include <memory>
#include <string>

#include "runtime/cuda/library.h"
#include "runtime/cuda/load_calls.h"

namespace lathe::cuda {

#define LATHE_DRIVER_CALLS(X)                                                \
  X(cuInit)                                                                  \
  X(cuDriverGetVersion)                                                      \
  X(cuGetErrorName)                                                          \
  X(cuGetErrorString)                                                        \
  X(cuDeviceGetCount)                                                        \
  X(cuDeviceGet)                                                             \
  X(cuDeviceGetName)                                                         \
  X(cuDeviceGetAttribute)                                                    \
  X(cuDeviceTotalMem)                                                        \
  X(cuDeviceGetDefaultMemPool)                                               \
  X(cuDevicePrimaryCtxRetain)                                                \
  X(cuDevicePrimaryCtxRelease)                                               \
  X(cuCtxSetCurrent)                                                         \
  X(cuStreamCreate)                                                          \
  X(cuStreamDestroy)                                                         \
  X(cuStreamSynchronize)                                                     \
  X(cuStreamBeginCapture)                                                    \
  X(cuStreamEndCapture)                                                      \
  X(cuGraphInstantiate)                                                      \
  X(cuGraphExecUpdate)                                                       \
  X(cuGraphLaunch)                                                           \
  X(cuGraphDestroy)                                                          \
  X(cuGraphExecDestroy)                                                      \
  X(cuEventCreate)                                                           \
  X(cuEventDestroy)                                                          \
  X(cuEventRecord)                                                           \
  X(cuEventSynchronize)                                                      \
  X(cuMemPoolSetAttribute)                                                   \
  X(cuMemGetInfo)                                                            \
  X(cuMemAlloc)                                                              \
  X(cuMemFree)                                                               \
  X(cuMemAllocAsync)                                                         \
  X(cuMemFreeAsync)                                                          \
  X(cuMemHostAlloc)                                                          \
  X(cuMemFreeHost)                                                           \
  X(cuMemcpyHtoDAsync)                                                       \
  X(cuMemcpyDtoHAsync)                                                       \
  X(cuMemsetD8Async)                                                         \
  X(cuModuleLoadData)                                                        \
  X(cuModuleUnload)                                                          \
  X(cuModuleGetFunction)                                                     \
  X(cuFuncSetAttribute)                                                      \
  X(cuLaunchKernelEx)                                                        \
  X(cuTensorMapEncodeTiled)

// What drivers before 12.8 export by its name without _v2.
#define LATHE_RENAMED_DRIVER_CALLS(X) \
  X(cuEventElapsedTime, "cuEventElapsedTime")

// The loaded driver.
struct Driver {
  LATHE_DRIVER_CALLS(LATHE_CALL_MEMBER)
#define LATHE_RENAMED_MEMBER(name, older) LATHE_CALL_MEMBER(name)
  LATHE_RENAMED_DRIVER_CALLS(LATHE_RENAMED_MEMBER)
#undef LATHE_RENAMED_MEMBER

  std::unique_ptr<SharedLibrary> library;

  // Null if there is none that fits, and `reason` says why.
  static std::shared_ptr<const Driver> load(const Options& options,
                                            std::string& reason);

  // "13.0".
  std::string version() const;
  // "CUDA_ERROR_OUT_OF_MEMORY: out of memory".
  std::string text_of(CUresult result) const;
  // Throws DeviceError unless the result is success: L0702 when memory is
  // short, else L0703. `call` names the function, `place` may say where in the
  // model.
  void check(CUresult result, const char* call,
             const std::string& place = "") const;
};

}  // namespace lathe::cuda
