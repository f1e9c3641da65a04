#include "codegen/stage_graph.h"

#include <set>

#include "codegen/rewrite.h"
#include "spec/check.h"

namespace lathe {
namespace {

void append(std::vector<Expr>& to, const std::vector<Expr>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

struct Expressions {
  std::vector<Expr> operator()(const Given&) const { return {}; }
  std::vector<Expr> operator()(const Compute& k) const { return {k.body}; }
  std::vector<Expr> operator()(const Scan& k) const { return {k.body}; }
  std::vector<Expr> operator()(const Update& k) const {
    std::vector<Expr> all = {k.base};
    append(all, k.place);
    all.push_back(k.update);
    return all;
  }
  std::vector<Expr> operator()(const Sort& k) const { return {k.key}; }
};

struct WithExpressions {
  std::vector<Expr>& exprs;

  ArrayKind operator()(const Given& k) const { return k; }
  ArrayKind operator()(Compute k) const {
    k.body = exprs[0];
    return k;
  }
  ArrayKind operator()(Scan k) const {
    k.body = exprs[0];
    return k;
  }
  ArrayKind operator()(Update k) const {
    k.base = exprs.front();
    k.update = exprs.back();
    for (size_t i = 0; i < k.place.size(); ++i) k.place[i] = exprs[i + 1];
    return k;
  }
  ArrayKind operator()(Sort k) const {
    k.key = exprs[0];
    return k;
  }
};

// Text that looks like one of a definition, by way of the printer there.
std::string body_text(const Array& array) {
  if (auto* given = std::get_if<Given>(&array.kind)) {
    return given->kind == NodeKind::kInput    ? "input"
           : given->kind == NodeKind::kWeight ? "weight"
                                              : "literal";
  }
  std::string text;
  for (const Expr& expr : expressions_of(array.kind)) {
    text += (text.empty() ? "" : " ; ") + to_string(expr);
  }
  return text;
}

}  // namespace

std::vector<Expr> expressions_of(const ArrayKind& kind) {
  return std::visit(Expressions{}, kind);
}

ArrayKind with_expressions(const ArrayKind& kind, std::vector<Expr> exprs) {
  return std::visit(WithExpressions{exprs}, kind);
}

std::vector<ArrayId> operands_of(const Array& array) {
  std::set<ArrayId> ids;
  for (const Expr& expr : expressions_of(array.kind)) {
    for (const Expr& e : loads_of(expr)) {
      ids.insert(std::get<Load>(e->node).slot);
    }
  }
  return {ids.begin(), ids.end()};
}

std::vector<ReduceAxis> loops_around(const Array& array, size_t i) {
  // The base of an update is computed at the array's own elements.
  auto* update = std::get_if<Update>(&array.kind);
  if (update && i > 0) return update->domain;
  std::vector<ReduceAxis> loops;
  for (size_t axis = 0; axis < array.axes.size(); ++axis) {
    loops.push_back({array.axes[axis], array.shape[axis]});
  }
  // A sort reads keys beyond the length of its own axis.
  if (auto* sort = std::get_if<Sort>(&array.kind)) {
    loops[sort->axis].extent = sort->extent;
  }
  return loops;
}

bool mentions_symbols(const Array& array) {
  bool symbolic = !is_static(array.shape);
  auto note = [&](const Dim& dim) { symbolic = symbolic || !dim.is_static(); };
  if (auto* sort = std::get_if<Sort>(&array.kind)) note(sort->extent);
  if (auto* update = std::get_if<Update>(&array.kind)) {
    for (const ReduceAxis& axis : update->domain) note(axis.extent);
  }
  for (const Expr& expr : expressions_of(array.kind)) {
    walk(expr, [&](const Expr& e) {
      if (auto* size = std::get_if<SizeOf>(&e->node)) note(size->dim);
      if (auto* reduce = std::get_if<Reduce>(&e->node)) {
        for (const ReduceAxis& axis : reduce->axes) note(axis.extent);
      }
      return !symbolic;
    });
  }
  return symbolic;
}

std::string to_string(const StageGraph& graph) {
  std::string text;
  for (size_t id = 0; id < graph.arrays.size(); ++id) {
    const Array& a = graph.arrays[id];
    std::string axes;
    for (const Var& axis : a.axes) {
      axes += (axes.empty() ? "" : ", ") + axis->name;
    }
    text += cat({"in", id, " ", a.name, "[", axes, "] : ", to_string(a.dtype),
                 to_string(a.shape), " = ", body_text(a),
                 a.at_load ? "  # at load" : "", a.stored ? "  # output" : "",
                 "\n"});
  }
  return text;
}

void verify(const StageGraph& graph) {
  for (size_t id = 0; id < graph.arrays.size(); ++id) {
    const Array& a = graph.arrays[id];
    std::set<const VarInfo*> known;
    for (const Var& axis : a.axes) known.insert(axis.get());
    if (auto* update = std::get_if<Update>(&a.kind)) {
      for (const ReduceAxis& axis : update->domain) {
        known.insert(axis.var.get());
      }
    }
    LATHE_CHECK(graph.is_given(static_cast<int>(id)) ||
                    a.axes.size() == a.shape.size(),
                a.name, ": axes and shape differ in rank");
    for (const Expr& expr : expressions_of(a.kind)) {
      for (const VarInfo* v : free_vars(expr)) {
        LATHE_CHECK(known.count(v), a.name, ": ", v->name, " is not bound");
      }
      for (const Expr& e : loads_of(expr)) {
        auto& load = std::get<Load>(e->node);
        LATHE_CHECK(load.slot >= 0 && load.slot < static_cast<int>(id),
                    a.name, ": loads slot ", load.slot);
        const Array& from = graph.arrays[load.slot];
        LATHE_CHECK(load.dtype == from.dtype, a.name, ": reads ", from.name,
                    " as ", to_string(load.dtype));
        LATHE_CHECK(load.index.size() == from.shape.size(), a.name,
                    ": reads ", from.name, " with another rank");
      }
    }
  }
}

}  // namespace lathe
