// A stand-in for libcublasLt.so: it refuses what the library refuses, and
// computes the rest on the host. An algorithm serves the shape that it was
// chosen for and no other; what a product would touch must be device memory.
#include "tests/fake_cuda/fake_blas_lt.h"

#include <cstring>
#include <functional>

#include "tests/fake_cuda/fake_cuda.h"
#include "tests/fake_cuda/fake_state.h"

using lathe::fake::FakeLayout;
using lathe::fake::FakeMatmul;
using lathe::fake::FakeProduct;
using lathe::fake::setting;
using lathe::fake::state;

namespace {

constexpr cublasStatus_t kOk = CUBLAS_STATUS_SUCCESS;
// Of what it would like to have; it must not get less.
constexpr size_t kWorkspace = 1024;

template <typename Object, typename Handle>
Object& of(Handle handle) {
  return *reinterpret_cast<Object*>(handle);
}

template <typename Object, typename Handle>
cublasStatus_t make(Handle* to, Object object) {
  ++state().objects;
  *to = reinterpret_cast<Handle>(new Object(std::move(object)));
  return kOk;
}

template <typename Object, typename Handle>
cublasStatus_t unmake(Handle handle) {
  --state().objects;
  delete reinterpret_cast<Object*>(handle);
  return kOk;
}

// The status of a call that LATHE_FAKE_FAIL names.
cublasStatus_t begin(const char* name, lathe::fake::FakeNeeds needs) {
  if (lathe::fake::begin_call(name, needs) == CUDA_SUCCESS) return kOk;
  return static_cast<cublasStatus_t>(
      setting("LATHE_FAKE_STATUS", CUBLAS_STATUS_INTERNAL_ERROR));
}

FakeProduct product_of(cublasLtMatmulDesc_t matmul, cublasLtMatrixLayout_t a,
                       cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c,
                       cublasLtMatrixLayout_t d) {
  return {of<FakeMatmul>(matmul), of<FakeLayout>(a), of<FakeLayout>(b),
          of<FakeLayout>(c), of<FakeLayout>(d)};
}

cublasStatus_t answer_here(const FakeProduct& product) {
  return lathe::fake::answer(product,
                             static_cast<int>(setting("LATHE_FAKE_SM", 90)));
}

uint64_t mark_of(const FakeProduct& product) {
  return std::hash<std::string>()(product.text());
}

bool is_there(const void* data, int64_t elements, int bytes) {
  return state().is_device_range(reinterpret_cast<CUdeviceptr>(data),
                                 static_cast<size_t>(elements * bytes));
}

// Everything that the product reads and writes lies in device memory.
bool is_all_there(const FakeProduct& p, const lathe::fake::FakeMemory& m) {
  const auto holds = [](const FakeLayout& layout, const void* data) {
    return reinterpret_cast<uintptr_t>(data) % 16 == 0 &&
           is_there(data, layout.elements(), lathe::fake::bytes_of(layout.type));
  };
  const auto scales = [&](const void* data, int32_t mode, int64_t lines) {
    return !data ||
           is_there(data, lathe::fake::scale_count(mode, lines, p.k()), 4);
  };
  const FakeMatmul& how = p.matmul;
  const bool biased = how.epilogue == CUBLASLT_EPILOGUE_BIAS;
  return holds(p.a, m.a) && holds(p.b, m.b) && holds(p.d, m.d) &&
         (m.beta == 0 || holds(p.c, m.c)) &&
         scales(how.scale_a, how.mode_a, p.m()) &&
         scales(how.scale_b, how.mode_b, p.n()) &&
         (!biased ||
          is_there(how.bias, p.m(),
                   lathe::fake::bytes_of(
                       static_cast<cudaDataType_t>(how.bias_type))));
}

struct Wishes {
  uint64_t workspace = 0;
};

}  // namespace

#define LATHE_FAKE_BLAS(name, needs)                                       \
  if (const cublasStatus_t failed = begin(name, lathe::fake::FakeNeeds::needs); \
      failed != kOk) {                                                     \
    return failed;                                                         \
  }

extern "C" {

size_t cublasLtGetVersion() {
  return static_cast<size_t>(setting("LATHE_FAKE_BLAS_VERSION", 130100));
}
const char* cublasLtGetStatusName(cublasStatus_t status) {
  switch (static_cast<int>(status)) {
    case CUBLAS_STATUS_ALLOC_FAILED:
      return "CUBLAS_STATUS_ALLOC_FAILED";
    case CUBLAS_STATUS_INVALID_VALUE:
      return "CUBLAS_STATUS_INVALID_VALUE";
    case CUBLAS_STATUS_NOT_SUPPORTED:
      return "CUBLAS_STATUS_NOT_SUPPORTED";
    default:
      return "CUBLAS_STATUS_INTERNAL_ERROR";
  }
}
const char* cublasLtGetStatusString(cublasStatus_t) {
  return "a status of the fake cuBLASLt";
}

cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
  LATHE_FAKE_BLAS("cublasLtCreate", kNoCapture)
  return make(handle, int{0});
}
cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) {
  return unmake<int>(handle);
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* matmul,
                                        cublasComputeType_t compute,
                                        cudaDataType_t scale_type) {
  LATHE_FAKE_BLAS("cublasLtMatmulDescCreate", kNothing)
  FakeMatmul made;
  made.compute = compute;
  made.scale_type = scale_type;
  return make(matmul, made);
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t matmul) {
  return unmake<FakeMatmul>(matmul);
}
cublasStatus_t cublasLtMatmulDescSetAttribute(
    cublasLtMatmulDesc_t matmul, cublasLtMatmulDescAttributes_t name,
    const void* value, size_t bytes) {
  LATHE_FAKE_BLAS("cublasLtMatmulDescSetAttribute", kNothing)
  auto& to = of<FakeMatmul>(matmul);
  const auto set = [&](auto& field) {
    if (bytes != sizeof field) return CUBLAS_STATUS_INVALID_VALUE;
    std::memcpy(&field, value, bytes);
    return kOk;
  };
  switch (static_cast<int>(name)) {
    case CUBLASLT_MATMUL_DESC_TRANSA:
      return set(to.transposes_a);
    case CUBLASLT_MATMUL_DESC_TRANSB:
      return set(to.transposes_b);
    case CUBLASLT_MATMUL_DESC_A_SCALE_MODE:
      return set(to.mode_a);
    case CUBLASLT_MATMUL_DESC_B_SCALE_MODE:
      return set(to.mode_b);
    case CUBLASLT_MATMUL_DESC_A_SCALE_POINTER:
      return set(to.scale_a);
    case CUBLASLT_MATMUL_DESC_B_SCALE_POINTER:
      return set(to.scale_b);
    case CUBLASLT_MATMUL_DESC_EPILOGUE:
      return set(to.epilogue);
    case CUBLASLT_MATMUL_DESC_BIAS_POINTER:
      return set(to.bias);
    case CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE:
      return set(to.bias_type);
    default:
      return CUBLAS_STATUS_INVALID_VALUE;
  }
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* layout,
                                          cudaDataType type, uint64_t rows,
                                          uint64_t columns, int64_t stride) {
  LATHE_FAKE_BLAS("cublasLtMatrixLayoutCreate", kNothing)
  return make(layout, FakeLayout{type, static_cast<int64_t>(rows),
                                 static_cast<int64_t>(columns), stride});
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) {
  return unmake<FakeLayout>(layout);
}

cublasStatus_t cublasLtMatmulPreferenceCreate(
    cublasLtMatmulPreference_t* wishes) {
  LATHE_FAKE_BLAS("cublasLtMatmulPreferenceCreate", kNothing)
  return make(wishes, Wishes{});
}
cublasStatus_t cublasLtMatmulPreferenceDestroy(
    cublasLtMatmulPreference_t wishes) {
  return unmake<Wishes>(wishes);
}
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(
    cublasLtMatmulPreference_t wishes,
    cublasLtMatmulPreferenceAttributes_t name, const void* value,
    size_t bytes) {
  LATHE_FAKE_BLAS("cublasLtMatmulPreferenceSetAttribute", kNothing)
  if (name == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES) {
    if (bytes != 8) return CUBLAS_STATUS_INVALID_VALUE;
    std::memcpy(&of<Wishes>(wishes).workspace, value, bytes);
    return kOk;
  }
  return bytes == 4 ? kOk : CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(
    cublasLtHandle_t, cublasLtMatmulDesc_t matmul, cublasLtMatrixLayout_t a,
    cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c,
    cublasLtMatrixLayout_t d, cublasLtMatmulPreference_t wishes, int asked,
    cublasLtMatmulHeuristicResult_t* results, int* found) {
  LATHE_FAKE_BLAS("cublasLtMatmulAlgoGetHeuristic", kContext)
  *found = 0;
  const FakeProduct product = product_of(matmul, a, b, c, d);
  const cublasStatus_t status = answer_here(product);
  lathe::fake::log_line("heuristic " + product.text() +
                        (status == kOk ? "" : " refused"));
  if (status != kOk) return status;
  if (asked < 1 || of<Wishes>(wishes).workspace < kWorkspace) return kOk;
  results[0] = {};
  results[0].algo.data[0] = mark_of(product);
  results[0].workspaceSize = kWorkspace;
  results[0].state = kOk;
  *found = 1;
  return kOk;
}

cublasStatus_t cublasLtMatmul(
    cublasLtHandle_t, cublasLtMatmulDesc_t matmul, const void* alpha,
    const void* a, cublasLtMatrixLayout_t a_layout, const void* b,
    cublasLtMatrixLayout_t b_layout, const void* beta, const void* c,
    cublasLtMatrixLayout_t c_layout, void* d, cublasLtMatrixLayout_t d_layout,
    const cublasLtMatmulAlgo_t* algorithm, void* workspace,
    size_t workspace_bytes, cudaStream_t stream) {
  LATHE_FAKE_BLAS("cublasLtMatmul", kContext)
  const FakeProduct product =
      product_of(matmul, a_layout, b_layout, c_layout, d_layout);
  if (const cublasStatus_t status = answer_here(product); status != kOk) {
    return status;
  }
  lathe::fake::FakeMemory memory{a, b, c, d, 1, 0};
  std::memcpy(&memory.alpha, alpha, sizeof memory.alpha);
  std::memcpy(&memory.beta, beta, sizeof memory.beta);
  const bool fits = algorithm->data[0] == mark_of(product) &&
                    workspace_bytes >= kWorkspace &&
                    is_there(workspace, static_cast<int64_t>(workspace_bytes), 1);
  if (!fits) return CUBLAS_STATUS_INVALID_VALUE;
  if (!is_all_there(product, memory)) {
    lathe::fake::log_line("product " + product.text() + " out of bounds");
    return CUBLAS_STATUS_EXECUTION_FAILED;
  }
  const auto run = [product, memory, workspace, workspace_bytes] {
    lathe::fake::log_line("product " + product.text());
    // Whoever keeps something there finds it gone.
    std::memset(workspace, 0xff, workspace_bytes);
    lathe::fake::compute(product, memory);
    return CUDA_SUCCESS;
  };
  const CUresult put = lathe::fake::put(reinterpret_cast<CUstream>(stream),
                                        {"product " + product.text(), run});
  return put == CUDA_SUCCESS ? kOk : CUBLAS_STATUS_EXECUTION_FAILED;
}

}  // extern "C"
