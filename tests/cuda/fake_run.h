#pragma once
// The binary in a process of its own, on the fake driver and libraries.

#include <cstdlib>
#include <filesystem>
#include <string>

#include "tests/support/paths.h"
#include "tests/support/temp_folder.h"

namespace lathe {

struct Said {
  int status = 0;
  std::string text;  // both streams
};

// Runs the binary on the fake driver; `environment` is put before it.
inline Said lathe(const TempFolder& folder, const std::string& arguments,
           const std::string& environment = "") {
  const std::string out = folder.file("out");
  const std::string command =
      "LATHE_CUDA_LIB='" LATHE_FAKE_CUDA "' LATHE_NVRTC_LIB='" LATHE_FAKE_CUDA
      "' LATHE_CUBLASLT_LIB='" LATHE_FAKE_CUDA "' " +
      environment + " '" LATHE_BINARY "' " + arguments + " --cache-dir '" +
      folder.file("cache") + "' >'" + out + "' 2>&1";
  const int status = std::system(command.c_str());
  return {WEXITSTATUS(status), file_bytes(out)};
}

inline std::string example(const std::string& name) {
  return "'" + (source_dir() / "examples" / name).string() + "'";
}

inline bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace lathe
