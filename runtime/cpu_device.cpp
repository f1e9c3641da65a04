#include "runtime/cpu_device.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <optional>

#include "runtime/cpu_module.h"
#include "runtime/cpu_objects.h"
#include "runtime/cpu_schedule.h"
#include "runtime/host_memory.h"
#include "runtime/kernel_sources.h"
#include "runtime/machine.h"
#include "runtime/mapped_file.h"
#include "runtime/thread_pool.h"
#include "spec/check.h"

namespace lathe {
namespace {

class CpuDevice : public Device {
 public:
  CpuDevice(const Options& options, const Reporter& reporter)
      : options_(options),
        reporter_(reporter),
        machine_(describe_machine()),
        pool_(options.threads > 0 ? options.threads : machine_.cores) {}

  std::string name() const override { return "cpu"; }

  Target target() const override {
    return target_of(machine_, pool_.threads());
  }

  bool shares_host_memory() const override { return true; }

  std::unique_ptr<Memory> allocate(int64_t bytes) override {
    return allocate_host(bytes);
  }

  // On all threads: the source may be a mapped file, whose pages come in as
  // they are touched.
  void upload(void* to, const void* from, int64_t bytes) override {
    constexpr int64_t kReadAtOnce = int64_t{1} << 20;
    std::atomic<int64_t> next{0};
    const auto copy_pieces = [&] {
      for (int64_t at; (at = next.fetch_add(kReadAtOnce)) < bytes;) {
        std::memcpy(static_cast<std::byte*>(to) + at,
                    static_cast<const std::byte*>(from) + at,
                    static_cast<size_t>(std::min(kReadAtOnce, bytes - at)));
      }
    };
    bytes > 4 * kReadAtOnce ? pool_.run(copy_pieces) : copy_pieces();
  }

  void download(void* to, const void* from, int64_t bytes) override {
    if (bytes > 0) std::memcpy(to, from, static_cast<size_t>(bytes));
  }

  std::unique_ptr<Module> compile(const std::string& prelude,
                                  std::vector<KernelSource> kernels) override {
    // Not before the first model: many runs of lathe compile nothing.
    if (!tools_) tools_.emplace(options_, reporter_, machine_);
    return std::make_unique<CpuModule>(*tools_, prelude,
                                       std::move(kernels));
  }

  std::unique_ptr<Module> load(std::vector<KernelSource> kernels,
                               std::vector<std::string> files) override {
    return std::make_unique<CpuObjects>(kernels, files);
  }

  std::unique_ptr<LaunchList> schedule(Module& module,
                                     std::vector<Launch> launches) override {
    return std::make_unique<CpuSchedule>(dynamic_cast<CpuKernels&>(module),
                                         pool_, std::move(launches));
  }

 private:
  Options options_;
  Reporter reporter_;
  Machine machine_;
  ThreadPool pool_;
  std::optional<CpuToolchain> tools_;
};

}  // namespace

std::vector<std::string> compile_for_cpu(const Options& options,
                                         const Reporter& reporter,
                                         const Program& program) {
  Options fresh = options;
  fresh.cache_dir.clear();
  CpuToolchain tools(fresh, reporter, describe_machine());
  std::vector<KernelSource> sources = kernel_sources(program);
  const size_t count = sources.size();
  CpuModule module(tools, program.prelude, std::move(sources));
  std::map<std::string, std::string> contents;
  std::vector<std::string> objects;
  for (size_t i = 0; i < count; ++i) {
    const std::string path = module.object_path(static_cast<int>(i));
    if (!contents.contains(path)) contents[path] = read_text_file(path);
    objects.push_back(contents[path]);
  }
  return objects;
}

std::unique_ptr<Device> make_cpu_device(const Options& options,
                                        const Reporter& reporter) {
  return std::make_unique<CpuDevice>(options, reporter);
}

}  // namespace lathe
