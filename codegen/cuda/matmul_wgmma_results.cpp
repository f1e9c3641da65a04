// How the sums of fetched tiles become results.

#include <utility>

#include "codegen/cuda/code_words.h"
#include "codegen/cuda/matmul_wgmma.h"
#include "codegen/rewrite.h"

namespace lathe::cuda {

// What all k share.
Expr MatmulWgmma::scaled(const Place& place, size_t part, Expr sum) const {
  if (parts_.plan().group != 0) return sum;
  const MatmulForm& form = parts_.form();
  Expr zero = int_literal(0);
  if (Expr own = column_factor(place, part, var(form.n), zero); own.get()) {
    sum = sum * own;
  }
  if (Expr left = parts_.left_factor(); left.get()) {
    sum = sum * substitute(left, {{form.k.get(), zero}});
  }
  return sum;
}

Stmt MatmulWgmma::keep_results(const Place& place) const {
  const int64_t columns = this->columns(place.section);
  std::vector<Stmt> stmts;
  for (size_t p = 0; p < place.section.parts.size(); ++p) {
    Var t = make_var("t"), h = make_var("h");
    Expr cell = var(h) * int_literal(2);
    stmts.push_back(unrolled(
        t, eights(place),
        unrolled(h, kCells / 2,
                 results_->keep({kRows, columns}, p, row_of(cell),
                                column_of(var(t), int_literal(0)), totals_,
                                sum_at(place, p, var(t), cell)))));
  }
  return block(std::move(stmts));
}

// Each warp closes its own rows.
Stmt MatmulWgmma::store_results(const Place& place) {
  constexpr int64_t kWarpRows = 16;
  const int64_t columns = this->columns(place.section);
  Var r = make_var("r"), u = make_var("u");
  Var line = make_var("line"), column = make_var("place");
  Expr worker = var(parts_.worker());
  Expr m = var(place.m0) + var(line), n = var(place.n0) + var(column);
  Expr inside = m < size_of(parts_.form().rows) &&
                n < size_of(place.section.columns);
  Stmt one = results_->with_sums(
      {kRows, columns}, place.section, var(line), var(column),
      [&](const auto& sum) {
        return parts_.finish(place.section, m, n, [&](size_t part) {
          return scaled(place, part, sum(part));
        });
      });
  return for_loop(
      r, int_literal(0), int_literal(kWarpRows),
      block({let(line, worker / int_literal(kWarp) * int_literal(kWarpRows) +
                           var(r)),
             unrolled(u, columns / kWarp,
                      block({let(column, var(u) * int_literal(kWarp) +
                                             worker % int_literal(kWarp)),
                             if_then(inside, one)}))}),
      LoopKind::kRolled);
}

// When all warps have done with all stages, the ring's memory takes results, and
// is then the copies' again.
Stmt MatmulWgmma::close(const Place& place) {
  Var number = make_var("number");
  Expr first = max(int_literal(0), steps() - stages());
  Stmt wait = intrinsic(IntrinsicOp::kAwaitPhase,
                        {{empty_, stage_of(var(number))}}, 0,
                        {var(number) / stages() % int_literal(2)});
  return block({for_loop(number, first, steps(), wait, LoopKind::kRolled),
                keep_results(place), barrier(kWarp), store_results(place),
                intrinsic(IntrinsicOp::kFenceCopies)});
}

}  // namespace lathe::cuda
