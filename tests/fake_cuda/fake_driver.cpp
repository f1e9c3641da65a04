// The driver's calls: host memory, and launches in the emulator. Everything
// is done at once, in the order of the calls, as a stream would.
#include <cuda.h>
#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

#include "tests/emulator/emulator.h"
#include "tests/emulator/emulator_api.h"
#include "tests/emulator/kernel_call.h"
#include "tests/fake_cuda/fake_cuda.h"

namespace {

using lathe::fake::setting;

constexpr size_t kMostShared = 227 * 1024;
// Without asking for more.
constexpr size_t kPlainShared = 48 * 1024;
constexpr CUresult kOk = CUDA_SUCCESS;

struct FakeModule;
struct FakeFunction {
  std::string name;
  void* code = nullptr;
  int parameters = 0;
  size_t shared = kPlainShared;
};
struct FakeModule {
  void* handle = nullptr;
  int file = -1;
  std::map<std::string, FakeFunction> functions;
};

// What lies in device memory now.
struct FakeMemory {
  std::map<void*, size_t> sizes;
  size_t used = 0;
  int launches = 0;
  ~FakeMemory() {
    lathe::fake::log_line("left: " + std::to_string(used) + " bytes");
  }
};
FakeMemory& memory() {
  static FakeMemory one;
  return one;
}
size_t capacity() {
  return static_cast<size_t>(
      setting("LATHE_FAKE_MEMORY", int64_t{8} << 30));
}

CUresult allocate(CUdeviceptr* to, size_t bytes) {
  FakeMemory& m = memory();
  if (bytes == 0) return CUDA_ERROR_INVALID_VALUE;
  if (m.used + bytes > capacity()) return CUDA_ERROR_OUT_OF_MEMORY;
  void* data = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  // Poison: floats are no numbers.
  std::memset(data, 0xff, bytes);
  m.sizes[data] = bytes;
  m.used += bytes;
  *to = reinterpret_cast<CUdeviceptr>(data);
  return kOk;
}

CUresult release(CUdeviceptr pointer) {
  FakeMemory& m = memory();
  const auto found = m.sizes.find(reinterpret_cast<void*>(pointer));
  if (found == m.sizes.end()) return CUDA_ERROR_INVALID_VALUE;
  m.used -= found->second;
  std::free(found->first);
  m.sizes.erase(found);
  return kOk;
}

// Whether [pointer, pointer + bytes) lies in one allocation.
bool is_device_range(CUdeviceptr pointer, size_t bytes) {
  FakeMemory& m = memory();
  auto after = m.sizes.upper_bound(reinterpret_cast<void*>(pointer));
  if (after == m.sizes.begin()) return false;
  --after;
  const auto first = reinterpret_cast<CUdeviceptr>(after->first);
  return pointer + bytes <= first + after->second;
}

// An object in memory as a file that dlopen takes. The file stays open while
// the object is: dlopen knows objects by their paths.
void* open_object(const char* data, size_t size, int& file) {
  file = memfd_create("lathe-fake-kernel", 0);
  if (file < 0 || write(file, data, size) != static_cast<ssize_t>(size)) {
    return nullptr;
  }
  const std::string path = "/proc/self/fd/" + std::to_string(file);
  return dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
}

}  // namespace

extern "C" {

CUresult cuInit(unsigned) {
  return setting("LATHE_FAKE_DEVICES", 1) > 0 ? kOk : CUDA_ERROR_NO_DEVICE;
}
CUresult cuDriverGetVersion(int* version) {
  *version = 13000;
  return kOk;
}
CUresult cuGetErrorName(CUresult result, const char** name) {
  switch (static_cast<int>(result)) {
    case CUDA_SUCCESS:
      *name = "CUDA_SUCCESS";
      break;
    case CUDA_ERROR_OUT_OF_MEMORY:
      *name = "CUDA_ERROR_OUT_OF_MEMORY";
      break;
    case CUDA_ERROR_LAUNCH_FAILED:
      *name = "CUDA_ERROR_LAUNCH_FAILED";
      break;
    case CUDA_ERROR_NO_DEVICE:
      *name = "CUDA_ERROR_NO_DEVICE";
      break;
    default:
      *name = "CUDA_ERROR_INVALID_VALUE";
  }
  return kOk;
}
CUresult cuGetErrorString(CUresult, const char** text) {
  *text = "an error of the fake driver";
  return kOk;
}
CUresult cuDeviceGetCount(int* count) {
  *count = static_cast<int>(setting("LATHE_FAKE_DEVICES", 1));
  return kOk;
}
CUresult cuDeviceGet(CUdevice* device, int ordinal) {
  if (ordinal >= setting("LATHE_FAKE_DEVICES", 1)) {
    return CUDA_ERROR_INVALID_DEVICE;
  }
  *device = ordinal;
  return kOk;
}
CUresult cuDeviceGetName(char* name, int size, CUdevice) {
  std::strncpy(name, "Fake GPU", static_cast<size_t>(size));
  return kOk;
}
CUresult cuDeviceGetAttribute(int* value, CUdevice_attribute attribute,
                              CUdevice) {
  const int sm = static_cast<int>(setting("LATHE_FAKE_SM", 90));
  if (attribute == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR) {
    *value = sm / 10;
  } else if (attribute == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR) {
    *value = sm % 10;
  } else if (attribute == CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT) {
    *value = 132;
  } else {
    return CUDA_ERROR_INVALID_VALUE;
  }
  return kOk;
}
CUresult cuDeviceTotalMem(size_t* bytes, CUdevice) {
  *bytes = capacity();
  return kOk;
}
CUresult cuDeviceGetDefaultMemPool(CUmemoryPool* pool, CUdevice) {
  *pool = reinterpret_cast<CUmemoryPool>(1);
  return kOk;
}
CUresult cuMemPoolSetAttribute(CUmemoryPool, CUmemPool_attribute, void*) {
  return kOk;
}
CUresult cuMemPoolTrimTo(CUmemoryPool, size_t) { return kOk; }
CUresult cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice) {
  *context = reinterpret_cast<CUcontext>(1);
  return kOk;
}
CUresult cuDevicePrimaryCtxRelease(CUdevice) { return kOk; }
CUresult cuCtxSetCurrent(CUcontext) { return kOk; }
CUresult cuStreamCreate(CUstream* stream, unsigned) {
  *stream = reinterpret_cast<CUstream>(1);
  return kOk;
}
CUresult cuStreamDestroy(CUstream) { return kOk; }
CUresult cuStreamSynchronize(CUstream) { return kOk; }
CUresult cuEventCreate(CUevent* event, unsigned) {
  *event = reinterpret_cast<CUevent>(1);
  return kOk;
}
CUresult cuEventDestroy(CUevent) { return kOk; }
CUresult cuEventRecord(CUevent, CUstream) { return kOk; }
CUresult cuEventSynchronize(CUevent) { return kOk; }
CUresult cuEventElapsedTime(float* milliseconds, CUevent, CUevent) {
  *milliseconds = 0.001f;
  return kOk;
}
CUresult cuMemGetInfo(size_t* free, size_t* total) {
  *total = capacity();
  *free = capacity() - memory().used;
  return kOk;
}
CUresult cuMemAllocAsync(CUdeviceptr* to, size_t bytes, CUstream) {
  return allocate(to, bytes);
}
CUresult cuMemFreeAsync(CUdeviceptr pointer, CUstream) {
  return release(pointer);
}
CUresult cuMemHostAlloc(void** to, size_t bytes, unsigned) {
  *to = std::malloc(bytes);
  return kOk;
}
CUresult cuMemFreeHost(void* memory) {
  std::free(memory);
  return kOk;
}
CUresult cuMemcpyHtoDAsync(CUdeviceptr to, const void* from, size_t bytes,
                           CUstream) {
  if (!is_device_range(to, bytes)) return CUDA_ERROR_INVALID_VALUE;
  std::memcpy(reinterpret_cast<void*>(to), from, bytes);
  return kOk;
}
CUresult cuMemcpyDtoHAsync(void* to, CUdeviceptr from, size_t bytes,
                           CUstream) {
  if (!is_device_range(from, bytes)) return CUDA_ERROR_INVALID_VALUE;
  std::memcpy(to, reinterpret_cast<const void*>(from), bytes);
  return kOk;
}
CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t bytes,
                         CUstream) {
  if (!is_device_range(to, bytes)) return CUDA_ERROR_INVALID_VALUE;
  std::memset(reinterpret_cast<void*>(to), value, bytes);
  return kOk;
}

CUresult cuModuleLoadData(CUmodule* to, const void* data) {
  lathe::fake::FakeImage image;
  if (!lathe::fake::read_image(data, image)) return CUDA_ERROR_INVALID_IMAGE;
  int file = -1;
  void* handle = open_object(image.object, image.size, file);
  if (!handle) return CUDA_ERROR_INVALID_IMAGE;
  using Api = const EmulatorApi*;
  auto* api = static_cast<Api*>(dlsym(handle, "lathe_emulator"));
  if (api) *api = &lathe::emulator_api();
  auto made = new FakeModule{handle, file, {}};
  for (const auto& entry : image.entries) {
    made->functions[entry.name] = {entry.name,
                                   dlsym(handle, entry.name.c_str()),
                                   entry.parameters};
  }
  *to = reinterpret_cast<CUmodule>(made);
  return kOk;
}
CUresult cuModuleUnload(CUmodule module) {
  auto* made = reinterpret_cast<FakeModule*>(module);
  dlclose(made->handle);
  close(made->file);
  delete made;
  return kOk;
}
CUresult cuModuleGetFunction(CUfunction* to, CUmodule module,
                             const char* name) {
  auto& functions = reinterpret_cast<FakeModule*>(module)->functions;
  const auto found = functions.find(name);
  if (found == functions.end() || !found->second.code) {
    return CUDA_ERROR_NOT_FOUND;
  }
  *to = reinterpret_cast<CUfunction>(&found->second);
  return kOk;
}
CUresult cuFuncSetAttribute(CUfunction handle, CUfunction_attribute attribute,
                            int value) {
  if (attribute != CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES ||
      value < 0 || static_cast<size_t>(value) > kMostShared) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  reinterpret_cast<FakeFunction*>(handle)->shared =
      static_cast<size_t>(value);
  return kOk;
}
CUresult cuLaunchKernelEx(const CUlaunchConfig* config, CUfunction handle,
                          void** parameters, void**) {
  auto& function = *reinterpret_cast<FakeFunction*>(handle);
  const bool fits = config->gridDimX > 0 && config->blockDimX > 0 &&
                    config->blockDimX <= 1024 &&
                    config->sharedMemBytes <= function.shared &&
                    function.parameters <=
                        static_cast<int>(lathe::kMostParameters);
  if (!fits) {
    lathe::fake::log_line("refused " + function.name + " blocks=" +
                          std::to_string(config->gridDimX) +
                          " threads=" + std::to_string(config->blockDimX) +
                          " shared=" + std::to_string(config->sharedMemBytes) +
                          " parameters=" +
                          std::to_string(function.parameters));
    return CUDA_ERROR_INVALID_VALUE;
  }
  const int number = ++memory().launches;
  lathe::fake::log_line(
      "launch " + function.name + " blocks=" +
      std::to_string(config->gridDimX) +
      " threads=" + std::to_string(config->blockDimX) +
      " shared=" + std::to_string(config->sharedMemBytes));
  if (number == setting("LATHE_FAKE_BAD_LAUNCH", 0)) {
    return CUDA_ERROR_LAUNCH_FAILED;
  }
  lathe::KernelParameters values = {};
  for (int i = 0; i < function.parameters; ++i) {
    std::memcpy(&values[static_cast<size_t>(i)], parameters[i],
                sizeof values[0]);
  }
  const std::string error = lathe::emulate(
      {.blocks = config->gridDimX,
       .threads = config->blockDimX,
       .shared_bytes = config->sharedMemBytes,
       .seed = static_cast<uint64_t>(setting("LATHE_FAKE_SEED", 0))},
      [&] { lathe::call_kernel(function.code, values); });
  if (error.empty()) return kOk;
  lathe::fake::log_line(function.name + ": " + error);
  return CUDA_ERROR_LAUNCH_FAILED;
}

}  // extern "C"
