// The rules and the arithmetic of the stand-in for cuBLASLt.
#include <algorithm>
#include <cstring>
#include <vector>

#include "spec/dtype.h"
#include "tests/fake_cuda/fake_blas_lt.h"

namespace lathe::fake {
namespace {

constexpr int64_t kBlock = 128;

bool is_float8(cudaDataType_t type) {
  return type == CUDA_R_8F_E4M3 || type == CUDA_R_8F_E5M2;
}
bool is_wide(cudaDataType_t type) {
  return type == CUDA_R_16BF || type == CUDA_R_16F || type == CUDA_R_32F;
}

template <typename Bits>
Bits bits_at(const void* data, int64_t index) {
  Bits bits;
  std::memcpy(&bits, static_cast<const char*>(data) +
                         index * static_cast<int64_t>(sizeof bits),
              sizeof bits);
  return bits;
}

float value_at(cudaDataType_t type, const void* data, int64_t index) {
  switch (static_cast<int>(type)) {
    case CUDA_R_16BF:
      return bfloat16_value(bits_at<uint16_t>(data, index));
    case CUDA_R_16F:
      return float16_value(bits_at<uint16_t>(data, index));
    case CUDA_R_8F_E4M3:
      return float8_e4m3fn_value(bits_at<uint8_t>(data, index));
    case CUDA_R_8F_E5M2:
      return float8_e5m2_value(bits_at<uint8_t>(data, index));
    default:
      return bits_at<float>(data, index);
  }
}

void store_at(cudaDataType_t type, void* data, int64_t index, double value) {
  if (type == CUDA_R_32F) {
    static_cast<float*>(data)[index] = static_cast<float>(value);
    return;
  }
  static_cast<uint16_t*>(data)[index] =
      type == CUDA_R_16BF ? bfloat16_bits(value) : float16_bits(value);
}

int64_t padded(int64_t count) { return (count + 3) / 4 * 4; }

// Sizes that fit each other.
bool is_consistent(const FakeProduct& p) {
  const FakeMatmul& how = p.matmul;
  const int64_t a_lines = how.transposes_a ? p.a.columns : p.a.rows;
  const int64_t b_lines = how.transposes_b ? p.b.rows : p.b.columns;
  const int64_t b_depth = how.transposes_b ? p.b.columns : p.b.rows;
  for (const FakeLayout* layout : {&p.a, &p.b, &p.c, &p.d}) {
    if (layout->stride < layout->rows) return false;
  }
  return a_lines == p.m() && b_lines == p.n() && b_depth == p.k() &&
         p.c.rows == p.m() && p.c.columns == p.n() && p.c.type == p.d.type &&
         how.compute == CUBLAS_COMPUTE_32F && how.scale_type == CUDA_R_32F &&
         p.m() > 0 && p.n() > 0 && p.k() > 0;
}

// Scales by lines and by blocks are Hopper's; blocks only in these pairs.
bool has_mode(int32_t a, int32_t b, int sm) {
  if (a == CUBLASLT_MATMUL_MATRIX_SCALE_SCALAR_32F) return a == b && sm >= 89;
  if (sm != 90) return false;
  if (a == CUBLASLT_MATMUL_MATRIX_SCALE_OUTER_VEC_32F) return a == b;
  const bool blocks = (a == CUBLASLT_MATMUL_MATRIX_SCALE_VEC128_32F ||
                       a == CUBLASLT_MATMUL_MATRIX_SCALE_BLK128x128_32F) &&
                      (b == CUBLASLT_MATMUL_MATRIX_SCALE_VEC128_32F ||
                       b == CUBLASLT_MATMUL_MATRIX_SCALE_BLK128x128_32F);
  return blocks && !(a == b && a == CUBLASLT_MATMUL_MATRIX_SCALE_BLK128x128_32F);
}

bool takes_float8(const FakeProduct& p, int sm) {
  const FakeMatmul& how = p.matmul;
  const bool both_wide =
      p.a.type == CUDA_R_8F_E5M2 && p.b.type == CUDA_R_8F_E5M2;
  const bool aligned = p.a.stride % 16 == 0 && p.b.stride % 16 == 0 &&
                       p.k() % 16 == 0 && p.m() % 16 == 0 &&
                       p.d.stride * bytes_of(p.d.type) % 16 == 0;
  const bool scaled = how.mode_a != CUBLASLT_MATMUL_MATRIX_SCALE_SCALAR_32F;
  const bool has_scales = !scaled || (how.scale_a && how.scale_b);
  const bool bias_fits = how.epilogue != CUBLASLT_EPILOGUE_BIAS ||
                         bytes_of(static_cast<cudaDataType_t>(
                             how.bias_type)) == 2;
  return is_float8(p.b.type) && !both_wide && how.transposes_a &&
         !how.transposes_b && aligned && has_scales && bias_fits &&
         is_wide(p.d.type) && has_mode(how.mode_a, how.mode_b, sm);
}

bool takes_plain(const FakeProduct& p) {
  const FakeMatmul& how = p.matmul;
  return is_wide(p.a.type) && p.a.type == p.b.type &&
         (p.d.type == p.a.type || p.d.type == CUDA_R_32F) && !how.scale_a &&
         !how.scale_b && how.mode_a == 0 && how.mode_b == 0;
}

float scale_at(int32_t mode, const void* scales, int64_t line, int64_t block,
               int64_t lines, int64_t depth) {
  const auto* s = static_cast<const float*>(scales);
  if (!s) return 1;
  if (mode == CUBLASLT_MATMUL_MATRIX_SCALE_OUTER_VEC_32F) return s[line];
  if (mode == CUBLASLT_MATMUL_MATRIX_SCALE_VEC128_32F) {
    return s[block * padded(lines) + line];
  }
  if (mode == CUBLASLT_MATMUL_MATRIX_SCALE_BLK128x128_32F) {
    return s[line / kBlock * padded(depth / kBlock) + block];
  }
  return s[0];
}

// Lines of `depth` numbers, one behind the other.
std::vector<float> lines_of(const FakeLayout& layout, const void* data,
                            bool along_depth) {
  const int64_t lines = along_depth ? layout.columns : layout.rows;
  const int64_t depth = along_depth ? layout.rows : layout.columns;
  std::vector<float> all(static_cast<size_t>(lines * depth));
  for (int64_t line = 0; line < lines; ++line) {
    for (int64_t k = 0; k < depth; ++k) {
      const int64_t at = along_depth ? line * layout.stride + k
                                     : k * layout.stride + line;
      all[size_t(line * depth + k)] = value_at(layout.type, data, at);
    }
  }
  return all;
}

// Blocks of the depth that have scales of their own.
double sum_of(const FakeProduct& p, const float* a, const float* b, int64_t i,
              int64_t j) {
  const FakeMatmul& how = p.matmul;
  const bool blocks = how.mode_a >= CUBLASLT_MATMUL_MATRIX_SCALE_VEC128_32F;
  const int64_t step = blocks ? kBlock : p.k();
  double sum = 0;
  for (int64_t first = 0; first < p.k(); first += step) {
    double part = 0;
    for (int64_t k = first; k < std::min(first + step, p.k()); ++k) {
      part += double{a[k]} * double{b[k]};
    }
    const int64_t block = first / kBlock;
    sum += part *
           scale_at(how.mode_a, how.scale_a, i, block, p.m(), p.k()) *
           scale_at(how.mode_b, how.scale_b, j, block, p.n(), p.k());
  }
  return sum;
}

}  // namespace

int bytes_of(cudaDataType_t type) {
  return is_float8(type) ? 1 : type == CUDA_R_32F ? 4 : 2;
}

std::string FakeProduct::text() const {
  const auto number = [](int64_t n) { return std::to_string(n); };
  return number(m()) + "x" + number(n()) + "x" + number(k()) + " " +
         number(8 * bytes_of(a.type)) + "x" + number(8 * bytes_of(b.type)) +
         " bits to " + number(8 * bytes_of(d.type)) + ", scales " +
         number(matmul.mode_a) + " " + number(matmul.mode_b) +
         (matmul.epilogue == CUBLASLT_EPILOGUE_BIAS ? ", bias" : "");
}

cublasStatus_t answer(const FakeProduct& p, int sm) {
  if (!is_consistent(p)) return CUBLAS_STATUS_INVALID_VALUE;
  const FakeMatmul& how = p.matmul;
  const bool biased = how.epilogue == CUBLASLT_EPILOGUE_BIAS;
  if (biased && !how.bias) return CUBLAS_STATUS_INVALID_VALUE;
  const bool known = biased || how.epilogue == CUBLASLT_EPILOGUE_DEFAULT;
  const bool bias_fits =
      !biased || is_float8(p.a.type) || how.bias_type == p.d.type;
  const bool taken =
      is_float8(p.a.type) ? takes_float8(p, sm) : takes_plain(p);
  return known && bias_fits && taken ? CUBLAS_STATUS_SUCCESS
                                     : CUBLAS_STATUS_NOT_SUPPORTED;
}

int64_t scale_count(int32_t mode, int64_t lines, int64_t depth) {
  if (mode == CUBLASLT_MATMUL_MATRIX_SCALE_OUTER_VEC_32F) return lines;
  const int64_t blocks = depth / kBlock;
  if (mode == CUBLASLT_MATMUL_MATRIX_SCALE_VEC128_32F) {
    return blocks * padded(lines);
  }
  if (mode == CUBLASLT_MATMUL_MATRIX_SCALE_BLK128x128_32F) {
    return (lines + kBlock - 1) / kBlock * padded(blocks);
  }
  return 1;
}

void compute(const FakeProduct& p, const FakeMemory& memory) {
  const FakeMatmul& how = p.matmul;
  const auto a = lines_of(p.a, memory.a, how.transposes_a != 0);
  const auto b = lines_of(p.b, memory.b, how.transposes_b == 0);
  for (int64_t j = 0; j < p.n(); ++j) {
    for (int64_t i = 0; i < p.m(); ++i) {
      double value = memory.alpha *
                     sum_of(p, &a[size_t(i * p.k())], &b[size_t(j * p.k())],
                            i, j);
      if (how.epilogue == CUBLASLT_EPILOGUE_BIAS) {
        value += value_at(static_cast<cudaDataType_t>(how.bias_type),
                          how.bias, i);
      }
      if (memory.beta != 0) {
        value += memory.beta *
                 value_at(p.c.type, memory.c, j * p.c.stride + i);
      }
      store_at(p.d.type, memory.d, j * p.d.stride + i, value);
    }
  }
}

}  // namespace lathe::fake
