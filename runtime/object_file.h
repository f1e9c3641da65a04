#pragma once
// A shared object of compiled kernels in this process; closed when the last
// holder goes.

#include <memory>
#include <string>
#include <utility>

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

  const std::string& path() const { return path_; }

  // The kernel called `name`, or null.
  KernelFunction find(const std::string& name) const;

 private:
  ObjectFile(void* handle, std::string path)
      : handle_(handle), path_(std::move(path)) {}
  void* handle_;
  std::string path_;
};

}  // namespace lathe
