// Memory of the device and of the host, and copies between them.
#include <cstring>

#include "tests/fake_cuda/fake_cuda.h"
#include "tests/fake_cuda/fake_state.h"

using lathe::fake::put;
using lathe::fake::setting;
using lathe::fake::state;

namespace {

constexpr CUresult kOk = CUDA_SUCCESS;

bool has_pools() { return setting("LATHE_FAKE_POOLS", 1) != 0; }

// A graph copies when nobody waits for the pages of ordinary memory.
bool may_capture(CUstream stream, const void* host, size_t bytes) {
  return !reinterpret_cast<lathe::fake::FakeStream*>(stream)->captured ||
         state().is_pinned(host, bytes);
}

}  // namespace

extern "C" {

CUresult cuDeviceTotalMem(size_t* bytes, CUdevice) {
  *bytes = lathe::fake::capacity();
  return kOk;
}
CUresult cuDeviceGetDefaultMemPool(CUmemoryPool* pool, CUdevice) {
  LATHE_FAKE_BEGIN("cuDeviceGetDefaultMemPool", kNothing)
  if (!has_pools()) return CUDA_ERROR_NOT_SUPPORTED;
  *pool = reinterpret_cast<CUmemoryPool>(1);
  return kOk;
}
CUresult cuMemPoolSetAttribute(CUmemoryPool, CUmemPool_attribute, void*) {
  LATHE_FAKE_BEGIN("cuMemPoolSetAttribute", kNothing)
  return kOk;
}
CUresult cuMemGetInfo(size_t* free, size_t* total) {
  LATHE_FAKE_BEGIN("cuMemGetInfo", kContext)
  *total = lathe::fake::capacity();
  *free = *total - state().used();
  return kOk;
}
CUresult cuMemAllocAsync(CUdeviceptr* to, size_t bytes, CUstream) {
  LATHE_FAKE_BEGIN("cuMemAllocAsync", kNoCapture)
  return has_pools() ? state().allocate(to, bytes) : CUDA_ERROR_NOT_SUPPORTED;
}
CUresult cuMemFreeAsync(CUdeviceptr pointer, CUstream) {
  return has_pools() ? state().release(pointer) : CUDA_ERROR_NOT_SUPPORTED;
}
CUresult cuMemAlloc(CUdeviceptr* to, size_t bytes) {
  LATHE_FAKE_BEGIN("cuMemAlloc", kNoCapture)
  return state().allocate(to, bytes);
}
CUresult cuMemFree(CUdeviceptr pointer) { return state().release(pointer); }
CUresult cuMemHostAlloc(void** to, size_t bytes, unsigned) {
  LATHE_FAKE_BEGIN("cuMemHostAlloc", kNoCapture)
  *to = state().pin(bytes);
  return kOk;
}
CUresult cuMemFreeHost(void* memory) {
  return state().unpin(memory) ? kOk : CUDA_ERROR_INVALID_VALUE;
}
CUresult cuMemcpyHtoDAsync(CUdeviceptr to, const void* from, size_t bytes,
                           CUstream stream) {
  LATHE_FAKE_BEGIN("cuMemcpyHtoDAsync", kContext)
  if (!may_capture(stream, from, bytes)) {
    return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  }
  return put(stream, {"copy", [=] {
    if (!state().is_device_range(to, bytes)) return CUDA_ERROR_INVALID_VALUE;
    std::memcpy(reinterpret_cast<void*>(to), from, bytes);
    return kOk;
  }});
}
CUresult cuMemcpyDtoHAsync(void* to, CUdeviceptr from, size_t bytes,
                           CUstream stream) {
  LATHE_FAKE_BEGIN("cuMemcpyDtoHAsync", kContext)
  if (!may_capture(stream, to, bytes)) {
    return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  }
  return put(stream, {"copy", [=] {
    if (!state().is_device_range(from, bytes)) return CUDA_ERROR_INVALID_VALUE;
    std::memcpy(to, reinterpret_cast<const void*>(from), bytes);
    return kOk;
  }});
}
CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t bytes,
                         CUstream stream) {
  LATHE_FAKE_BEGIN("cuMemsetD8Async", kContext)
  return put(stream, {"set", [=] {
    if (!state().is_device_range(to, bytes)) return CUDA_ERROR_INVALID_VALUE;
    std::memset(reinterpret_cast<void*>(to), value, bytes);
    return kOk;
  }});
}

}  // extern "C"
