#include "codegen/fuser.h"
#include "codegen/row_plan.h"
#include "spec/text.h"

// How arrays find together. Every computed array starts as a cluster of its
// own; in order, each is joined with the clusters that it reads, where a rule
// allows it:
//
//   row          maps and reductions that meet at the same indices
//   contraction  maps at the same point as the product (epilogue), and
//                products that share their left operand (siblings)
//   attention    product, row group, product over the row
//   prologue     row groups, and the only products that read them
//
// Then clusters that only share an operand are joined. No rule knows an op.
// Two clusters may only be joined if no path leads from one to the other by
// way of a third.

namespace lathe {
namespace {

// How a right operand is stored and decoded along `depth`, whatever tensors it
// reads. Where in these a column finds its numbers is no matter: scales of
// blocks may be one for all columns, or one for each 128.
std::string storage_of(const Expr& right, const std::vector<Var>& depth) {
  if (auto* plain = std::get_if<Load>(&right->node)) {
    return std::string(to_string(plain->dtype));
  }
  Rewriter by_dtype([&](const Expr& e) -> Expr {
    auto* node = std::get_if<Load>(&e->node);
    if (!node) return {};
    std::vector<Expr> index = node->index;
    for (Expr& i : index) {
      const bool along =
          std::any_of(depth.begin(), depth.end(),
                      [&](const Var& k) { return depends_on(i, k.get()); });
      if (!along) i = int_literal(0);
    }
    return load(static_cast<int>(node->dtype), node->dtype, std::move(index));
  });
  return to_string(by_dtype(right));
}

}  // namespace

std::vector<Cluster> Fuser::run() {
  int count = static_cast<int>(graph_.arrays.size());
  for (ArrayId id = 0; id < count; ++id) {
    if (graph_.is_given(id)) continue;
    clusters_.add(id, kind_of(id), row_axes_of(id));
    join_operands(id);
  }
  join_siblings();
  join_tables();
  join_attention();
  join_prologues();
  graph_.formulas_worked_on +=
      facts_.size() + rows_fit_.size() + lifted_.size();
  return clusters_.in_order();
}

// Both factors must have output axes of their own, else it is a weighted
// sum along rows; but weights with axes of their own make a product with
// even one row.
std::optional<Contraction> Fuser::find_product(ArrayId id) const {
  auto match = match_contraction(body(id), array(id).axes());
  if (!match || (!match->rows.empty() && !match->cols.empty())) return match;
  if (match->rows.empty() && match->cols.empty()) return std::nullopt;
  const Expr& matrix = match->cols.empty() ? match->lhs : match->rhs;
  for (const Expr& e : loads_of(matrix)) {
    if (!source(id, std::get<Load>(e->node)).at_load) return std::nullopt;
  }
  return match;
}

Fuser::FusionFacts Fuser::find_facts(ArrayId id) const {
  FusionFacts facts;
  if (!std::holds_alternative<Compute>(array(id).kind())) return facts;
  facts.loads = loads_of(body(id));
  facts.product = find_product(id);
  if (facts.product) find_left(array(id), facts);
  return facts;
}

const Fuser::FusionFacts& Fuser::about(ArrayId id) const {
  Known& known = known_[static_cast<size_t>(id)];
  if (known.formula != array(id).formula) {
    Question question;
    question.add(array(id).formula);
    for (ArrayId operand : array(id).operands) {
      question.add(array(operand).at_load);
    }
    known.facts = &facts_.get(question, [&] { return find_facts(id); });
    known.formula = array(id).formula;
  }
  return *known.facts;
}

void Fuser::join_operands(ArrayId id) {
  std::vector<ArrayId> operands = operands_of(array(id));
  for (size_t i = operands.size(); i-- > 0;) {
    if (graph_.is_given(operands[i])) continue;
    int from = clusters_.of(operands[i]), to = clusters_.of(id);
    if (from != to) try_join(from, to);
  }
}

// Joins `from` into `to`, which reads it, if a rule allows it.
bool Fuser::try_join(int from, int to) {
  const Cluster& a = clusters_[from];
  const Cluster& b = clusters_[to];
  if (a.arrays.size() + b.arrays.size() > kMostArrays) return false;
  if (at_load(a) != at_load(b)) return false;
  std::optional<Cluster> joined;
  if (a.kind == GroupKind::kRow && b.kind == GroupKind::kRow) {
    joined = join_rows(a, b);
  } else if (a.kind == GroupKind::kContraction &&
             (b.kind == GroupKind::kRow || b.kind == GroupKind::kContraction)) {
    joined = join_epilogue(a, b);
  }
  if (!joined || clusters_.path_around(from, to)) return false;
  clusters_.join(from, to, *joined);
  return true;
}

// How many leading indices of the load are the reader's own leading axes.
int Fuser::shared_axes(ArrayId reader, const Load& node) const {
  const Array& to = array(reader);
  const Array& from = source(reader, node);
  size_t most = std::min(to.axes().size(), from.shape().size());
  for (size_t i = 0; i < most; ++i) {
    bool equal = to.shape()[i] == from.shape()[i];
    bool unit = equal && to.shape()[i] == 1;
    auto* ref = std::get_if<VarRef>(&node.index[i]->node);
    bool same = ref && ref->var == to.axes()[i] && equal;
    if (!unit && !same) return static_cast<int>(i);
  }
  return static_cast<int>(most);
}

std::optional<Cluster> Fuser::join_rows(const Cluster& a,
                                        const Cluster& b) const {
  if (auto split = join_split_axes(a, b)) return split;
  if (!a.split.empty() || !b.split.empty()) return std::nullopt;
  std::optional<Cluster> first = in_order(a) && in_order(b)
                                     ? join_first_axes(a, b)
                                     : std::nullopt;
  if (is_map(a) && is_map(b)) return first;
  std::optional<Cluster> any = join_any_axes(a, b);
  return any ? any : first;
}

std::optional<Cluster> Fuser::join_first_axes(const Cluster& a,
                                              const Cluster& b) const {
  int rows = std::min(a.row_axes, b.row_axes);
  bool pointwise = true;
  for_each_read(a, b, [&](ArrayId reader, const Load& node) {
    rows = std::min(rows, shared_axes(reader, node));
    pointwise = pointwise &&
                array(reader).shape() == source(reader, node).shape() &&
                !reduces(reader);
  });
  Cluster joined{GroupKind::kRow, rows, together(a, b)};
  bool maps = is_map(a) && is_map(b);
  // Maps alone gain nothing from sharing rows without sharing points.
  if (maps && !(pointwise && rows == a.row_axes && rows == b.row_axes)) {
    return std::nullopt;
  }
  if (maps) return joined;
  return rows_hold(joined) ? std::optional(joined) : std::nullopt;
}

bool Fuser::is_map(const Cluster& c) const {
  return std::none_of(c.arrays.begin(), c.arrays.end(),
                      [&](ArrayId id) { return reduces(id); });
}

// Reductions leave little behind, and all else fits on the stack.
bool Fuser::rows_hold(const Cluster& c) const {
  bool any_row = false;
  for (ArrayId id : c.arrays) {
    const Shape& shape = array(id).shape();
    const std::vector<int> order = axes_of(c, id);
    const size_t rows = static_cast<size_t>(c.row_axes);
    Dim left = 1;
    for (size_t i = rows; i < shape.size(); ++i) left *= shape[order[i]];
    if (reduces(id)) {
      bool few = left.is_static() && left.value() <= kMostRowResults;
      if (!few) return false;
    }
    for (size_t i = 0; i < rows; ++i) any_row = any_row || shape[order[i]] != 1;
  }
  // One row for everything would leave all but one core without work.
  if (!any_row && !small_without_rows(c)) return false;
  return rows_fit_.get(question_of(graph_, c), [&] {
    return rows_fit(make_group(graph_, c, {}).group, c.row_axes);
  });
}

bool Fuser::small_without_rows(const Cluster& c) const {
  return std::all_of(c.arrays.begin(), c.arrays.end(), [&](ArrayId id) {
    const Shape& shape = array(id).shape();
    if (shape.size() <= 1) return true;
    return is_static(shape) && numel(shape).value() <= kMostSerialElements;
  });
}

// Maps at the point where the products of `a` are made; products of `b`
// must be siblings.
std::optional<Cluster> Fuser::join_epilogue(const Cluster& a,
                                            const Cluster& b) const {
  bool fits = true;
  const Shape& shape = array(a.arrays.front()).shape();
  for_each_read(a, b, [&](ArrayId reader, const Load& node) {
    int rank = static_cast<int>(array(reader).shape().size());
    fits = fits && !reduces(reader) && shared_axes(reader, node) == rank &&
           array(reader).shape() == source(reader, node).shape();
  });
  for (ArrayId id : b.arrays) {
    fits = fits && (product(id) || !reduces(id)) && array(id).shape() == shape;
  }
  if (!fits || !same_left(a, b)) return std::nullopt;
  return Cluster{GroupKind::kContraction, std::min(a.row_axes, b.row_axes),
                 together(a, b)};
}

std::string Fuser::left_of(ArrayId id) const {
  const FusionFacts& facts = about(id);
  std::string text = facts.left;
  for (int slot : facts.left_slots)
    text += cat({" ", array(id).operands[slot]});
  return text;
}

void Fuser::find_left(const Array& from, FusionFacts& facts) const {
  const Contraction& match = *facts.product;
  // With one row only, the weights may be the first factor.
  bool swapped = match.cols.empty();
  const Expr& left = swapped ? match.rhs : match.lhs;
  const std::vector<int>& own = swapped ? match.rows : match.cols;
  Substitution names;
  std::string text;
  for (size_t i = 0; i < from.axes().size(); ++i) {
    int axis = static_cast<int>(i);
    bool col = std::find(own.begin(), own.end(), axis) != own.end();
    names[from.axes()[i].get()] = var(make_var(cat({"i", i})));
    text += (col ? "*" : from.shape()[i].to_string()) + ",";
  }
  std::vector<Var> depth;
  for (const ReduceAxis& axis : match.reduce) {
    depth.push_back(make_var("k"));
    names[axis.var.get()] = var(depth.back());
    text += axis.extent.to_string() + ";";
  }
  const Expr& right = swapped ? match.lhs : match.rhs;
  Formula alone;
  alone.kind = Compute{substitute(left, names)};
  const NumberedFormula numbered = number_slots(std::move(alone));
  facts.left = text + to_string(expressions_of(numbered.formula->kind)[0]) +
               " x " + storage_of(substitute(right, names), depth) + " of";
  facts.left_slots = numbered.slots;
}

bool Fuser::same_left(const Cluster& a, const Cluster& b) const {
  std::set<std::string> lefts;
  for (const Cluster* c : {&a, &b}) {
    for (ArrayId id : c->arrays) {
      if (product(id)) lefts.insert(left_of(id));
    }
  }
  return lefts.size() <= 1;
}

Schedule fuse(StageGraph graph, const Accepts& accepts) {
  Schedule schedule;
  schedule.clusters = Fuser(graph, accepts).run();
  schedule.graph = std::move(graph);
  return schedule;
}

}  // namespace lathe
