#include "runtime/object_file.h"

#include <dlfcn.h>

namespace lathe {

std::shared_ptr<ObjectFile> ObjectFile::open(const std::string& path,
                                             std::string& reason) {
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* said = dlerror();
    reason = said ? said : "unknown";
    return nullptr;
  }
  return std::shared_ptr<ObjectFile>(new ObjectFile(handle, path));
}

ObjectFile::~ObjectFile() { dlclose(handle_); }

KernelFunction ObjectFile::find(const std::string& name) const {
  return reinterpret_cast<KernelFunction>(dlsym(handle_, name.c_str()));
}

}  // namespace lathe
