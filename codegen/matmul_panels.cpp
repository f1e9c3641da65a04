#include "codegen/matmul_panels.h"

#include <algorithm>
#include <utility>

#include "codegen/packed_operand.h"
#include "codegen/rewrite.h"
#include "interpreter/scalar_ops.h"

namespace lathe {
namespace {

// Panels of a work item: enough that filling a block of the left side is a few
// per cent of the work that uses it.
constexpr int64_t kItemPanels = 8;
// Work items to aim at, with many rows and with few.
constexpr int64_t kItemsManyRows = 16;
constexpr int64_t kItemsFewRows = 512;

// Whether the value is always a number that bfloat16 has.
bool holds_bfloat16(const Expr& value) {
  auto fits = [](DType dtype) {
    return dtype == DType::kBFloat16 || dtype == DType::kFloat8E4M3FN ||
           dtype == DType::kFloat8E5M2;
  };
  if (auto* node = std::get_if<Load>(&value->node)) return fits(node->dtype);
  if (auto* node = std::get_if<Literal>(&value->node)) {
    double number = as_double(node->value);
    return round_to(DType::kBFloat16, number) == number;
  }
  if (auto* node = std::get_if<Cast>(&value->node)) {
    bool widens = node->dtype == DType::kFloat32;
    return fits(node->dtype) || (widens && holds_bfloat16(node->arg));
  }
  auto* call = std::get_if<Call>(&value->node);
  if (!call) return false;
  const bool select = call->op == ScalarOp::kSelect;
  const bool picks = select || call->op == ScalarOp::kMin ||
                     call->op == ScalarOp::kMax || call->op == ScalarOp::kNeg ||
                     call->op == ScalarOp::kAbs;
  return picks && std::all_of(call->args.begin() + select, call->args.end(),
                              holds_bfloat16);
}

int64_t group_for(const Dim& units, int64_t most, int64_t items) {
  if (!units.is_static()) return most;
  return std::clamp<int64_t>(units.value() / items, 1, most);
}

}  // namespace

MatmulPanels plan_panels(const MatmulForm& form, const TileShape& tile) {
  MatmulPanels plan;
  plan.width = tile.columns();
  for (const MatmulSection& section : form.sections) {
    PanelSection s;
    s.parts = static_cast<int>(section.parts.size());
    s.columns = section.columns;
    s.units = ceildiv(section.columns, plan.width);
    s.first_panel = plan.panels;
    int64_t most = std::max<int64_t>(1, kItemPanels / s.parts);
    s.group = group_for(s.units, most, kItemsManyRows);
    s.group_few = group_for(s.units, s.group, kItemsFewRows);
    plan.panels += s.units * s.parts;
    plan.most = std::max(plan.most, static_cast<int>(s.group) * s.parts);
    plan.sections.push_back(s);
  }
  return plan;
}

void share_out_few(MatmulPanels& panels, int64_t items) {
  for (PanelSection& section : panels.sections) {
    section.group_few = group_for(section.units, section.group, items);
  }
}

std::optional<DType> packed_dtype(const MatmulForm& form,
                                  const TileShape& tile) {
  if (!form.right_at_load) return std::nullopt;
  std::optional<DType> dtype;
  for (const MatmulPart& part : form.parts) {
    auto* node = std::get_if<Load>(&part.right->node);
    if (!node || (dtype && *dtype != node->dtype)) return std::nullopt;
    dtype = node->dtype;
  }
  bool cheap = *dtype == DType::kBFloat16 && tile.dtype == DType::kFloat32;
  bool wide = tile.dtype == DType::kFloat64 && is_float(*dtype);
  return cheap || wide || *dtype == tile.dtype ? dtype : std::nullopt;
}

bool multiplies_pairs(const MatmulForm& form, const TileShape& tile,
                      const std::optional<RightCut>& cut,
                      const Target& target) {
  if (!target.bf16_dot || tile.dtype != DType::kFloat32) return false;
  bool right = cut ? cut->suits_pairs(form.depth, target)
                   : packed_dtype(form, tile) == DType::kBFloat16;
  return right && holds_bfloat16(form.left);
}

PackedOperand pack_panels(const MatmulForm& form, const MatmulPanels& panels,
                          const PanelValue& packed_value) {
  Var b = make_var("b"), p = make_var("p"), row = make_var("row"),
      j = make_var("j"), place = make_var("place");
  const int64_t words = packed_value.rows_a_word;
  Expr whole_row = words == 1 ? var(row) : var(row) * words + var(place);
  NumType type = packed_value.parts[0]->type;
  Expr zero = type == NumType::kInt64 ? int_literal(0) : float_literal(0, type);
  Expr body = zero;
  // From the last section to the first, so that the selects nest in order.
  for (size_t s = form.sections.size(); s-- > 0;) {
    const MatmulSection& section = form.sections[s];
    const PanelSection& plan = panels.sections[s];
    Expr local = var(p) - size_of(plan.first_panel);
    Expr column = local / plan.parts * panels.width + var(j);
    Expr value = zero;
    for (size_t q = section.parts.size(); q-- > 0;) {
      Substitution at = {{form.b.get(), var(b)},
                         {packed_value.row.get(), whole_row},
                         {form.n.get(), column}};
      Expr right = substitute(packed_value.parts[section.parts[q]], at);
      bool last = q + 1 == section.parts.size();
      value = last ? right
                   : select(equal(local % plan.parts, static_cast<int>(q)),
                            right, value);
    }
    if (!(mod(section.columns, panels.width) == 0)) {
      value = select(column < size_of(section.columns), value, zero);
    }
    Expr here = var(p) < size_of(plan.first_panel + plan.units * plan.parts);
    bool last = s + 1 == form.sections.size();
    body = last ? value : select(here, value, body);
  }
  const Dim all_rows =
      ceildiv(packed_value.rows, Dim(packed_value.row_multiple)) *
      packed_value.row_multiple;
  if (!(all_rows == packed_value.rows)) {
    body = select(whole_row < size_of(packed_value.rows), body, zero);
  }
  if (packed_value.sum_over) {
    body = reduce(ReduceOp::kSum, {*packed_value.sum_over}, body);
  }
  Shape shape = {form.batch, panels.panels, floordiv(all_rows, Dim(words)),
                 panels.width};
  std::vector<Var> axes = {b, p, row, j};
  if (words > 1) {
    shape.push_back(Dim(words));
    axes.push_back(place);
  }
  return packed_operand(packed_value.name, packed_value.dtype, std::move(shape),
                        std::move(axes), body);
}

}  // namespace lathe
