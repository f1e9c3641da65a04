#pragma once
// Sums of products on a GPU: what the kernels for many rows (matmul_tile.h,
// matmul_mma.h, matmul_wgmma.h) and those for few (matmul_few.h, matmul_stream.h) have in
// common.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "codegen/cuda/gpu_sizes.h"
#include "codegen/cuda/matmul_plan.h"
#include "codegen/cuda/prologue_form.h"
#include "codegen/cuda/stored_codes.h"
#include "codegen/kernel_builder.h"

namespace lathe::cuda {

// Threads that compute an item, mostly.
inline constexpr int kMatmulThreads = 256;
inline constexpr int kMatmulWarps = kMatmulThreads / kWarp;

class MatmulParts {
 public:
  // With a `prologue`, what is handed over is computed here (row_numbers.h).
  // `workers` threads compute an item. Requires: all of them outlive it.
  MatmulParts(const Group& group, const MatmulPlan& plan,
              const PrologueForm* prologue = nullptr,
              int workers = kMatmulThreads);

  const MatmulPlan& plan() const { return plan_; }
  const MatmulForm& form() const { return form_; }
  // The weights, where the plan cuts them; else null.
  StoredCodes* stored() { return stored_ ? &*stored_ : nullptr; }
  KernelBuilder& kernel() { return kernel_; }
  const PrologueForm* prologue() const { return prologue_; }
  // Shared: what is kept of number i of the prologue.
  int number_slot(size_t i) const { return number_slots_[i]; }
  const Ranges& ranges() const { return ranges_; }
  const Var& worker() const { return worker_; }
  DType dtype() const {
    return form_.type == NumType::kFloat64 ? DType::kFloat64
                                           : DType::kFloat32;
  }
  Expr zero() const { return float_literal(0, form_.type); }
  // The most parts that a section computes side by side.
  int most_parts() const;

  // The sides at form().b, m, n and k, which must have values there.
  Expr left();
  Expr right(const MatmulSection& section, size_t part);
  // The left side's code and factor there, as the plan has them.
  Expr left_code();
  Expr left_factor();

  // The address of pack number `kp` of a load at `index`, where the `size`
  // elements of a pack along k lie one behind the other, aligned to its size;
  // nothing otherwise. Packs may lie apart, as those of heads do. `ranges`
  // knows m or n.
  std::optional<Expr> pack_address(const Expr& index, Ranges ranges,
                                   const Var& kp, int64_t size) const;
  // Whether the load is of a number of the prologue.
  bool is_number(const Load& load) const;
  // Whether `index` is the same for all k of a pack of `size`.
  bool same_in_pack(const Expr& index, Ranges ranges, int64_t size) const;

  // Whether what the load of `expr` reads is there wherever `expr` is computed:
  // a choice may hide that a part of a concatenation has an end.
  bool is_there(const Expr& expr, const Expr& load, const Ranges& ranges) const;

  // Binds m and n, and stores what the maps of the section make of the sums
  // there; `sum` has those of its parts.
  Stmt finish(const MatmulSection& section, const Expr& m, const Expr& n,
              const std::function<Expr(size_t part)>& sum);

 private:
  void bind_prologue();
  void bind_buffers();

  const Group& group_;
  const MatmulPlan& plan_;
  const MatmulForm& form_;
  const PrologueForm* prologue_;
  KernelBuilder kernel_;
  Ranges ranges_;
  std::optional<StoredCodes> stored_;
  std::vector<int> number_slots_;
  Var worker_;
};

// The load that a code is, under conversions; null where it is more than that.
const Load* load_of(const Expr& code);

}  // namespace lathe::cuda
