#pragma once
// What multiplies, and is added to, the sums of groups of k, for a tile of a
// product on tensor cores: read from memory a step ahead into registers, then
// kept in shared memory, where each thread finds those of its results.

#include <functional>
#include <vector>

#include "codegen/cuda/matmul_parts.h"

namespace lathe::cuda {

class MmaFactors {
 public:
  // `depth` is that of a step. Requires: plan.exact; `parts` outlives it.
  MmaFactors(MatmulParts& parts, int64_t depth);

  bool any() const { return !lines_.empty(); }
  // k that share them within a step; the whole step where all k do.
  int64_t group() const { return group_; }

  // Reads those of the step at `k0`, and keeps them in one of two buffers.
  Stmt read(const MatmulSection& section, const Var& m0, const Var& n0,
            const Expr& k0);
  Stmt keep(const MatmulSection& section, const Expr& buffer) const;

  // Those of group `g` of a step; empty for 1 and 0.
  Expr left(const Expr& buffer, const Expr& g, const Expr& line) const;
  Expr factor(const Expr& buffer, size_t part, const Expr& g,
              const Expr& line) const;
  Expr term(const Expr& buffer, size_t part, const Expr& g,
            const Expr& line) const;

 private:
  enum class Kind : uint8_t { kLeft, kFactor, kTerm };
  // 64 numbers for each group of a step.
  struct Lines {
    Kind kind;
    size_t part;
    int registers;
  };
  Expr value(const Lines& lines, const MatmulSection& section, const Var& m0,
             const Var& n0, const Expr& line, const Expr& k);
  Expr kept(Kind kind, size_t part, const Expr& buffer, const Expr& g,
            const Expr& line) const;
  Stmt for_numbers(
      const std::function<Stmt(const Expr& u, const Expr& number)>& body) const;
  int64_t numbers() const { return groups_ * kLines; }
  static constexpr int64_t kLines = 64;

  MatmulParts& parts_;
  int64_t group_ = 1, groups_ = 1;  // k of one, and how many a step has
  std::vector<Lines> lines_;
  int kept_ = -1;  // shared: [buffer][lines][group][64]
};

}  // namespace lathe::cuda
