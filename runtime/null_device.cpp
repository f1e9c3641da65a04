#include "runtime/null_device.h"

#include <cstring>

#include "runtime/host_memory.h"
#include "spec/check.h"

namespace lathe {
namespace {

struct NullModule : Module {
  explicit NullModule(std::vector<KernelSource> sources)
      : kernels(std::move(sources)) {}
  CompileReport wait() override {
    return {.compiled = static_cast<int>(kernels.size())};
  }
  std::vector<KernelSource> kernels;
};

std::string to_line(const NullModule& module, const Launch& launch) {
  std::vector<std::string> dims;
  for (int64_t dim : launch.dims) dims.push_back(std::to_string(dim));
  return cat({"launch ", module.kernels[size_t(launch.kernel)].name,
              " items=", launch.items, " dims=[", join(dims, ", "), "]"});
}

class NullLaunches : public LaunchList {
 public:
  NullLaunches(const NullModule& module, std::vector<Launch> launches,
               DeviceLog& log)
      : module_(module), launches_(std::move(launches)), log_(log) {}

  std::optional<LaunchFault> run(std::span<void* const> buffers,
                                 std::vector<int64_t>* nanoseconds) override {
    for (const Launch& launch : launches_) {
      for (int buffer : launch.buffers) {
        LATHE_CHECK(buffers[size_t(buffer)] != nullptr, "buffer ", buffer,
                    " has no address");
      }
      log_.push_back(to_line(module_, launch));
    }
    if (nanoseconds) nanoseconds->assign(launches_.size(), 0);
    return std::nullopt;
  }

 private:
  const NullModule& module_;
  std::vector<Launch> launches_;
  DeviceLog& log_;
};

class NullDevice : public Device {
 public:
  explicit NullDevice(DeviceLog& log) : log_(log) {}

  std::string name() const override { return "null"; }
  Target target() const override { return target_preset("generic"); }
  bool shares_host_memory() const override { return false; }

  std::unique_ptr<Memory> allocate(int64_t bytes) override {
    log_.push_back(cat({"allocate ", bytes}));
    auto memory = allocate_host(bytes);
    // Nothing computes the outputs; they are zeros, not what was there.
    if (bytes > 0) std::memset(memory->data(), 0, static_cast<size_t>(bytes));
    return memory;
  }
  void upload(void* to, const void* from, int64_t bytes) override {
    log_.push_back(cat({"upload ", bytes}));
    if (bytes > 0) std::memcpy(to, from, static_cast<size_t>(bytes));
  }
  void download(void* to, const void* from, int64_t bytes) override {
    log_.push_back(cat({"download ", bytes}));
    if (bytes > 0) std::memcpy(to, from, static_cast<size_t>(bytes));
  }
  std::unique_ptr<Module> compile(const std::string&,
                                  std::vector<KernelSource> kernels) override {
    for (const KernelSource& kernel : kernels) {
      log_.push_back(cat({"compile ", kernel.name,
                          kernel.wanted_first ? " first" : ""}));
    }
    return std::make_unique<NullModule>(std::move(kernels));
  }
  std::unique_ptr<Module> load(std::vector<KernelSource> kernels,
                               std::vector<std::string> files) override {
    for (size_t i = 0; i < kernels.size(); ++i) {
      log_.push_back(cat({"load ", kernels[i].name, " from ", files[i]}));
    }
    return std::make_unique<NullModule>(std::move(kernels));
  }
  std::unique_ptr<LaunchList> schedule(Module& module,
                                       std::vector<Launch> launches) override {
    return std::make_unique<NullLaunches>(dynamic_cast<NullModule&>(module),
                                          std::move(launches), log_);
  }

 private:
  DeviceLog& log_;
};

}  // namespace

std::unique_ptr<Device> make_null_device(DeviceLog& log) {
  return std::make_unique<NullDevice>(log);
}

}  // namespace lathe
