#include "runtime/cpu_objects.h"

#include <map>

#include "spec/check.h"

namespace lathe {

CpuObjects::CpuObjects(const std::vector<KernelSource>& kernels,
                       const std::vector<std::string>& files) {
  std::map<std::string, std::shared_ptr<ObjectFile>> open;
  for (size_t i = 0; i < kernels.size(); ++i) {
    std::shared_ptr<ObjectFile>& object = open[files[i]];
    std::string reason;
    if (!object) object = ObjectFile::open(files[i], reason);
    if (!object) {
      throw DeviceError("L0602",
                        cat({"cannot load compiled kernels: ", reason}));
    }
    functions_.push_back(object->find(kernels[i].name));
    if (functions_.back() != nullptr) continue;
    throw DeviceError("L0602", cat({"there is no kernel ", kernels[i].name,
                                    " in ", files[i]}));
  }
  for (auto& [file, object] : open) objects_.push_back(std::move(object));
}

CompileReport CpuObjects::wait() {
  return {.packed = static_cast<int>(functions_.size())};
}

KernelFunction CpuObjects::function(int kernel) {
  return functions_[static_cast<size_t>(kernel)];
}

}  // namespace lathe
