#pragma once
// Finding a shared library that is not ours at run time. lathe links none of
// CUDA: one binary starts on machines with and without it.

#include <memory>
#include <string>
#include <vector>

#include "runtime/options.h"

namespace lathe {

// What to look for and where. Tried in this order: the file that the user
// named; the loader's own search for each name; the folders of toolkits and
// of Python packages, which hold the name.
struct LibraryQuery {
  std::string title;     // "the CUDA driver"
  std::string variable;  // "LATHE_CUDA_LIB"
  std::string named;     // its value; empty: not set
  std::vector<std::string> names;  // "libnvrtc.so.13"
  std::vector<std::string> folders;
};

// A loaded library; closed with the object.
class SharedLibrary {
 public:
  // Null if there is none, and `reason` says what was tried.
  static std::unique_ptr<SharedLibrary> open(const LibraryQuery& query,
                                             std::string& reason);
  ~SharedLibrary();
  SharedLibrary(const SharedLibrary&) = delete;
  SharedLibrary& operator=(const SharedLibrary&) = delete;

  // The function's address, or null.
  void* find(const char* name) const;

  // The file that a function of the library comes from.
  std::string path_of(const void* function) const;

 private:
  explicit SharedLibrary(void* handle) : handle_(handle) {}
  void* handle_;
};

// Where to look for CUDA's libraries beside the loader's own folders: the
// toolkit, and Python packages (site-packages/nvidia/*/lib).
std::vector<std::string> cuda_folders(const Options& options);

// NVIDIA's matrix products, and sums between GPUs.
LibraryQuery blas_lt_query(const Options& options);
LibraryQuery nccl_query(const Options& options);

}  // namespace lathe
