#include "codegen/formula.h"

#include <algorithm>

#include "codegen/rewrite.h"

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

// Writes down all there is to a formula. Variables are numbered as they are
// met, so that only their names count and not their addresses.
class Describer {
 public:
  std::string describe(const Formula& formula) {
    put(static_cast<int>(formula.kind.index()));
    put(static_cast<int>(formula.dtype));
    put(static_cast<int64_t>(formula.shape.size()));
    for (const Dim& dim : formula.shape) put(dim);
    for (const Var& axis : formula.axes) put(axis);
    std::visit([&](const auto& kind) { put_kind(kind); }, formula.kind);
    for (const Expr& expr : expressions_of(formula.kind)) put(expr);
    return std::move(text_);
  }

 private:
  void put(int64_t number) {
    text_.append(reinterpret_cast<const char*>(&number), sizeof number);
  }
  void put(const std::string& text) {
    put(static_cast<int64_t>(text.size()));
    text_ += text;
  }
  void put(const Dim& dim) { put(dim.to_string()); }
  void put(const Var& v) {
    auto [it, inserted] =
        numbers_.emplace(v.get(), static_cast<int64_t>(numbers_.size()));
    put(it->second);
    if (inserted) put(v->name);
  }
  void put(const std::vector<ReduceAxis>& axes) {
    put(static_cast<int64_t>(axes.size()));
    for (const ReduceAxis& axis : axes) {
      put(axis.var);
      put(axis.extent);
    }
  }

  void put_kind(const Given& k) { put(static_cast<int>(k.kind)); }
  void put_kind(const Compute&) {}
  void put_kind(const Scan& k) {
    put(k.axis);
    put(static_cast<int>(k.op));
    put(k.exclusive << 1 | k.reverse);
  }
  void put_kind(const Update& k) {
    put(k.domain);
    put(static_cast<int>(k.mode));
  }
  void put_kind(const Sort& k) {
    put(k.axis);
    put(k.extent);
    put(k.descending);
  }

  void put(const Expr& expr) {
    put(static_cast<int64_t>(expr->node.index()));
    put(static_cast<int>(expr->type));
    put(expr->lanes << 1 | expr->weak);
    std::visit([&](const auto& node) { put_node(node); }, expr->node);
    const std::vector<Expr> children = children_of(expr);
    put(static_cast<int64_t>(children.size()));
    for (const Expr& child : children) put(child);
  }
  void put_node(const Literal& node) {
    int64_t bits = 0;
    if (auto* number = std::get_if<double>(&node.value)) {
      std::memcpy(&bits, number, sizeof bits);
    } else if (auto* integer = std::get_if<int64_t>(&node.value)) {
      bits = *integer;
    } else {
      bits = std::get<bool>(node.value);
    }
    put(bits);
  }
  void put_node(const VarRef& node) { put(node.var); }
  void put_node(const SizeOf& node) { put(node.dim); }
  void put_node(const Load& node) {
    put(node.slot);
    put(static_cast<int>(node.dtype));
  }
  void put_node(const Call& node) { put(static_cast<int>(node.op)); }
  void put_node(const Cast& node) { put(static_cast<int>(node.dtype)); }
  void put_node(const Reduce& node) {
    put(static_cast<int>(node.op));
    put(node.axes);
  }
  void put_node(const CheckedIndex& node) { put(node.site); }
  void put_node(const Ramp& node) {
    put(node.stride);
    put(node.lanes);
  }

  std::string text_;
  std::unordered_map<const VarInfo*, int64_t> numbers_;
};

}  // namespace

std::vector<Expr> expressions_of(const ArrayKind& kind) {
  return std::visit(Expressions{}, kind);
}

ArrayKind with_expressions(const ArrayKind& kind, std::vector<Expr> exprs) {
  return std::visit(WithExpressions{exprs}, kind);
}

std::vector<ReduceAxis> loops_around(const Formula& formula, size_t i) {
  // The base of an update is computed at the array's own elements.
  auto* update = std::get_if<Update>(&formula.kind);
  if (update && i > 0) return update->domain;
  std::vector<ReduceAxis> loops;
  for (size_t axis = 0; axis < formula.axes.size(); ++axis) {
    loops.push_back({formula.axes[axis], formula.shape[axis]});
  }
  // A sort reads keys beyond the length of its own axis.
  if (auto* sort = std::get_if<Sort>(&formula.kind)) {
    loops[sort->axis].extent = sort->extent;
  }
  return loops;
}

bool mentions_symbols(const Formula& formula) {
  bool symbolic = !is_static(formula.shape);
  auto note = [&](const Dim& dim) { symbolic = symbolic || !dim.is_static(); };
  if (auto* sort = std::get_if<Sort>(&formula.kind)) note(sort->extent);
  if (auto* update = std::get_if<Update>(&formula.kind)) {
    for (const ReduceAxis& axis : update->domain) note(axis.extent);
  }
  for (const Expr& expr : expressions_of(formula.kind)) {
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

Expr with_slots(const Expr& expr, const std::vector<int>& slots) {
  Rewriter renumber([&](const Expr& e) -> Expr {
    auto* node = std::get_if<Load>(&e->node);
    if (!node || slots[node->slot] == node->slot) return {};
    return load(slots[node->slot], node->dtype, node->index);
  });
  return renumber(expr);
}

ArrayKind with_slots(const ArrayKind& kind, const std::vector<int>& slots) {
  std::vector<Expr> exprs = expressions_of(kind);
  for (Expr& expr : exprs) expr = with_slots(expr, slots);
  return with_expressions(kind, std::move(exprs));
}

FormulaRef FormulaSet::add(FormulaRef formula) {
  return known_.emplace(Describer().describe(*formula), formula).first->second;
}

NumberedFormula number_slots(Formula formula) {
  NumberedFormula out;
  std::vector<int> numbers;  // new by old
  bool same = true;
  for (const Expr& expr : expressions_of(formula.kind)) {
    for (const Expr& e : loads_of(expr)) {
      const size_t slot = static_cast<size_t>(std::get<Load>(e->node).slot);
      if (slot >= numbers.size()) numbers.resize(slot + 1, -1);
      if (numbers[slot] >= 0) continue;
      numbers[slot] = static_cast<int>(out.slots.size());
      same = same && numbers[slot] == static_cast<int>(slot);
      out.slots.push_back(static_cast<int>(slot));
    }
  }
  if (!same) formula.kind = with_slots(formula.kind, numbers);
  out.formula = std::make_shared<const Formula>(std::move(formula));
  return out;
}

}  // namespace lathe
