#pragma once
// What happens at one point of a phase's loop nest, in order; and the same for
// a whole vector of points.

#include <optional>
#include <vector>

#include "codegen/loop_ir.h"

namespace lathe {

// How a reduction starts and goes on.
Expr neutral_of(ReduceOp op, NumType type);
Expr combine(ReduceOp op, const Expr& a, const Expr& b);
// Whether `next` takes the place of `best`: the first extreme wins, and the
// first NaN wins over everything.
Expr replaces(ReduceOp op, const Expr& next, const Expr& best);

struct PointLet {
  Var var;
  Expr value;
};
struct PointStore {
  int slot = 0;
  Expr index;
  Expr value;
};
// accumulator = op(accumulator, value)
struct PointAccumulate {
  ReduceOp op = ReduceOp::kSum;
  Var accumulator;
  Expr value;
};
// The arg forms: best and the position of best.
struct PointArg {
  ReduceOp op = ReduceOp::kArgMax;
  Var best, position;
  Expr value, at;
};
// Statements of its own, such as a nested reduction; never a vector.
struct PointStmt {
  Stmt stmt;
};
using PointOp =
    std::variant<PointLet, PointStore, PointAccumulate, PointArg, PointStmt>;

// One point.
Stmt scalar_point(const std::vector<PointOp>& ops);

// The ops for the `lanes` points from `v` = base on. Accumulators are those
// given, one per PointAccumulate. Nothing when some value has no vector form:
// floats of one width, loads of stride 0 or 1.
std::optional<std::vector<Stmt>> vector_points(
    const std::vector<PointOp>& ops, const Var& v, const Expr& base,
    NumType type, int lanes, const std::vector<Var>& accumulators);

}  // namespace lathe
