#include "codegen/size_arguments.h"

#include <algorithm>

#include "codegen/rewrite.h"
#include "spec/dim_poly.h"
#include "spec/text.h"

namespace lathe {
namespace {

// Sums and products of symbols are as cheap as an argument.
bool is_worth_it(const Dim& dim) {
  if (dim.is_static()) return false;
  for (const DimTerm& term : dim.poly()->terms) {
    for (const DimAtomRef& factor : term.factors) {
      if (factor->kind != DimAtomKind::kSymbol) return true;
    }
  }
  return false;
}

class SizeMover {
 public:
  explicit SizeMover(LoopKernel& kernel)
      : kernel_(kernel), rewrite_([this](const Expr& e) { return moved(e); }) {}

  Stmt operator()(const For& s) {
    return for_loop(s.var, rewrite_(s.begin), rewrite_(s.end), stmt(s.body),
                    s.kind, s.step);
  }
  Stmt operator()(const Let& s) { return let(s.var, rewrite_(s.value)); }
  Stmt operator()(const Declare& s) {
    return declare(s.var, rewrite_(s.value));
  }
  Stmt operator()(const Assign& s) { return assign(s.var, rewrite_(s.value)); }
  Stmt operator()(const Store& s) {
    return store(s.slot, rewrite_(s.index), rewrite_(s.value));
  }
  Stmt operator()(const If& s) {
    return if_then(rewrite_(s.condition), stmt(s.then),
                   s.otherwise ? stmt(s.otherwise) : nullptr);
  }
  Stmt operator()(const While& s) {
    return while_loop(rewrite_(s.condition), stmt(s.body));
  }
  Stmt operator()(const Block& s) {
    std::vector<Stmt> stmts;
    for (const Stmt& child : s.stmts) stmts.push_back(stmt(child));
    return block(std::move(stmts));
  }
  Stmt operator()(const Prefetch& s) {
    return prefetch(s.slot, rewrite_(s.index));
  }
  Stmt operator()(const Comment& s) { return comment(s.text); }
  Stmt operator()(const Combine& s) {
    return s.lanes > 0 ? combine_lanes(s.op, s.var, s.lanes)
                       : combine_workers(s.op, s.var, s.position);
  }
  Stmt operator()(const Intrinsic& s) {
    std::vector<Intrinsic::Address> at = s.at;
    for (Intrinsic::Address& address : at) {
      address.index = rewrite_(address.index);
    }
    std::vector<Expr> values;
    for (const Expr& value : s.values) values.push_back(rewrite_(value));
    return intrinsic(s.op, std::move(at), s.number, std::move(values));
  }

  Stmt stmt(const Stmt& s) { return std::visit(*this, s->node); }

 private:
  Expr moved(const Expr& e) {
    auto* size = std::get_if<SizeOf>(&e->node);
    if (!size || !is_worth_it(size->dim)) return {};
    auto& sizes = kernel_.sizes;
    const auto known = std::find(sizes.begin(), sizes.end(), size->dim);
    const auto number = known - sizes.begin();
    if (known == sizes.end()) sizes.push_back(size->dim);
    return size_of(Dim::symbol(cat({"size", int64_t{number}})));
  }

  LoopKernel& kernel_;
  Rewriter rewrite_;
};

}  // namespace

void move_sizes_to_arguments(LoopKernel& kernel) {
  kernel.body = SizeMover(kernel).stmt(kernel.body);
}

}  // namespace lathe
