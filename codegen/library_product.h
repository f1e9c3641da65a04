#pragma once
// A matrix product that a library of the device may compute instead of kernels
// of ours: a description that names no library, to be printed, stored in a
// pack, and taken or refused when sizes are bound.
//
//   result[m, n] = sum over k of left[m, k] * right[n, k], times the scales,
//                  + bias[n] + added[m, n]
//
// A step of this kind has no kernel. Its buffers are left, right, result, then
// those of these that the form has: the left scale, the right scale, bias,
// added; at last the workspace.

#include <cstdint>
#include <optional>
#include <string>

#include "spec/dim.h"
#include "spec/dtype.h"

namespace lathe {

// Neighbours, along k or lines, that share a scale of float8.
inline constexpr int64_t kScaleBlock = 128;

// What a side is multiplied by: floats of 32 bits.
enum class ProductScale : uint8_t {
  kNone,
  kScalar,    // one number
  kLines,     // one for each line
  kDepth128,  // scale[k / 128][line]; the lines padded to a multiple of 4
  kBlock128,  // scale[line / 128][k / 128]; the latter padded likewise
};
const char* to_string(ProductScale scale);

// `lines` rows of the left side, or columns of the result, of `depth` numbers.
struct ProductSide {
  DType dtype = DType::kFloat32;
  // Neighbours in memory are neighbours of a line; else numbers of the same k.
  bool along_depth = true;
  ProductScale scale = ProductScale::kNone;

  friend bool operator==(const ProductSide&, const ProductSide&) = default;
};

struct ProductForm {
  ProductSide left, right;
  DType result = DType::kFloat32;
  std::optional<DType> bias;
  bool adds = false;  // a tensor laid out as the result, of its dtype

  friend bool operator==(const ProductForm&, const ProductForm&) = default;
};

struct LibraryProduct {
  ProductForm form;
  Dim rows, columns, depth;
  // Elements from line to line, or from k to k where a side is not along the
  // depth; from row to row of the result.
  Dim left_stride, right_stride, result_stride;
  // 1 where the sizes make it worth while, else 0.
  Dim wanted;
  // The oldest version of the library that computes such a product, as it
  // counts: 120900 for 12.9.0.
  int64_t version = 0;
  // The size that is 1 where the library computes it and 0 where kernels of
  // ours do; steps and buffers of both mention it.
  std::string choice;
};

// Bytes that a product may use as it likes, which stand behind its other
// buffers.
inline constexpr int64_t kProductWorkspace = int64_t{32} << 20;

// "bfloat16[M, 512] by bfloat16[512, 512] to float32 in rows of 512, wanted
// where min(1, M // 129)".
std::string to_string(const LibraryProduct& product);

// The same with all sizes known; equal text, equal product.
struct BoundProduct {
  ProductForm form;
  int64_t rows = 0, columns = 0, depth = 0;
  int64_t left_stride = 0, right_stride = 0, result_stride = 0;
  int64_t version = 0;
};
std::string to_string(const BoundProduct& product);

// How many buffers a step has for such a product.
int buffers_of(const ProductForm& form);

}  // namespace lathe
