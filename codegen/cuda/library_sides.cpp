#include "codegen/cuda/library_sides.h"

#include "codegen/library_product.h"
#include "codegen/rewrite.h"

namespace lathe::cuda {
namespace {

// The load of an operand that `e` is, but for conversions to float32.
const Load* operand_load(const Group& group, const Expr& e) {
  const Load* node = plain_load(e);
  return node && node->slot < group.definition.inputs ? node : nullptr;
}

std::optional<LibrarySide> plain_side(const Group& group,
                                      const MatmulForm& form, const Expr& code,
                                      const Var& line, const Ranges& ranges) {
  const Load* node = operand_load(group, code);
  if (!node) return std::nullopt;
  const auto place = strides_in(group, *node, line, form.k, ranges);
  if (!place || !place->first.is_static() || !place->second.is_static()) {
    return std::nullopt;
  }
  const int64_t of_line = place->first.value(), of_k = place->second.value();
  LibrarySide side;
  side.operand = node->slot;
  side.dtype = node->dtype;
  side.along_depth = of_k == 1;
  side.stride = side.along_depth ? of_line : of_k;
  const bool fits = (of_k == 1 || of_line == 1) && side.stride > 0;
  return fits ? std::optional(side) : std::nullopt;
}

}  // namespace

Ranges ranges_of(const MatmulForm& form, const Dim& columns) {
  Ranges ranges;
  ranges.add(form.b, form.batch);
  ranges.add(form.m, form.rows);
  ranges.add(form.n, columns);
  ranges.add(form.k, form.depth);
  return ranges;
}

std::optional<std::pair<Dim, Dim>> strides_in(const Group& group,
                                              const Load& node, const Var& a,
                                              const Var& b,
                                              const Ranges& ranges) {
  const Expr flat = flat_index(
      node.index, group.operands[size_t(node.slot)].shape, ranges);
  const auto first = affine_in(flat, a, ranges);
  if (!first) return std::nullopt;
  const auto second = affine_in(first->base, b, ranges);
  if (!second || !is_literal(second->base, 0)) return std::nullopt;
  return std::pair(first->stride, second->stride);
}

std::optional<LibrarySide> library_side(const Group& group,
                                        const MatmulForm& form,
                                        const Expr& side, const Var& line,
                                        const Ranges& ranges) {
  if (auto plain = plain_side(group, form, side, line, ranges)) return plain;
  auto* node = std::get_if<Call>(&side->node);
  if (!node || node->op != ScalarOp::kMul) return std::nullopt;
  for (const size_t i : {size_t(0), size_t(1)}) {
    auto found = plain_side(group, form, node->args[i], line, ranges);
    if (!found) continue;
    found->block = make_var("block");
    const Var inside = make_var("inside");
    Ranges inner = ranges;
    inner.add(found->block, ceildiv(form.depth, Dim(kScaleBlock)));
    inner.add(inside, Dim(kScaleBlock));
    const Expr k = var(found->block) * int_literal(kScaleBlock) + var(inside);
    found->factor = simplify(
        substitute(node->args[1 - i], {{form.k.get(), k}}), inner);
    if (!depends_on(found->factor, inside.get())) return found;
  }
  return std::nullopt;
}

std::optional<ScaleTable> scale_table(const Group& group, const Expr& expr,
                                      const Var& line, const Var& block,
                                      const Ranges& ranges) {
  const Load* node = operand_load(group, expr);
  if (!node || node->dtype != DType::kFloat32) return std::nullopt;
  const auto place = strides_in(group, *node, line, block, ranges);
  if (!place) return std::nullopt;
  return ScaleTable{node->slot, place->first, place->second};
}

}  // namespace lathe::cuda
