#include "runtime/cuda/library_findings.h"

#if __has_include(<nccl.h>)
#include <nccl.h>
#endif

#include <cstdint>

#include "runtime/cuda/library.h"
#include "spec/text.h"

namespace lathe {
namespace {

// Its result is an enumeration; a build without the header knows it as a number.
#if __has_include(<nccl.h>)
using NcclVersionCall = decltype(&ncclGetVersion);
#else
using NcclVersionCall = int (*)(int*);
#endif

// "13.1.0" of 130100, as both libraries count.
std::string dotted(int64_t version) {
  return cat({version / 10000, ".", version / 100 % 100, ".", version % 100});
}

// `version_of` asks the library's function called `symbol`.
Finding finding_of(const char* what, const char* name,
                   const LibraryQuery& query, const char* symbol,
                   int64_t (*version_of)(void* function),
                   const char* advice) {
  std::string reason;
  const auto library = SharedLibrary::open(query, reason);
  void* function = library ? library->find(symbol) : nullptr;
  if (library && !function) reason = cat({name, " lacks ", symbol});
  if (!function) return {what, "none", cat({reason, "; ", advice})};
  const std::string path = library->path_of(function);
  return {what, cat({name, " ", dotted(version_of(function)), ", ", path}),
          ""};
}

}  // namespace

Finding blas_lt_finding(const Options& options) {
  return finding_of(
      "cuda products", "cuBLASLt",
      blas_lt_query(options),
      "cublasLtGetVersion",
      [](void* function) {
        return static_cast<int64_t>(
            reinterpret_cast<size_t (*)()>(function)());
      },
      "nothing to do: lathe's own kernels compute products");
}

Finding nccl_finding(const Options& options) {
  return finding_of(
      "between gpus", "NCCL",
      nccl_query(options),
      "ncclGetVersion",
      [](void* function) {
        int version = 0;
        (void)reinterpret_cast<NcclVersionCall>(function)(&version);
        return int64_t{version};
      },
      "one GPU needs none; for several install the package libnccl2 or the "
      "Python package nvidia-nccl-cu13, or name a libnccl.so.2 in "
      "LATHE_NCCL_LIB");
}

}  // namespace lathe
