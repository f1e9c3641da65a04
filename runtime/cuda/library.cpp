#include "runtime/cuda/library.h"

#include <dlfcn.h>

#include <algorithm>
#include <filesystem>

#include "spec/text.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

// Subfolders of `folder` whose names begin with `head`, in order.
std::vector<std::string> subfolders(const std::string& folder,
                                    const std::string& head = "") {
  std::vector<std::string> found;
  std::error_code error;
  for (const fs::directory_entry& entry :
       fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(head) && entry.is_directory(error)) {
      found.push_back(entry.path().string());
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

void add_python_packages(const std::string& prefix,
                         std::vector<std::string>& folders) {
  for (const std::string& python : subfolders(prefix + "/lib", "python3")) {
    for (const char* packages : {"/site-packages", "/dist-packages"}) {
      for (const std::string& part :
           subfolders(cat({python, packages, "/nvidia"}))) {
        folders.push_back(part + "/lib");
      }
    }
  }
}

std::string last_complaint() {
  const char* said = dlerror();
  return said ? said : "unknown";
}

}  // namespace

std::unique_ptr<SharedLibrary> SharedLibrary::open(const LibraryQuery& query,
                                                   std::string& reason) {
  // Never unloaded: CUDA's libraries keep threads and memory of their own.
  const auto load = [](const std::string& file) {
    return dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  };
  const auto made = [](void* handle) {
    return std::unique_ptr<SharedLibrary>(new SharedLibrary(handle));
  };
  if (!query.named.empty()) {
    if (void* handle = load(query.named)) return made(handle);
    reason = cat({"cannot load ", query.title, ", which ", query.variable,
                  " names: ", last_complaint()});
    return nullptr;
  }
  for (const std::string& name : query.names) {
    if (void* handle = load(name)) return made(handle);
  }
  std::string broken;
  for (const std::string& folder : query.folders) {
    for (const std::string& name : query.names) {
      const std::string file = cat({folder, "/", name});
      if (!fs::exists(file)) continue;
      if (void* handle = load(file)) return made(handle);
      broken = last_complaint();
    }
  }
  if (!broken.empty()) {
    reason = cat({"cannot load ", query.title, ": ", broken});
    return nullptr;
  }
  reason = cat({"there is no ", join(query.names, " or "), " (", query.title,
                ") on this machine"});
  return nullptr;
}

SharedLibrary::~SharedLibrary() { dlclose(handle_); }

void* SharedLibrary::find(const char* name) const {
  return dlsym(handle_, name);
}

std::string SharedLibrary::path_of(const void* function) const {
  Dl_info info;
  if (dladdr(function, &info) == 0 || info.dli_fname == nullptr) return "";
  std::error_code error;
  const fs::path real = fs::canonical(info.dli_fname, error);
  return error ? info.dli_fname : real.string();
}

std::vector<std::string> cuda_folders(const Options& options) {
  std::vector<std::string> folders;
  for (const std::string& toolkit : options.cuda_homes) {
    folders.push_back(toolkit + "/lib64");
    folders.push_back(toolkit + "/lib");
  }
  for (const std::string& prefix : options.python_prefixes) {
    add_python_packages(prefix, folders);
  }
  return folders;
}

LibraryQuery blas_lt_query(const Options& options) {
  return {.title = "NVIDIA's matrix products",
          .variable = "LATHE_CUBLASLT_LIB",
          .named = options.blas_lt_library,
          .names = {"libcublasLt.so.13", "libcublasLt.so.12"},
          .folders = cuda_folders(options)};
}

LibraryQuery nccl_query(const Options& options) {
  return {.title = "sums between GPUs",
          .variable = "LATHE_NCCL_LIB",
          .named = options.nccl_library,
          .names = {"libnccl.so.2"},
          .folders = cuda_folders(options)};
}

}  // namespace lathe
