#include "codegen/cuda/library_modes.h"

namespace lathe::cuda {
namespace {

// What the library wants of addresses and of lines.
constexpr int64_t kLibraryAlignment = 16;

constexpr int kAnyLater = 1000;

// Products of 8-bit floats, from cublasLt.h and what its users report: scales
// by lines and blocks are Hopper's alone; two sides by 128x128 do not exist.
struct Float8Mode {
  ProductScale left, right;
  int first_sm, last_sm;
  int64_t version;
};
constexpr Float8Mode kFloat8Modes[] = {
    {ProductScale::kScalar, ProductScale::kScalar, 89, kAnyLater, 120100},
    {ProductScale::kLines, ProductScale::kLines, 90, 90, 120900},
    {ProductScale::kDepth128, ProductScale::kBlock128, 90, 90, 120900},
};
// The oldest whose file is looked for.
constexpr int64_t kAnyVersion = 120000;

// From these sizes on the library computes a product. Few rows are for kernels
// that stream weights: the library's take twice their time at 64 rows and are
// equal at 1024. A result that passes through memory as float32 costs 8 bytes
// a number, which the 2 * depth operations must outweigh: the faster they are,
// the deeper it must be. Estimates until a GPU has shown better.
struct Least {
  int bytes;  // of a number of the sides
  Closing closing;
  int64_t rows, columns, depth;
};
constexpr Least kLeast[] = {
    {1, Closing::kLibrary, 129, 512, 512},
    {1, Closing::kKernel, 129, 512, 8192},
    {2, Closing::kLibrary, 129, 512, 512},
    {2, Closing::kKernel, 129, 512, 4096},
    {4, Closing::kLibrary, 129, 512, 512},
    {4, Closing::kKernel, 129, 512, 512},
};

// A number is as good as no number.
ProductScale whole(ProductScale scale) {
  return scale == ProductScale::kNone ? ProductScale::kScalar : scale;
}

std::optional<int64_t> float8_version(const LibraryProduct& product, int sm) {
  const ProductForm& form = product.form;
  const bool both_wide = form.left.dtype == DType::kFloat8E5M2 &&
                         form.right.dtype == DType::kFloat8E5M2;
  const bool by_lines = form.left.along_depth && form.right.along_depth;
  if (both_wide || !by_lines ||
      product.columns.value() % kLibraryAlignment != 0) {
    return std::nullopt;
  }
  // The bias is 16 bits wide whatever the result is.
  if (form.bias && size_of(*form.bias) != 2) return std::nullopt;
  for (const Float8Mode& mode : kFloat8Modes) {
    if (whole(form.left.scale) != mode.left ||
        whole(form.right.scale) != mode.right || sm < mode.first_sm ||
        sm > mode.last_sm) {
      continue;
    }
    const bool blocks = mode.left == ProductScale::kDepth128;
    if (blocks && product.depth.value() % kScaleBlock != 0) continue;
    return mode.version;
  }
  return std::nullopt;
}

bool is_aligned(const Dim& stride, DType dtype) {
  return stride.value() * size_of(dtype) % kLibraryAlignment == 0;
}

}  // namespace

std::optional<int64_t> library_version(const LibraryProduct& product, int sm) {
  const ProductForm& form = product.form;
  if (!is_aligned(product.left_stride, form.left.dtype) ||
      !is_aligned(product.right_stride, form.right.dtype) ||
      !is_aligned(product.result_stride, form.result)) {
    return std::nullopt;
  }
  const bool result_fits = form.result == DType::kBFloat16 ||
                           form.result == DType::kFloat16 ||
                           form.result == DType::kFloat32;
  if (!result_fits || (form.bias && *form.bias != form.result)) {
    return std::nullopt;
  }
  if (is_float8(form.left.dtype) && is_float8(form.right.dtype)) {
    return float8_version(product, sm);
  }
  const DType dtype = form.left.dtype;
  const bool plain = form.left.scale == ProductScale::kNone &&
                     form.right.scale == ProductScale::kNone &&
                     form.right.dtype == dtype &&
                     (dtype == DType::kBFloat16 || dtype == DType::kFloat16 ||
                      dtype == DType::kFloat32);
  const bool to_own = form.result == dtype || form.result == DType::kFloat32;
  if (!plain || !to_own) return std::nullopt;
  return kAnyVersion;
}

Dim worth_while(const LibraryProduct& product, const Dim& columns,
                Closing closing) {
  for (const Least& least : kLeast) {
    if (least.bytes != size_of(product.form.left.dtype) ||
        least.closing != closing || columns.value() < least.columns ||
        product.depth.value() < least.depth) {
      continue;
    }
    return min(floordiv(product.rows, Dim(least.rows)), Dim(1));
  }
  return Dim(0);
}

}  // namespace lathe::cuda
