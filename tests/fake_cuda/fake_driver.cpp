// The driver's calls about devices, contexts and kernels; a launch is the
// emulator.
#include <cuda.h>
#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "tests/emulator/emulator.h"
#include "tests/emulator/emulator_api.h"
#include "tests/emulator/kernel_call.h"
#include "tests/emulator/tensor_map.h"
#include "tests/fake_cuda/fake_cuda.h"
#include "tests/fake_cuda/fake_state.h"

namespace {

using lathe::fake::setting;
using lathe::fake::state;

constexpr size_t kMostShared = 227 * 1024;
// Without asking for more.
constexpr size_t kPlainShared = 48 * 1024;
constexpr CUresult kOk = CUDA_SUCCESS;

struct FakeModule;
struct FakeFunction {
  std::string name;
  void* code = nullptr;
  int parameters = 0, maps = 0;
  size_t shared = kPlainShared;
};
struct FakeModule {
  void* handle = nullptr;
  int file = -1;
  std::map<std::string, FakeFunction> functions;
};

struct Launch {
  FakeFunction* function;
  CUlaunchConfig config;
  bool overlaps;  // its predecessor may still run
  lathe::KernelParameters values;
  std::vector<lathe::EmulatedTensorMap> maps;
};

// Whether it is launched with programmatic stream serialisation.
bool may_overlap(const CUlaunchConfig& config) {
  for (unsigned i = 0; i < config.numAttrs; ++i) {
    const CUlaunchAttribute& attribute = config.attrs[i];
    if (attribute.id ==
            CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION &&
        attribute.value.programmaticStreamSerializationAllowed) {
      return true;
    }
  }
  return false;
}

std::string to_text(const Launch& launch) {
  return launch.function->name +
         " blocks=" + std::to_string(launch.config.gridDimX) +
         " threads=" + std::to_string(launch.config.blockDimX) +
         " shared=" + std::to_string(launch.config.sharedMemBytes) +
         (launch.overlaps ? " overlaps" : "");
}

CUresult run(const Launch& launch) {
  lathe::fake::log_line("launch " + to_text(launch));
  if (++state().launches == setting("LATHE_FAKE_BAD_LAUNCH", 0)) {
    return CUDA_ERROR_LAUNCH_FAILED;
  }
  lathe::KernelParameters values = launch.values;
  for (size_t i = 0; i < launch.maps.size(); ++i) {
    values[static_cast<size_t>(launch.function->parameters) + i] =
        reinterpret_cast<uint64_t>(&launch.maps[i]);
  }
  const std::string error = lathe::emulate(
      {.blocks = launch.config.gridDimX,
       .threads = launch.config.blockDimX,
       .shared_bytes = launch.config.sharedMemBytes,
       .seed = static_cast<uint64_t>(setting("LATHE_FAKE_SEED", 0)),
       .must_wait = launch.overlaps},
      [&] { lathe::call_kernel(launch.function->code, values); });
  if (error.empty()) return kOk;
  lathe::fake::log_line(launch.function->name + ": " + error);
  return CUDA_ERROR_LAUNCH_FAILED;
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

// Modules are a real NVRTC's, which nobody here can run.
bool is_idle() { return setting("LATHE_FAKE_IDLE", 0) != 0; }

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
#define LATHE_FAKE_NAME(code) \
  case code:                  \
    *name = #code;            \
    return kOk;
    LATHE_FAKE_NAME(CUDA_SUCCESS)
    LATHE_FAKE_NAME(CUDA_ERROR_OUT_OF_MEMORY)
    LATHE_FAKE_NAME(CUDA_ERROR_NO_DEVICE)
    LATHE_FAKE_NAME(CUDA_ERROR_INVALID_IMAGE)
    LATHE_FAKE_NAME(CUDA_ERROR_INVALID_CONTEXT)
    LATHE_FAKE_NAME(CUDA_ERROR_NOT_FOUND)
    LATHE_FAKE_NAME(CUDA_ERROR_NOT_SUPPORTED)
    LATHE_FAKE_NAME(CUDA_ERROR_LAUNCH_FAILED)
    LATHE_FAKE_NAME(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED)
    LATHE_FAKE_NAME(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED)
    LATHE_FAKE_NAME(CUDA_ERROR_UNKNOWN)
#undef LATHE_FAKE_NAME
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
  } else if (attribute == CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED) {
    *value = setting("LATHE_FAKE_POOLS", 1) != 0;
  } else {
    return CUDA_ERROR_INVALID_VALUE;
  }
  return kOk;
}
CUresult cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice) {
  LATHE_FAKE_BEGIN("cuDevicePrimaryCtxRetain", kNothing)
  ++state().objects;
  *context = reinterpret_cast<CUcontext>(1);
  return kOk;
}
CUresult cuDevicePrimaryCtxRelease(CUdevice) {
  --state().objects;
  return kOk;
}
CUresult cuCtxSetCurrent(CUcontext context) {
  LATHE_FAKE_BEGIN("cuCtxSetCurrent", kNothing)
  lathe::fake::set_current(context != nullptr);
  return kOk;
}

CUresult cuModuleLoadData(CUmodule* to, const void* data) {
  LATHE_FAKE_BEGIN("cuModuleLoadData", kNoCapture)
  if (is_idle()) {
    ++state().objects;
    *to = reinterpret_cast<CUmodule>(new FakeModule{nullptr, -1, {}});
    return kOk;
  }
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
                                   entry.parameters, entry.maps};
  }
  ++state().objects;
  *to = reinterpret_cast<CUmodule>(made);
  return kOk;
}
CUresult cuModuleUnload(CUmodule module) {
  --state().objects;
  auto* made = reinterpret_cast<FakeModule*>(module);
  if (made->handle) dlclose(made->handle);
  if (made->file >= 0) close(made->file);
  delete made;
  return kOk;
}
CUresult cuModuleGetFunction(CUfunction* to, CUmodule module,
                             const char* name) {
  LATHE_FAKE_BEGIN("cuModuleGetFunction", kContext)
  auto& functions = reinterpret_cast<FakeModule*>(module)->functions;
  if (is_idle()) functions[name] = {name, module, 0};
  const auto found = functions.find(name);
  if (found == functions.end() || !found->second.code) {
    return CUDA_ERROR_NOT_FOUND;
  }
  *to = reinterpret_cast<CUfunction>(&found->second);
  return kOk;
}
CUresult cuFuncSetAttribute(CUfunction handle, CUfunction_attribute attribute,
                            int value) {
  LATHE_FAKE_BEGIN("cuFuncSetAttribute", kContext)
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
  LATHE_FAKE_BEGIN("cuLaunchKernelEx", kContext)
  auto& function = *reinterpret_cast<FakeFunction*>(handle);
  Launch launch{&function, *config, may_overlap(*config), {}, {}};
  const bool fits = config->gridDimX > 0 && config->blockDimX > 0 &&
                    config->blockDimX <= 1024 &&
                    config->sharedMemBytes <= function.shared &&
                    function.parameters + function.maps <=
                        static_cast<int>(lathe::kMostParameters) &&
                    (!launch.overlaps || setting("LATHE_FAKE_SM", 90) >= 90);
  if (!fits) {
    lathe::fake::log_line("refused " + to_text(launch) + " parameters=" +
                          std::to_string(function.parameters));
    return CUDA_ERROR_INVALID_VALUE;
  }
  if (is_idle()) return kOk;
  // Their values are those of now, in a graph too.
  for (int i = 0; i < function.parameters; ++i) {
    std::memcpy(&launch.values[static_cast<size_t>(i)], parameters[i],
                sizeof launch.values[0]);
  }
  launch.maps.resize(static_cast<size_t>(function.maps));
  for (size_t i = 0; i < launch.maps.size(); ++i) {
    std::memcpy(&launch.maps[i],
                parameters[static_cast<size_t>(function.parameters) + i],
                sizeof launch.maps[i]);
  }
  return lathe::fake::put(config->hStream, {"kernel " + function.name,
                                            [=] { return run(launch); }});
}

// Tensor maps, two-dimensional and swizzled by 128 bytes: all that we use. A
// map is checked by the documented rules, and must stay within what is
// allocated.
CUresult cuTensorMapEncodeTiled(
    CUtensorMap* to, CUtensorMapDataType type, cuuint32_t rank, void* base,
    const cuuint64_t* sizes, const cuuint64_t* strides, const cuuint32_t* tile,
    const cuuint32_t* every, CUtensorMapInterleave interleave,
    CUtensorMapSwizzle swizzle, CUtensorMapL2promotion,
    CUtensorMapFloatOOBfill fill) {
  LATHE_FAKE_BEGIN("cuTensorMapEncodeTiled", kNothing)
  const bool is_ours = rank == 2 && every[0] == 1 && every[1] == 1 &&
                       interleave == CU_TENSOR_MAP_INTERLEAVE_NONE &&
                       swizzle == CU_TENSOR_MAP_SWIZZLE_128B &&
                       fill == CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE &&
                       reinterpret_cast<uintptr_t>(to) % 64 == 0;
  if (!is_ours) return CUDA_ERROR_INVALID_VALUE;
  lathe::EmulatedTensorMap map;
  map.base = static_cast<const unsigned char*>(base);
  map.depth = sizes[0];
  map.lines = sizes[1];
  map.stride = strides[0];
  map.tile_depth = tile[0];
  map.tile_lines = tile[1];
  map.element = type == CU_TENSOR_MAP_DATA_TYPE_UINT8 ? 1 : 2;
  map.swizzled = 1;
  std::string wrong = lathe::complaint_about(map);
  const size_t bytes = (map.lines - 1) * map.stride + map.depth * map.element;
  if (wrong.empty() &&
      !state().is_device_range(reinterpret_cast<CUdeviceptr>(base), bytes)) {
    wrong = "memory";
  }
  if (!wrong.empty()) {
    lathe::fake::log_line("refused a tensor map for its " + wrong);
    return CUDA_ERROR_INVALID_VALUE;
  }
  std::memcpy(to, &map, sizeof map);
  return kOk;
}

}  // extern "C"
