#include "tests/support/compare_tensors.h"

#include <cmath>

#include <fmt/core.h>

#include "spec/text.h"

namespace lathe {
namespace {

// Distance of 1 to the next number.
double epsilon(DType dtype) {
  switch (dtype) {
    case DType::kFloat64:
      return 0x1p-52;
    case DType::kFloat32:
      return 0x1p-23;
    case DType::kFloat16:
      return 0x1p-10;
    case DType::kBFloat16:
      return 0x1p-7;
    case DType::kFloat8E4M3FN:
      return 0x1p-3;
    case DType::kFloat8E5M2:
      return 0x1p-2;
    case DType::kBool:
    case DType::kInt8:
    case DType::kUInt8:
    case DType::kInt16:
    case DType::kInt32:
    case DType::kInt64:
    LATHE_BLOCK_CASES:
      return 0;
  }
  return 0;
}

bool close(double got, double wanted, double relative, double scale) {
  if (std::isnan(wanted)) return std::isnan(got);
  if (std::isinf(wanted) || std::isinf(got)) return got == wanted;
  return std::fabs(got - wanted) <=
         relative * std::max(std::fabs(wanted), scale);
}

}  // namespace

std::string difference(const Tensor& got, const Tensor& wanted,
                       int64_t terms) {
  if (got.dtype() != wanted.dtype() || got.shape() != wanted.shape()) {
    return cat({to_string(got), " instead of ", to_string(wanted)});
  }
  bool real = is_float(got.dtype());
  double computed =
      epsilon(got.dtype() == DType::kFloat64 ? DType::kFloat64
                                             : DType::kFloat32);
  double relative = epsilon(got.dtype()) +
                    computed * 16 * std::sqrt(static_cast<double>(terms));
  // Sums of numbers of both signs are compared at the size of their terms.
  double scale = terms > 1 ? 1.0 : 1e-30;
  for (int64_t i = 0; i < got.numel(); ++i) {
    bool same = real ? close(got.at(i), wanted.at(i), relative, scale)
                     : got.int_at(i) == wanted.int_at(i);
    if (same) continue;
    return fmt::format("element {}: {} instead of {}", i, got.at(i),
                       wanted.at(i));
  }
  return "";
}

double deviation(const Tensor& tensor) {
  double mean = 0, variance = 0;
  const double count = static_cast<double>(tensor.numel());
  for (int64_t i = 0; i < tensor.numel(); ++i) mean += tensor.at(i) / count;
  for (int64_t i = 0; i < tensor.numel(); ++i) {
    variance += std::pow(tensor.at(i) - mean, 2) / count;
  }
  return std::sqrt(variance);
}

}  // namespace lathe
