#pragma once
// The machine's C++ compiler as a function from a source file to a shared
// object. Found on the search path, started without a shell, held to a time
// limit. Keeps nothing: that is the cache's work.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/options.h"

namespace lathe {

// The program file; `size` and `mtime` change when it is replaced.
struct CompilerFile {
  std::string path;
  int64_t size = 0;
  int64_t mtime = 0;  // nanoseconds
};

// Options::compiler, else c++, g++ or clang++ on the search path. Nothing if
// there is none. Throws DeviceError L0601 if the user named one that is not
// there.
std::optional<CompilerFile> find_compiler(const Options& options);

// The error for a machine without compiler: what to install.
[[noreturn]] void fail_without_compiler();

// First line of `--version`. Starts a process; ask the cache first.
std::string compiler_version(const CompilerFile& compiler);

// What every kernel is compiled with, without file names.
const std::vector<std::string>& compile_flags();

// How a compile ended.
struct CompileResult {
  bool ok = false;
  std::string first_error;  // the compiler's first error, or how it ended
  std::string log;          // all it said
  double seconds = 0;
};

// Compiles `source` to the shared object `object`. Never throws for what the
// compiler does; throws DeviceError L0601 if it cannot be started.
CompileResult compile_object(const CompilerFile& compiler,
                             const std::string& source,
                             const std::string& object, int time_limit_seconds);

}  // namespace lathe
