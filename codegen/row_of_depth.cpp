#include "codegen/row_of_depth.h"

#include <optional>
#include <set>

namespace lathe {
namespace {

// Constants that k is divided by, largest first.
std::set<int64_t, std::greater<>> divisors_of(const Expr& expr, const Var& k) {
  std::set<int64_t, std::greater<>> found;
  walk(expr, [&](const Expr& e) {
    const Call* call = division_in(e);
    if (!call || !depends_on(call->args[0], k.get())) return true;
    auto* literal = std::get_if<Literal>(&call->args[1]->node);
    auto* number = literal ? std::get_if<int64_t>(&literal->value) : nullptr;
    if (number && *number > 1) found.insert(*number);
    return true;
  });
  return found;
}

// The value with k = group * row, if it is the same for all k of a group.
std::optional<Expr> by_group(const Expr& expr, const MatmulForm& form,
                             const Var& row, int64_t group, int64_t rows,
                             Ranges ranges) {
  Var inner = make_var("t");
  ranges.add(row, Dim(rows));
  ranges.add(inner, Dim(group));
  Expr k = var(row) * group + var(inner);
  Expr value = simplify(substitute(expr, {{form.k.get(), k}}), ranges);
  if (depends_on(value, inner.get())) return std::nullopt;
  return value;
}

// A number that depends on k and on data, but not on the column: the first
// index of such a form, and the size of the axis that it picks from.
struct Gather {
  Expr index;
  int64_t rows = 0;
};
std::optional<Gather> find_gather(const Expr& expr, const MatmulForm& form,
                                  const Group& group) {
  std::optional<Gather> found;
  for (const Expr& e : loads_of(expr)) {
    auto& node = std::get<Load>(e->node);
    const Shape& shape = group.operands[node.slot].shape;
    for (size_t d = 0; d < node.index.size() && !found; ++d) {
      const Expr& index = node.index[d];
      bool by_data = depends_on(index, form.k.get()) &&
                     !depends_on(index, form.n.get()) && contains<Load>(index);
      if (by_data && shape[d].is_static()) {
        found = Gather{index, shape[d].value()};
      }
    }
  }
  return found;
}

Expr with_row(const Expr& expr, const Expr& index, const Var& row) {
  std::string text = to_string(index);
  Rewriter rewrite([&](const Expr& e) -> Expr {
    auto* node = std::get_if<Load>(&e->node);
    if (!node) return {};
    std::vector<Expr> place = node->index;
    for (Expr& i : place) {
      if (i->type == index->type && to_string(i) == text) i = var(row);
    }
    return load(node->slot, node->dtype, std::move(place));
  });
  return rewrite(expr);
}

}  // namespace

RowOfDepth row_of_depth(const Expr& expr, const MatmulForm& form,
                        const Group& group, const Var& row, int64_t least,
                        const Ranges& ranges) {
  if (!depends_on(expr, form.k.get())) return {expr, 0, {}, 1};
  int64_t depth = form.depth.value();
  for (int64_t g : divisors_of(expr, form.k)) {
    if (g < least) break;
    int64_t rows = (depth + g - 1) / g;
    if (auto value = by_group(expr, form, row, g, rows, ranges)) {
      return {*value, g, {}, rows};
    }
  }
  if (auto gather = find_gather(expr, form, group)) {
    Expr value = with_row(expr, gather->index, row);
    if (!depends_on(value, form.k.get())) {
      return {value, 1, gather->index, gather->rows};
    }
  }
  return {substitute(expr, {{form.k.get(), var(row)}}), 1, {}, depth};
}

}  // namespace lathe
