// The rules of loop IR: what every strategy must hand over.

#include <set>

#include "codegen/loop_ir.h"
#include "codegen/rewrite.h"
#include "spec/check.h"

namespace lathe {
namespace {

class LoopVerifier {
 public:
  explicit LoopVerifier(const LoopKernel& kernel) : kernel_(kernel) {
    scope_.insert(kernel.lo.get());
    scope_.insert(kernel.hi.get());
    if (kernel.worker) scope_.insert(kernel.worker.get());
  }

  void operator()(const For& s) {
    expr(s.begin);
    expr(s.end);
    LATHE_CHECK(s.step > 0, "a loop with step ", s.step);
    auto outside = std::pair(scope_, mutable_);
    bind(s.var);
    stmt(s.body);
    std::tie(scope_, mutable_) = outside;
  }
  void operator()(const Let& s) {
    expr(s.value);
    same_form(s.var, s.value);
    bind(s.var);
  }
  void operator()(const Declare& s) {
    expr(s.value);
    bind(s.var);
    mutable_.insert(s.var.get());
  }
  void operator()(const Assign& s) {
    expr(s.value);
    LATHE_CHECK(mutable_.count(s.var.get()), s.var->name,
                " is assigned and not declared");
    same_form(s.var, s.value);
  }
  void operator()(const Store& s) {
    expr(s.index);
    expr(s.value);
    check_slot(s.slot);
    size_t slot = static_cast<size_t>(s.slot);
    LATHE_CHECK(
        slot >= kernel_.buffers.size() || kernel_.buffers[slot].writable,
        "a store to the input ", s.slot);
  }
  void operator()(const If& s) {
    expr(s.condition);
    auto outside = std::pair(scope_, mutable_);
    stmt(s.then);
    std::tie(scope_, mutable_) = outside;
    if (s.otherwise) stmt(s.otherwise);
    std::tie(scope_, mutable_) = outside;
  }
  void operator()(const While& s) {
    expr(s.condition);
    auto outside = std::pair(scope_, mutable_);
    stmt(s.body);
    std::tie(scope_, mutable_) = outside;
  }
  void operator()(const Block& s) {
    for (const Stmt& child : s.stmts) stmt(child);
  }
  void operator()(const Prefetch& s) {
    expr(s.index);
    check_slot(s.slot);
  }
  void operator()(const Comment&) {}
  void operator()(const Combine& s) {
    LATHE_CHECK(kernel_.worker != nullptr, "nobody to combine with");
    for (const Var& v : {s.var, s.position}) {
      LATHE_CHECK(!v || mutable_.count(v.get()), v->name,
                  " is combined and not declared");
    }
  }
  void operator()(const Intrinsic& s) {
    const IntrinsicInfo& info = info_of(s.op);
    LATHE_CHECK(s.at.size() == info.addresses, info.name, " with ", s.at.size(),
                " addresses");
    LATHE_CHECK(s.values.size() == info.values, info.name, " with ",
                s.values.size(), " values");
    for (const Expr& value : s.values) expr(value);
    for (const Intrinsic::Address& at : s.at) {
      check_slot(at.slot);
      expr(at.index);
    }
  }

  void stmt(const Stmt& s) { std::visit(*this, s->node); }

 private:
  void bind(const Var& v) {
    LATHE_CHECK(scope_.insert(v.get()).second, v->name, " is bound twice");
  }
  void same_form(const Var& v, const Expr& value) {
    LATHE_CHECK(v->type == value->type, v->name, " holds ", to_string(v->type),
                " and gets ", to_string(value));
    LATHE_CHECK(v->lanes == value->lanes || value->lanes == 1, v->name, " has ",
                v->lanes, " lanes and gets ", value->lanes);
  }
  void check_slot(int slot) {
    size_t count = kernel_.buffers.size() + kernel_.locals.size();
    LATHE_CHECK(slot >= 0 && static_cast<size_t>(slot) < count, "no slot ",
                slot);
  }
  void expr(const Expr& e) {
    walk(e, [&](const Expr& node) {
      if (auto* ref = std::get_if<VarRef>(&node->node)) {
        LATHE_CHECK(scope_.count(ref->var.get()), ref->var->name,
                    " is used where it has no value");
      } else if (auto* load = std::get_if<Load>(&node->node)) {
        check_slot(load->slot);
        LATHE_CHECK(load->index.size() == 1, "a load with ", load->index.size(),
                    " indices in ", to_string(e));
        DType stored = kernel_.dtype_of(load->slot);
        bool words = load->dtype == DType::kInt32 && node->lanes > 1 &&
                     size_of(stored) < size_of(load->dtype);
        LATHE_CHECK(load->dtype == stored || words, "slot ", load->slot,
                    " is read as ", to_string(load->dtype));
      }
      LATHE_CHECK(!std::holds_alternative<Reduce>(node->node),
                  "a reduction is left in ", to_string(e));
      return true;
    });
  }

  const LoopKernel& kernel_;
  std::set<const VarInfo*> scope_, mutable_;
};

}  // namespace

void verify(const LoopKernel& kernel) {
  LoopVerifier(kernel).stmt(kernel.body);
}

}  // namespace lathe
