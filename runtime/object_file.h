#pragma once
// A shared object of compiled kernels in this process; closed when the last
// holder goes.

#include <memory>
#include <string>

#include "codegen/kernel_abi.h"

namespace lathe {

class ObjectFile {
 public:
  // Null if the file cannot be loaded; `reason` says why.
  static std::shared_ptr<ObjectFile> open(const std::string& path,
                                          std::string& reason);
  ~ObjectFile();
  ObjectFile(const ObjectFile&) = delete;
  ObjectFile& operator=(const ObjectFile&) = delete;

  // The kernel called `name`, or null.
  KernelFunction find(const std::string& name) const;

 private:
  explicit ObjectFile(void* handle) : handle_(handle) {}
  void* handle_;
};

}  // namespace lathe
