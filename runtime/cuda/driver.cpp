#include "runtime/cuda/driver.h"

#include "spec/check.h"

namespace lathe::cuda {

std::shared_ptr<const Driver> Driver::load(const Options& options,
                                           std::string& reason) {
  auto driver = std::make_shared<Driver>();
  driver->library = SharedLibrary::open(
      {.title = "the CUDA driver",
       .variable = "LATHE_CUDA_LIB",
       .named = options.cuda_library,
       .names = {"libcuda.so.1"},
       .folders = {"/usr/lib/wsl/lib"}},
      reason);
  if (!driver->library) return nullptr;
#define LATHE_LOAD(name) LATHE_LOAD_CALL(*driver, "the CUDA driver", name)
  LATHE_DRIVER_CALLS(LATHE_LOAD)
#undef LATHE_LOAD
#define LATHE_LOAD(name, older) \
  LATHE_LOAD_RENAMED_CALL(*driver, "the CUDA driver", name, older)
  LATHE_RENAMED_DRIVER_CALLS(LATHE_LOAD)
#undef LATHE_LOAD
  return driver;
}

std::string Driver::version() const {
  int version = 0;
  if (cuDriverGetVersion(&version) != CUDA_SUCCESS) return "unknown";
  return cat({version / 1000, ".", version % 1000 / 10});
}

std::string Driver::text_of(CUresult result) const {
  const char* name = nullptr;
  const char* text = nullptr;
  (void)cuGetErrorName(result, &name);
  (void)cuGetErrorString(result, &text);
  return cat({name ? name : "an unknown error", ": ", text ? text : "?"});
}

void Driver::check(CUresult result, const char* call,
                   const std::string& place) const {
  if (result == CUDA_SUCCESS) return;
  const bool short_of_memory = result == CUDA_ERROR_OUT_OF_MEMORY;
  call_failed(short_of_memory ? "L0702" : "L0703", call, place, text_of(result));
}

}  // namespace lathe::cuda
