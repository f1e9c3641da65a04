#include "tests/emulator/emulated_object.h"

#include <dlfcn.h>

#include <algorithm>
#include <map>

#include "runtime/host_compiler.h"
#include "runtime/options.h"
#include "runtime/process.h"
#include "spec/check.h"
#include "tests/emulator/emulator.h"
#include "tests/emulator/emulator_api.h"
#include "tests/support/paths.h"

namespace lathe {
namespace {

constexpr int kSeconds = 600;

}  // namespace

EmulatedObject::EmulatedObject(const std::string& text) {
  const auto compiler = find_compiler(options_from_environment());
  if (!compiler) fail_without_compiler();
  const std::string source = folder_.write("kernels.cpp", text);
  const std::string object = folder_.file("kernels.so");
  const ProcessResult result = run_process(
      {compiler->path, "-std=c++17", "-O1", "-w", "-fPIC", "-shared",
       "-fwrapv", "-DLATHE_EMULATED",
       "-I" + (source_dir() / "tests/emulator").string(), "-o", object,
       source},
      kSeconds);
  LATHE_CHECK(result.exit_status == 0, result.output.substr(0, 4000));
  handle_ = dlopen(object.c_str(), RTLD_NOW | RTLD_LOCAL);
  LATHE_CHECK(handle_ != nullptr, dlerror());
  using Api = const EmulatorApi*;
  auto* api = static_cast<Api*>(dlsym(handle_, "lathe_emulator"));
  if (api) *api = &emulator_api();
}

EmulatedObject::~EmulatedObject() { dlclose(handle_); }

void* EmulatedObject::find(const std::string& name) const {
  return dlsym(handle_, name.c_str());
}

std::shared_ptr<const EmulatedObject> emulated_object(const std::string& text) {
  static std::map<std::string, std::shared_ptr<const EmulatedObject>> objects;
  std::shared_ptr<const EmulatedObject>& object = objects[text];
  if (!object) object = std::make_shared<const EmulatedObject>(text);
  return object;
}

std::vector<EmulatedTensorMap> tensor_maps_of(const KernelLaunch& launch,
                                              const KernelParameters& values,
                                              std::span<const int64_t> dims) {
  std::vector<EmulatedTensorMap> maps;
  for (const TensorView& view : launch.views) {
    const BoundView bound = bind_view(view, dims);
    EmulatedTensorMap& map = maps.emplace_back();
    if (bound.is_empty()) continue;
    map.base = reinterpret_cast<const unsigned char*>(
                   values[static_cast<size_t>(view.buffer)]) +
               view.first * size_of(view.dtype);
    map.depth = static_cast<uint64_t>(bound.depth);
    map.lines = static_cast<uint64_t>(bound.lines);
    map.stride = static_cast<uint64_t>(bound.stride);
    map.tile_depth = static_cast<uint32_t>(view.tile_depth);
    map.tile_lines = static_cast<uint32_t>(view.tile_lines);
    map.element = static_cast<uint32_t>(size_of(view.dtype));
    map.swizzled = 1;
    const std::string wrong = complaint_about(map);
    LATHE_CHECK(wrong.empty(), "a tensor map is refused for its ", wrong);
  }
  return maps;
}

std::string emulate_kernel(void* code, const KernelLaunch& launch,
                           int64_t items, const KernelParameters& parameters,
                           uint64_t seed, int64_t most_blocks) {
  const int64_t blocks = (items + launch.items() - 1) / launch.items();
  return emulate({.blocks = static_cast<unsigned>(
                      std::min(blocks, most_blocks)),
                  .threads = static_cast<unsigned>(launch.threads),
                  .shared_bytes =
                      static_cast<unsigned long>(launch.shared_bytes),
                  .seed = seed},
                 [&] { call_kernel(code, parameters); });
}

}  // namespace lathe
