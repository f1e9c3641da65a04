#pragma once
// How a product is computed on a GPU: what is multiplied, and what of it is
// constant for groups of k, so that it may wait for the group's sum:
//
//   left(m, k) = factor(m, k / group) * code(m, k)
//   right(n, k) = factor(n, k / group) * code(n, k) + term(n, k / group)
//
// Where a 16-bit float holds all codes exactly, tensor cores multiply them, and
// nothing is rounded that the model does not round.

#include <optional>

#include "codegen/matmul_form.h"
#include "codegen/right_cut.h"

namespace lathe::cuda {

struct MatmulPlan {
  MatmulForm form;
  // Weights by their fields; nothing where the right side is no weight, or
  // where parts differ in form.
  std::optional<RightCut> cut;
  // The float that holds the codes; nothing where none does.
  std::optional<DType> exact;
  // Where `exact` is set: the left side's load, what it is multiplied by (empty
  // for 1), and the k that share the factors of both sides, 0 for all.
  Expr left_code, left_factor;
  int64_t group = 0;

  // Codes of a line that a thread takes at once, and whether they are those
  // that it needs for products of 16 k each: see stored_codes.h.
  int64_t pack = 1;
  bool in_steps = false;
  // Tensor cores may serve few rows, straight from memory.
  bool streams = false;

  // What the codes are stored as, where all parts' are stored alike: on the
  // right only where no bits are taken out of words.
  std::optional<DType> left_type, right_type;
  // Tiles for many rows multiply 8-bit floats as they are. Tensor cores add
  // such products up with some 14 bits on Hopper, so that sums of
  // kFloat8Depth k at most are left to them; float32 adds up those.
  bool float8 = false;
  static constexpr int64_t kFloat8Depth = 128;

  // The number types of the sides in shared memory, and the k of one product
  // on tensor cores. Requires: exact.
  DType left_piece() const { return float8 ? *left_type : *exact; }
  DType right_piece() const { return float8 ? *right_type : *exact; }
  int64_t step() const { return float8 ? 32 : 16; }
};

MatmulPlan plan_matmul(const Group& group, MatmulForm form);

// Whether the plan's tiles could multiply 8-bit floats as they are.
bool suits_float8(const MatmulPlan& plan);

}  // namespace lathe::cuda
