// NVRTC's calls: the host compiler makes a shared object of the same text.
#include <nvrtc.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "tests/fake_cuda/fake_cuda.h"

namespace fs = std::filesystem;

namespace {

struct FakeProgram {
  std::string text;
  std::map<std::string, std::string> headers;
  std::string log, cubin;
};

FakeProgram& of(nvrtcProgram program) {
  return *reinterpret_cast<FakeProgram*>(program);
}

std::string read_all(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Runs a command; its output and whether it succeeded.
bool run(const std::string& command, std::string& output) {
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (!pipe) return false;
  char buffer[4096];
  while (size_t n = fread(buffer, 1, sizeof buffer, pipe)) {
    output.append(buffer, n);
  }
  return pclose(pipe) == 0;
}

// A folder for one compile, removed with the object.
struct Folder {
  fs::path path;
  Folder() {
    std::string name =
        (fs::temp_directory_path() / "lathe-fake-XXXXXX").string();
    if (mkdtemp(name.data())) path = name;
  }
  ~Folder() {
    std::error_code ignored;
    if (!path.empty()) fs::remove_all(path, ignored);
  }
};

// The project's own where that has sanitizers, else what users have.
std::string compiler() {
  const std::string own = LATHE_FAKE_COMPILER;
  if (!own.empty()) return own;
  const char* named = std::getenv("LATHE_CXX");
  return named && *named ? named : "c++";
}

}  // namespace

extern "C" {

nvrtcResult nvrtcVersion(int* major, int* minor) {
  *major = 13;
  *minor = 0;
  return NVRTC_SUCCESS;
}

const char* nvrtcGetErrorString(nvrtcResult result) {
  return result == NVRTC_SUCCESS ? "NVRTC_SUCCESS" : "NVRTC_ERROR (fake)";
}

nvrtcResult nvrtcCreateProgram(nvrtcProgram* program, const char* text,
                               const char*, int count,
                               const char* const* headers,
                               const char* const* names) {
  auto made = new FakeProgram{text, {}, "", ""};
  for (int i = 0; i < count; ++i) made->headers[names[i]] = headers[i];
  *program = reinterpret_cast<nvrtcProgram>(made);
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcCompileProgram(nvrtcProgram handle, int,
                                const char* const*) {
  FakeProgram& program = of(handle);
  const char* bad = std::getenv("LATHE_FAKE_BAD_KERNEL");
  if (bad && program.text.find(bad) != std::string::npos) {
    program.log = std::string("error: the fake compiler was told of ") + bad;
    return NVRTC_ERROR_COMPILATION;
  }
  Folder folder;
  if (folder.path.empty()) return NVRTC_ERROR_OUT_OF_MEMORY;
  for (const auto& [name, text] : program.headers) {
    std::ofstream(folder.path / name) << text;
  }
  const fs::path source = folder.path / "kernel.cpp";
  const fs::path object = folder.path / "kernel.so";
  std::ofstream(source) << program.text;
  const std::string command =
      compiler() + " -std=c++17 -O1 -w -fPIC -shared -fwrapv -ffp-contract=off"
      " -DLATHE_EMULATED " LATHE_FAKE_FLAGS " -I'" LATHE_SOURCE_DIR
      "' -I'" LATHE_SOURCE_DIR "/tests/emulator' -I'" +
      folder.path.string() + "' -o '" + object.string() + "' '" +
      source.string() + "'";
  if (!run(command, program.log)) return NVRTC_ERROR_COMPILATION;
  program.cubin = lathe::fake::make_image(
      lathe::fake::entries_of(program.text), read_all(object));
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcGetCUBINSize(nvrtcProgram program, size_t* size) {
  *size = of(program).cubin.size();
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcGetCUBIN(nvrtcProgram program, char* to) {
  std::memcpy(to, of(program).cubin.data(), of(program).cubin.size());
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcGetProgramLogSize(nvrtcProgram program, size_t* size) {
  *size = of(program).log.size() + 1;
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcGetProgramLog(nvrtcProgram program, char* to) {
  std::memcpy(to, of(program).log.c_str(), of(program).log.size() + 1);
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcDestroyProgram(nvrtcProgram* program) {
  delete reinterpret_cast<FakeProgram*>(*program);
  *program = nullptr;
  return NVRTC_SUCCESS;
}

}  // extern "C"
