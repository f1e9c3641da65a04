#include "runtime/host_compiler.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "runtime/process.h"
#include "spec/check.h"

namespace lathe {
namespace {

constexpr int kVersionSeconds = 30;

// Facts about the file at `path`, if it is a program.
std::optional<CompilerFile> program_at(const std::string& path) {
  struct stat facts;
  if (stat(path.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode) ||
      access(path.c_str(), X_OK) != 0) {
    return std::nullopt;
  }
  return CompilerFile{path, facts.st_size,
                      facts.st_mtim.tv_sec * int64_t{1'000'000'000} +
                          facts.st_mtim.tv_nsec};
}

// A name without a slash is looked up in the search path.
std::optional<CompilerFile> find_program(const std::string& name,
                                         const std::string& search_path) {
  if (name.find('/') != std::string::npos) return program_at(name);
  for (const std::string& folder : split(search_path, ':')) {
    // An empty entry would mean the current folder: not for a compiler.
    if (folder.empty()) continue;
    if (auto found = program_at(folder + "/" + name)) return found;
  }
  return std::nullopt;
}

// The first line that reports an error; the driver's own ("g++: fatal
// error: ...") have the same form.
std::string first_error_of(const std::string& log) {
  for (const std::string& line : split(log, '\n')) {
    if (line.find("error: ") != std::string::npos) return line;
  }
  return first_line(log);
}

// How a compile that gave no object ended, in one line.
std::string ending_of(const ProcessResult& result, int time_limit_seconds) {
  if (result.timed_out) {
    return cat({"it was not done after ", time_limit_seconds, " s"});
  }
  if (result.signal != 0) {
    return cat({"the compiler was ended by signal ", result.signal, " (",
                strsignal(result.signal), ")"});
  }
  const std::string said = first_error_of(result.output);
  if (!said.empty()) return said;
  return cat({"the compiler ended with status ", result.exit_status});
}

}  // namespace

std::optional<CompilerFile> find_compiler(const Options& options) {
  if (!options.compiler.empty()) {
    auto found = find_program(options.compiler, options.search_path);
    if (found) return found;
    throw DeviceError("L0601", cat({"there is no compiler `", options.compiler,
                                    "`, which LATHE_CXX names"}));
  }
  for (const char* name : {"c++", "g++", "clang++"}) {
    if (auto found = find_program(name, options.search_path)) return found;
  }
  return std::nullopt;
}

void fail_without_compiler() {
  throw DeviceError(
      "L0601",
      "there is no C++ compiler on this machine, and kernels are compiled "
      "where they run: install the package g++ or clang, or name a compiler "
      "in LATHE_CXX; `--device reference` needs none, but is slow");
}

std::string compiler_version(const CompilerFile& compiler) {
  const ProcessResult result =
      run_process({compiler.path, "--version"}, kVersionSeconds);
  if (result.exit_status != 0) {
    throw DeviceError("L0601",
                      cat({"`", compiler.path, " --version` fails: ",
                           ending_of(result, kVersionSeconds)}),
                      result.output);
  }
  return first_line(result.output);
}

const std::vector<std::string>& compile_flags() {
  static const std::vector<std::string> flags = {
      // -O2 -ftree-vectorize would compile in four fifths of the time, but
      // attention would run 7 % slower and rotary embeddings 20 %.
      "-std=c++17", "-O3",
#if defined(__aarch64__)
      "-mcpu=native",
#else
      "-march=native",
#endif
      // One rounding in a*b+c, no errno, no floating-point traps: speed
      // without a change of meaning. Never -ffast-math.
      "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math",
      // Integers of the model wrap.
      "-fwrapv",
      // The object stands alone: no start files, no libraries, nothing that
      // would call into one.
      "-fPIC", "-shared", "-nostdlib", "-fno-exceptions", "-fno-rtti",
      "-fno-stack-protector", "-fno-asynchronous-unwind-tables",
      // Loops that want unrolling say so. g++ would also unroll the scalar
      // copies that it keeps beside vectorised ones, and take ten times as
      // long for a matmul. clang does not know the parameter.
      "--param", "max-completely-peel-times=8",
      "-Wno-unused-command-line-argument", "-Wno-psabi", "-w"};
  return flags;
}

CompileResult compile_object(const CompilerFile& compiler,
                             const std::string& source,
                             const std::string& object,
                             int time_limit_seconds) {
  std::vector<std::string> argv = {compiler.path};
  argv.insert(argv.end(), compile_flags().begin(), compile_flags().end());
  argv.insert(argv.end(), {"-o", object, source});
  ProcessResult process = run_process(argv, time_limit_seconds);
  CompileResult result;
  result.ok = process.exit_status == 0;
  if (!result.ok) result.first_error = ending_of(process, time_limit_seconds);
  result.log = std::move(process.output);
  result.seconds = process.seconds;
  return result;
}

}  // namespace lathe
