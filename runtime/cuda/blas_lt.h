#pragma once
// cuBLASLt's functions that lathe calls, found in libcublasLt.so at run time,
// and its objects as C++ objects. A matrix is stored by columns there, so a
// product is asked for transposed: result' = right * left'.

#include <cublasLt.h>

#include <memory>
#include <string>
#include <utility>

#include "runtime/cuda/library.h"
#include "runtime/cuda/load_calls.h"

namespace lathe::cuda {

#define LATHE_BLAS_LT_CALLS(X)         \
  X(cublasLtGetVersion)                \
  X(cublasLtGetStatusName)             \
  X(cublasLtGetStatusString)           \
  X(cublasLtCreate)                    \
  X(cublasLtDestroy)                   \
  X(cublasLtMatmulDescCreate)          \
  X(cublasLtMatmulDescDestroy)         \
  X(cublasLtMatmulDescSetAttribute)    \
  X(cublasLtMatrixLayoutCreate)        \
  X(cublasLtMatrixLayoutDestroy)       \
  X(cublasLtMatmulPreferenceCreate)    \
  X(cublasLtMatmulPreferenceDestroy)   \
  X(cublasLtMatmulPreferenceSetAttribute) \
  X(cublasLtMatmulAlgoGetHeuristic)    \
  X(cublasLtMatmul)

// The loaded library.
struct BlasLt {
  LATHE_BLAS_LT_CALLS(LATHE_CALL_MEMBER)

  std::unique_ptr<SharedLibrary> library;

  // Null if there is none that fits, and `reason` says why.
  static std::shared_ptr<const BlasLt> load(const Options& options,
                                            std::string& reason);

  // "CUBLAS_STATUS_ALLOC_FAILED: the resource allocation failed".
  std::string text_of(cublasStatus_t status) const;
  // Throws DeviceError unless the status is success: L0702 when memory is
  // short, else L0703. `call` names the function, `place` may say where in the
  // model.
  void check(cublasStatus_t status, const char* call,
             const std::string& place = "") const;
};

using BlasLtRef = std::shared_ptr<const BlasLt>;

// One of its objects, which `destroy` ends.
template <typename Handle>
class BlasLtObject {
 public:
  using Destroy = cublasStatus_t (*)(Handle);

  BlasLtObject() = default;
  BlasLtObject(Handle handle, Destroy destroy)
      : handle_(handle), destroy_(destroy) {}
  ~BlasLtObject() {
    if (handle_) (void)destroy_(handle_);
  }
  BlasLtObject(BlasLtObject&& other) noexcept
      : handle_(other.handle_), destroy_(other.destroy_) {
    other.handle_ = nullptr;
  }
  BlasLtObject& operator=(BlasLtObject&& other) noexcept {
    std::swap(handle_, other.handle_);
    std::swap(destroy_, other.destroy_);
    return *this;
  }

  Handle get() const { return handle_; }

 private:
  Handle handle_ = nullptr;
  Destroy destroy_ = nullptr;
};

}  // namespace lathe::cuda
