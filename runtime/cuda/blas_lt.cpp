#include "runtime/cuda/blas_lt.h"

#include <map>
#include <vector>

#include "runtime/cuda/product_library.h"
#include "spec/check.h"

namespace lathe::cuda {
namespace {

// What our memory and strides promise: see library_modes.cpp.
constexpr uint32_t kAlignment = 16;
// Stands for an address that is not known yet. Heuristics look whether there
// is one and how it is aligned, never what it holds.
const void* const kSomeAddress = reinterpret_cast<const void*>(uintptr_t{256});

cudaDataType_t library_type(DType dtype) {
  switch (static_cast<int>(dtype)) {
    case static_cast<int>(DType::kBFloat16):
      return CUDA_R_16BF;
    case static_cast<int>(DType::kFloat16):
      return CUDA_R_16F;
    case static_cast<int>(DType::kFloat8E4M3FN):
      return CUDA_R_8F_E4M3;
    case static_cast<int>(DType::kFloat8E5M2):
      return CUDA_R_8F_E5M2;
    default:
      LATHE_CHECK(dtype == DType::kFloat32, "no product of ",
                  to_string(dtype));
      return CUDA_R_32F;
  }
}

int32_t mode_of(ProductScale scale) {
  switch (scale) {
    case ProductScale::kNone:
    case ProductScale::kScalar:
      return CUBLASLT_MATMUL_MATRIX_SCALE_SCALAR_32F;
    case ProductScale::kLines:
      return CUBLASLT_MATMUL_MATRIX_SCALE_OUTER_VEC_32F;
    case ProductScale::kDepth128:
      return CUBLASLT_MATMUL_MATRIX_SCALE_VEC128_32F;
    case ProductScale::kBlock128:
      return CUBLASLT_MATMUL_MATRIX_SCALE_BLK128x128_32F;
  }
  return 0;
}

class BlasLtPlan : public ProductPlan {
 public:
  BlasLtPlan(BlasLtRef calls, cublasLtHandle_t handle,
             const BoundProduct& product)
      : calls_(std::move(calls)), handle_(handle), form_(product.form) {
    make_description();
    const auto rows = static_cast<uint64_t>(product.rows);
    const auto columns = static_cast<uint64_t>(product.columns);
    const auto depth = static_cast<uint64_t>(product.depth);
    right_ = side_layout(form_.right, columns, depth, product.right_stride);
    left_ = side_layout(form_.left, rows, depth, product.left_stride);
    result_ = layout(form_.result, columns, rows, product.result_stride);
  }

  // Chooses an algorithm. False, with the status, if there is none.
  bool choose(cublasStatus_t& status) {
    BlasLtObject<cublasLtMatmulPreference_t> wishes = preference();
    cublasLtMatmulHeuristicResult_t found = {};
    int count = 0;
    status = calls_->cublasLtMatmulAlgoGetHeuristic(
        handle_, description_.get(), right_.get(), left_.get(), result_.get(),
        result_.get(), wishes.get(), 1, &found, &count);
    if (status == CUBLAS_STATUS_SUCCESS && count == 0) {
      status = CUBLAS_STATUS_NOT_SUPPORTED;
    }
    if (status == CUBLAS_STATUS_SUCCESS) status = found.state;
    algorithm_ = found.algo;
    return status == CUBLAS_STATUS_SUCCESS;
  }

  void run(std::span<const uint64_t> buffers, const Stream& stream,
           const std::string& place) const override {
    size_t next = 3;
    const auto pointer = [&](size_t i) {
      return reinterpret_cast<void*>(buffers[i]);
    };
    const auto point = [&](cublasLtMatmulDescAttributes_t name) {
      const void* address = pointer(next++);
      set(name, &address, sizeof address, place);
    };
    if (form_.left.scale != ProductScale::kNone) {
      point(CUBLASLT_MATMUL_DESC_B_SCALE_POINTER);
    }
    if (form_.right.scale != ProductScale::kNone) {
      point(CUBLASLT_MATMUL_DESC_A_SCALE_POINTER);
    }
    if (form_.bias) point(CUBLASLT_MATMUL_DESC_BIAS_POINTER);
    const void* added = form_.adds ? pointer(next++) : pointer(2);
    const float one = 1, beta = form_.adds ? 1 : 0;
    calls_->check(
        calls_->cublasLtMatmul(
            handle_, description_.get(), &one, pointer(1), right_.get(),
            pointer(0), left_.get(), &beta, added, result_.get(), pointer(2),
            result_.get(), &algorithm_, pointer(next), kProductWorkspace,
            reinterpret_cast<cudaStream_t>(stream.get())),
        "cublasLtMatmul", place);
  }

 private:
  void set(cublasLtMatmulDescAttributes_t name, const void* value,
           size_t bytes, const std::string& place = "") const {
    calls_->check(calls_->cublasLtMatmulDescSetAttribute(description_.get(),
                                                         name, value, bytes),
                  "cublasLtMatmulDescSetAttribute", place);
  }

  template <typename T>
  void set_to(cublasLtMatmulDescAttributes_t name, T value) const {
    set(name, &value, sizeof value);
  }

  void make_description() {
    cublasLtMatmulDesc_t made = nullptr;
    calls_->check(calls_->cublasLtMatmulDescCreate(&made, CUBLAS_COMPUTE_32F,
                                                   CUDA_R_32F),
                  "cublasLtMatmulDescCreate");
    description_ = {made, calls_->cublasLtMatmulDescDestroy};
    // A side along the depth is depth x lines by columns: the right one is
    // then transposed, the left one is as it should be.
    set_to(CUBLASLT_MATMUL_DESC_TRANSA,
           int32_t{form_.right.along_depth ? CUBLAS_OP_T : CUBLAS_OP_N});
    set_to(CUBLASLT_MATMUL_DESC_TRANSB,
           int32_t{form_.left.along_depth ? CUBLAS_OP_N : CUBLAS_OP_T});
    if (form_.right.scale != ProductScale::kNone) {
      set_to(CUBLASLT_MATMUL_DESC_A_SCALE_MODE, mode_of(form_.right.scale));
      set_to(CUBLASLT_MATMUL_DESC_A_SCALE_POINTER, kSomeAddress);
    }
    if (form_.left.scale != ProductScale::kNone) {
      set_to(CUBLASLT_MATMUL_DESC_B_SCALE_MODE, mode_of(form_.left.scale));
      set_to(CUBLASLT_MATMUL_DESC_B_SCALE_POINTER, kSomeAddress);
    }
    if (!form_.bias) return;
    set_to(CUBLASLT_MATMUL_DESC_EPILOGUE, int32_t{CUBLASLT_EPILOGUE_BIAS});
    set_to(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE,
           int32_t{library_type(*form_.bias)});
    set_to(CUBLASLT_MATMUL_DESC_BIAS_POINTER, kSomeAddress);
  }

  BlasLtObject<cublasLtMatrixLayout_t> layout(DType dtype, uint64_t rows,
                                              uint64_t columns,
                                              int64_t stride) const {
    cublasLtMatrixLayout_t made = nullptr;
    calls_->check(calls_->cublasLtMatrixLayoutCreate(&made, library_type(dtype),
                                                     rows, columns, stride),
                  "cublasLtMatrixLayoutCreate");
    return {made, calls_->cublasLtMatrixLayoutDestroy};
  }

  BlasLtObject<cublasLtMatrixLayout_t> side_layout(const ProductSide& side,
                                                   uint64_t lines,
                                                   uint64_t depth,
                                                   int64_t stride) const {
    return side.along_depth ? layout(side.dtype, depth, lines, stride)
                            : layout(side.dtype, lines, depth, stride);
  }

  BlasLtObject<cublasLtMatmulPreference_t> preference() const {
    cublasLtMatmulPreference_t made = nullptr;
    calls_->check(calls_->cublasLtMatmulPreferenceCreate(&made),
                  "cublasLtMatmulPreferenceCreate");
    BlasLtObject<cublasLtMatmulPreference_t> wishes(
        made, calls_->cublasLtMatmulPreferenceDestroy);
    const auto wish = [&](cublasLtMatmulPreferenceAttributes_t name,
                          const void* value, size_t bytes) {
      calls_->check(calls_->cublasLtMatmulPreferenceSetAttribute(made, name,
                                                                 value, bytes),
                    "cublasLtMatmulPreferenceSetAttribute");
    };
    const auto most = static_cast<uint64_t>(kProductWorkspace);
    wish(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &most, sizeof most);
    for (const auto name : {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES,
                            CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
                            CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES,
                            CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES}) {
      wish(name, &kAlignment, sizeof kAlignment);
    }
    return wishes;
  }

  BlasLtRef calls_;
  cublasLtHandle_t handle_;
  ProductForm form_;
  BlasLtObject<cublasLtMatmulDesc_t> description_;
  BlasLtObject<cublasLtMatrixLayout_t> left_, right_, result_;
  cublasLtMatmulAlgo_t algorithm_ = {};
};

class BlasLtProducts : public ProductLibrary {
 public:
  BlasLtProducts(BlasLtRef calls, ContextRef context)
      : calls_(std::move(calls)), context_(std::move(context)) {
    context_->use();
    cublasLtHandle_t made = nullptr;
    calls_->check(calls_->cublasLtCreate(&made), "cublasLtCreate",
                  "products (LATHE_CUBLASLT=off does without it)");
    handle_ = {made, calls_->cublasLtDestroy};
  }

  const ProductPlan* plan(const BoundProduct& product,
                          std::string& reason) override {
    const auto version = static_cast<int64_t>(calls_->cublasLtGetVersion());
    if (version < product.version) {
      reason = cat({"cuBLASLt ", version, " is too old, ", product.version,
                    " has it"});
      return nullptr;
    }
    const auto [place, is_new] = plans_.try_emplace(to_string(product));
    Known& known = place->second;
    if (is_new) make(product, known);
    reason = known.reason;
    return known.plan.get();
  }

 private:
  // A shape that was asked for before.
  struct Known {
    std::unique_ptr<BlasLtPlan> plan;
    std::string reason;
  };

  void make(const BoundProduct& product, Known& known) {
    context_->use();
    auto plan =
        std::make_unique<BlasLtPlan>(calls_, handle_.get(), product);
    cublasStatus_t status = CUBLAS_STATUS_SUCCESS;
    if (plan->choose(status)) {
      known.plan = std::move(plan);
      return;
    }
    if (status != CUBLAS_STATUS_NOT_SUPPORTED &&
        status != CUBLAS_STATUS_INVALID_VALUE) {
      calls_->check(status, "cublasLtMatmulAlgoGetHeuristic",
                    to_string(product));
    }
    known.reason = cat({"cublasLtMatmulAlgoGetHeuristic answers ",
                        calls_->text_of(status)});
  }

  BlasLtRef calls_;
  ContextRef context_;
  BlasLtObject<cublasLtHandle_t> handle_;
  std::map<std::string, Known> plans_;
};

}  // namespace

std::shared_ptr<const BlasLt> BlasLt::load(const Options& options,
                                           std::string& reason) {
  auto calls = std::make_shared<BlasLt>();
  calls->library = SharedLibrary::open(blas_lt_query(options), reason);
  if (!calls->library) return nullptr;
#define LATHE_LOAD(name) LATHE_LOAD_CALL(*calls, "cuBLASLt", name)
  LATHE_BLAS_LT_CALLS(LATHE_LOAD)
#undef LATHE_LOAD
  return calls;
}

std::string BlasLt::text_of(cublasStatus_t status) const {
  return cat({cublasLtGetStatusName(status), ": ",
              cublasLtGetStatusString(status)});
}

void BlasLt::check(cublasStatus_t status, const char* call,
                   const std::string& place) const {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  const bool short_of_memory = status == CUBLAS_STATUS_ALLOC_FAILED;
  call_failed(short_of_memory ? "L0702" : "L0703", call, place, text_of(status));
}

std::unique_ptr<ProductLibrary> open_product_library(const Options& options,
                                                     const ContextRef& context,
                                                     std::string& reason) {
  if (!options.use_blas_lt) {
    reason = "LATHE_CUBLASLT is off";
    return nullptr;
  }
  BlasLtRef calls = BlasLt::load(options, reason);
  if (!calls) return nullptr;
  return std::make_unique<BlasLtProducts>(std::move(calls), context);
}

}  // namespace lathe::cuda
