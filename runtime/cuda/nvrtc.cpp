#include "runtime/cuda/nvrtc.h"

#include <sys/stat.h>

#include <utility>

#include "spec/check.h"

namespace lathe::cuda {
namespace {

// Destroys the program whatever happens.
struct NvrtcProgram {
  const Nvrtc& nvrtc;
  nvrtcProgram handle = nullptr;
  ~NvrtcProgram() {
    if (handle) (void)nvrtc.nvrtcDestroyProgram(&handle);
  }
};

std::string log_of(const Nvrtc& nvrtc, nvrtcProgram program) {
  size_t size = 0;
  if (nvrtc.nvrtcGetProgramLogSize(program, &size) != NVRTC_SUCCESS ||
      size <= 1) {
    return "";
  }
  std::string log(size, '\0');
  (void)nvrtc.nvrtcGetProgramLog(program, log.data());
  // It ends at the first zero byte; more may follow.
  log.resize(log.find('\0'));
  return log;
}

}  // namespace

std::shared_ptr<const Nvrtc> Nvrtc::load(const Options& options,
                                         std::string& reason) {
  auto nvrtc = std::make_shared<Nvrtc>();
  nvrtc->library = SharedLibrary::open(
      {.title = "CUDA's run-time compiler",
       .variable = "LATHE_NVRTC_LIB",
       .named = options.nvrtc_library,
       .names = {"libnvrtc.so.13", "libnvrtc.so.12"},
       .folders = cuda_folders(options)},
      reason);
  if (!nvrtc->library) return nullptr;
#define LATHE_LOAD(name) LATHE_LOAD_CALL(*nvrtc, "NVRTC", name)
  LATHE_NVRTC_CALLS(LATHE_LOAD)
#undef LATHE_LOAD
  return nvrtc;
}

std::string Nvrtc::version() const {
  int major = 0, minor = 0;
  if (nvrtcVersion(&major, &minor) != NVRTC_SUCCESS) return "unknown";
  return cat({major, ".", minor});
}

std::string Nvrtc::path() const {
  return library->path_of(reinterpret_cast<const void*>(nvrtcCompileProgram));
}

std::string Nvrtc::identity() const {
  const std::string file = path();
  struct stat facts = {};
  (void)stat(file.c_str(), &facts);
  const int64_t nanoseconds =
      facts.st_mtim.tv_sec * int64_t{1'000'000'000} + facts.st_mtim.tv_nsec;
  return cat({file, " ", int64_t{facts.st_size}, " ", nanoseconds, " NVRTC ",
              version()});
}

NvrtcResult Nvrtc::compile(const std::string& header, const std::string& name,
                           const std::string& text,
                           const std::vector<std::string>& flags) const {
  const std::string source =
      cat({"#include \"", kDeviceHeaderName, "\"\n", text});
  const char* header_text = header.c_str();
  const char* header_name = kDeviceHeaderName;
  std::vector<const char*> options;
  for (const std::string& flag : flags) options.push_back(flag.c_str());
  NvrtcProgram program{*this};
  NvrtcResult result;
  nvrtcResult status =
      nvrtcCreateProgram(&program.handle, source.c_str(),
                         cat({name, ".cu"}).c_str(), 1, &header_text,
                         &header_name);
  if (status == NVRTC_SUCCESS) {
    status = nvrtcCompileProgram(program.handle,
                                 static_cast<int>(options.size()),
                                 options.data());
    result.log = log_of(*this, program.handle);
  }
  size_t size = 0;
  if (status == NVRTC_SUCCESS) {
    status = nvrtcGetCUBINSize(program.handle, &size);
  }
  if (status == NVRTC_SUCCESS) {
    result.cubin.resize(size);
    status = nvrtcGetCUBIN(program.handle, result.cubin.data());
  }
  result.ok = status == NVRTC_SUCCESS;
  if (!result.ok && result.log.empty()) {
    result.log = nvrtcGetErrorString(status);
  }
  return result;
}

std::vector<std::string> Nvrtc::flags(const std::string& target) const {
  std::vector<std::string> all = {
      "-arch=" + target, "-std=c++17",
      // Lambdas of the device header carry no mark of their own.
      "-default-device",
      // Functions of the header that a kernel does not use are no news.
      "-w"};
  int major = 0, minor = 0;
  (void)nvrtcVersion(&major, &minor);
  // Without textures and the run-time library, of which kernels use nothing,
  // each takes 10 ms less.
  if (std::pair(major, minor) >= std::pair(12, 4)) all.push_back("-minimal");
  return all;
}

}  // namespace lathe::cuda
