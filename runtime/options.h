#pragma once
// What a user can set about running, in one struct. Environment variables are
// read in options.cpp and nowhere else; the command line overrides them.

#include <string>
#include <vector>

namespace lathe {

struct Options {
  // "auto", "cpu", "cuda", "cuda:N" or "reference".
  std::string device = "auto";
  // What else there is, for the message that says there is no such GPU.
  std::string without_gpu = "auto, cpu and reference work";
  // Threads of the CPU device; 0: one for each core the process may use.
  int threads = 0;
  // Folder of compiled kernels; empty: none is known, nothing is kept.
  std::string cache_dir;
  // The host compiler as the user named it (LATHE_CXX); empty: find one.
  std::string compiler;
  // Where programs are looked for (PATH).
  std::string search_path;
  // Folder for files that do not outlive the process (TMPDIR).
  std::string temp_dir = "/tmp";
  // Files to load instead of those that are found; empty: find them.
  std::string cuda_library;   // LATHE_CUDA_LIB
  std::string nvrtc_library;  // LATHE_NVRTC_LIB
  std::string blas_lt_library;  // LATHE_CUBLASLT_LIB
  std::string nccl_library;     // LATHE_NCCL_LIB
  // Large products may be left to cuBLASLt where it is found; LATHE_CUBLASLT=off
  // keeps them in kernels of ours.
  bool use_blas_lt = true;
  // Where CUDA toolkits and Python packages may lie, best first.
  std::vector<std::string> cuda_homes;
  std::vector<std::string> python_prefixes;
  // A compile that takes longer is ended and reported.
  int compile_seconds = 300;
  // Kernels only from the generic loop nest, for tests and doubt.
  bool generic_only = false;
  // Time every step of a run.
  bool profile = false;
};

// The defaults with LATHE_CXX, LATHE_CACHE_DIR, XDG_CACHE_HOME, HOME, PATH,
// TMPDIR, LATHE_CUDA_LIB, LATHE_NVRTC_LIB, LATHE_CUBLASLT_LIB, LATHE_NCCL_LIB,
// LATHE_CUBLASLT, CUDA_HOME, CUDA_PATH, VIRTUAL_ENV and CONDA_PREFIX applied.
Options options_from_environment();

// Our own environment with messages in English, for programs we start and
// whose messages we read.
std::vector<std::string> child_environment();

}  // namespace lathe
