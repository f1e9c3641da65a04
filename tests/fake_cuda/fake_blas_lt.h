#pragma once
// What the stand-in for cuBLASLt holds behind its handles, and what it says of
// a product: the rules that the library's header states and its users report.

#include <cublasLt.h>

#include <string>

namespace lathe::fake {

struct FakeMatmul {
  cublasComputeType_t compute = CUBLAS_COMPUTE_32F;
  cudaDataType_t scale_type = CUDA_R_32F;
  int32_t transposes_a = 0, transposes_b = 0;
  int32_t mode_a = 0, mode_b = 0;  // of the scales
  const void* scale_a = nullptr;
  const void* scale_b = nullptr;
  int32_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  const void* bias = nullptr;
  int32_t bias_type = -1;
};

struct FakeLayout {
  cudaDataType_t type = CUDA_R_32F;
  int64_t rows = 0, columns = 0, stride = 0;

  int64_t elements() const {
    return columns == 0 ? 0 : (columns - 1) * stride + rows;
  }
};

// D[m, n] = A B, as columns lie in memory.
struct FakeProduct {
  FakeMatmul matmul;
  FakeLayout a, b, c, d;

  int64_t m() const { return d.rows; }
  int64_t n() const { return d.columns; }
  int64_t k() const { return matmul.transposes_a ? a.rows : a.columns; }
  // "512x129x1024 8x8 bits to 16, scales 5 4".
  std::string text() const;
};

// CUBLAS_STATUS_SUCCESS for a product that a GPU of this compute capability
// computes.
cublasStatus_t answer(const FakeProduct& product, int sm);

// Floats that the scales of a side have, whose lines are `lines`.
int64_t scale_count(int32_t mode, int64_t lines, int64_t depth);

int bytes_of(cudaDataType_t type);

// Computes it. Requires: answer() is success and every address holds all.
struct FakeMemory {
  const void* a = nullptr;
  const void* b = nullptr;
  const void* c = nullptr;
  void* d = nullptr;
  float alpha = 1, beta = 0;
};
void compute(const FakeProduct& product, const FakeMemory& memory);

}  // namespace lathe::fake
