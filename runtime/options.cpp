#include "runtime/options.h"

#include <unistd.h>

#include <cstdlib>
#include <initializer_list>

namespace lathe {
namespace {

// The variable's value; empty where it is not set.
std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

// XDG: a relative path is to be ignored.
std::string default_cache_dir() {
  if (std::string own = variable("LATHE_CACHE_DIR"); !own.empty()) return own;
  if (std::string xdg = variable("XDG_CACHE_HOME"); xdg.starts_with('/')) {
    return xdg + "/lathe";
  }
  if (std::string home = variable("HOME"); home.starts_with('/')) {
    return home + "/.cache/lathe";
  }
  return "";
}

// The values of those variables that are set, then `others`.
std::vector<std::string> folders(std::initializer_list<const char*> names,
                                 std::vector<std::string> others) {
  std::vector<std::string> found;
  for (const char* name : names) {
    if (std::string value = variable(name); value.starts_with('/')) {
      found.push_back(value);
    }
  }
  found.insert(found.end(), others.begin(), others.end());
  return found;
}

}  // namespace

Options options_from_environment() {
  Options options;
  options.cache_dir = default_cache_dir();
  options.compiler = variable("LATHE_CXX");
  options.search_path = variable("PATH");
  if (options.search_path.empty()) options.search_path = "/usr/bin:/bin";
  if (std::string temp = variable("TMPDIR"); temp.starts_with('/')) {
    options.temp_dir = temp;
  }
  options.cuda_library = variable("LATHE_CUDA_LIB");
  options.nvrtc_library = variable("LATHE_NVRTC_LIB");
  options.blas_lt_library = variable("LATHE_CUBLASLT_LIB");
  options.use_blas_lt = variable("LATHE_CUBLASLT") != "off";
  options.nccl_library = variable("LATHE_NCCL_LIB");
  options.cuda_homes =
      folders({"CUDA_HOME", "CUDA_PATH"}, {"/usr/local/cuda", "/opt/cuda"});
  options.python_prefixes =
      folders({"VIRTUAL_ENV", "CONDA_PREFIX"}, {"/usr/local", "/usr"});
  if (std::string home = variable("HOME"); home.starts_with('/')) {
    options.python_prefixes.push_back(home + "/.local");
  }
  return options;
}

std::vector<std::string> child_environment() {
  std::vector<std::string> result;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    // The rest of LC_ and LANG does not matter beside LC_ALL.
    if (!text.starts_with("LC_ALL=")) result.push_back(text);
  }
  result.push_back("LC_ALL=C");
  return result;
}

}  // namespace lathe
