#pragma once
// Sums of products on a GPU: what the kernel for many rows (matmul_tile.h) and
// the one for few rows (matmul_few.h) have in common. Both are parts of one
// kernel, which chooses by the number of rows.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "codegen/kernel_builder.h"
#include "codegen/matmul_form.h"

namespace lathe::cuda {

// Threads that compute an item.
inline constexpr int kMatmulThreads = 256;

class MatmulParts {
 public:
  MatmulParts(const Group& group, MatmulForm form);

  const MatmulForm& form() const { return form_; }
  KernelBuilder& kernel() { return kernel_; }
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

  // The address of pack number `kp` of a load at `index`, where the packs of
  // `size` elements along k lie one behind the other, each aligned to its
  // size; nothing otherwise. `ranges` knows m or n.
  std::optional<Expr> pack_address(const Expr& index, Ranges ranges,
                                   const Var& kp, int64_t size) const;

  // Binds m and n, and stores what the maps of the section make of the sums
  // there; `sum` has those of its parts.
  Stmt finish(const MatmulSection& section, const Expr& m, const Expr& n,
              const std::function<Expr(size_t part)>& sum);

 private:
  void bind_buffers();

  const Group& group_;
  MatmulForm form_;
  KernelBuilder kernel_;
  Ranges ranges_;
  Var worker_;
};

}  // namespace lathe::cuda
