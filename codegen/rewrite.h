#pragma once
// Walking and rewriting expressions. Bodies share subtrees, so every walk here
// visits a node once, however often it is mentioned.

#include <functional>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "interpreter/expr.h"

namespace lathe {

// Calls `visit` on every node of `expr`, parents first; when it returns false
// the node's children are left out.
void walk(const Expr& expr, const std::function<bool(const Expr&)>& visit);

// The same for nodes that are computed whenever `expr` is: the branches of a
// select are left out.
void walk_always(const Expr& expr,
                 const std::function<bool(const Expr&)>& visit);

// Rebuilds bottom-up as transform() does, each shared node once.
class Rewriter {
 public:
  // Returns the replacement of a rebuilt node, or an empty Expr to keep it.
  using Rule = std::function<Expr(const Expr&)>;
  explicit Rewriter(Rule rule) : rule_(std::move(rule)) {}
  Expr operator()(const Expr& expr);

 private:
  Rule rule_;
  // Results by node; the source is held so that its address stays taken.
  std::unordered_map<const ExprNode*, std::pair<Expr, Expr>> done_;
};

using Substitution = std::unordered_map<const VarInfo*, Expr>;

// `expr` with variables replaced. Requires: no replaced variable is bound
// inside.
Expr substitute(const Expr& expr, const Substitution& replacement);

// `expr` with fresh variables for all its reductions: for a second copy of a
// body in one kernel.
Expr fresh_reductions(const Expr& expr);

bool depends_on(const Expr& expr, const VarInfo* v);

// Variables that are used and not bound inside.
std::unordered_set<const VarInfo*> free_vars(const Expr& expr);

// All loads, shared nodes once, in a fixed order.
std::vector<Expr> loads_of(const Expr& expr);

// The call of `op` that `expr` is, or null.
const Call* call_of(const Expr& expr, ScalarOp op);

// The load that `expr` is, but for conversions to float32, or null.
const Load* plain_load(const Expr& expr);

bool is_literal(const Expr& expr, int64_t value);

// The call that is a quotient or a remainder; null for anything else.
const Call* division_in(const Expr& expr);

// The index checks that are made whenever `expr` is computed, without those
// inside of others. Whoever changes `expr` must keep them.
std::vector<Expr> checks_of(const Expr& expr);

// Whether `expr` makes the check.
bool makes_check(const Expr& expr, const Expr& check);

// Whether a node of type T (Load, Reduce, CheckedIndex...) occurs.
template <typename T>
bool contains(const Expr& expr) {
  bool found = false;
  walk(expr, [&](const Expr& e) {
    found = found || std::holds_alternative<T>(e->node);
    return !found;
  });
  return found;
}

}  // namespace lathe
