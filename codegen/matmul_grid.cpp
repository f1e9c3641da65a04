#include "codegen/matmul_grid.h"

namespace lathe {
namespace {

// With at most this many row tiles a product counts as one with few rows.
constexpr int kFewRowTiles = 2;

}  // namespace

Dim MatmulGrid::row_blocks() const {
  return ceildiv(context_.form.rows, Dim(context_.row_block));
}

int64_t MatmulGrid::few_rows() const {
  return static_cast<int64_t>(kFewRowTiles) * context_.tile.rows;
}

// 1 when there are more than a few rows, else 0.
Dim MatmulGrid::many() const {
  return min(floordiv(context_.form.rows, Dim(few_rows() + 1)), Dim(1));
}

Dim MatmulGrid::items() const {
  Dim groups;
  for (const PanelSection& s : context_.panels.sections) {
    groups += many() * ceildiv(s.units, Dim(s.group)) +
              (Dim(1) - many()) * ceildiv(s.units, Dim(s.group_few));
  }
  return context_.form.batch * row_blocks() * groups;
}

Stmt MatmulGrid::begin() {
  std::vector<Stmt> stmts;
  Expr is_few = size_of(context_.form.rows) <= int_literal(few_rows());
  Expr total = int_literal(0);
  for (const PanelSection& s : context_.panels.sections) {
    Var size = make_var("group"), count = make_var("groups");
    stmts.push_back(let(
        size, select(is_few, int_literal(s.group_few), int_literal(s.group))));
    stmts.push_back(let(count, ceil_div(size_of(s.units), var(size))));
    group_size_.push_back(size);
    group_start_.push_back(total);
    total = total + var(count);
  }
  stmts.push_back(let(groups_, total));
  return block(std::move(stmts));
}

Stmt MatmulGrid::position(const Var& item) const {
  const MatmulPlace& at = context_.at;
  const MatmulForm& form = context_.form;
  Var blocks = make_var("row_blocks"), rest = make_var("rest");
  Var group = make_var("g");
  Expr first_row = var(item) % var(blocks) * context_.row_block;
  Expr rows_left = size_of(form.rows) - var(at.m0);
  std::vector<Stmt> stmts = {
      let(blocks, size_of(row_blocks())),
      let(at.m0, first_row),
      let(at.rows, min(rows_left, int_literal(context_.row_block))),
      let(rest, var(item) / var(blocks)),
      let(group, var(rest) % var(groups_)),
      let(form.b, var(rest) / var(groups_)),
  };
  Expr section, u0, units, p0, panels;
  // From the last section to the first, so that the selects nest in order.
  for (size_t s = context_.panels.sections.size(); s-- > 0;) {
    const PanelSection& plan = context_.panels.sections[s];
    bool last = s + 1 == context_.panels.sections.size();
    Expr here = last ? literal(true) : var(group) < group_start_[s + 1];
    auto choose = [&](Expr& chosen, const Expr& value) {
      chosen = last ? value : select(here, value, chosen);
    };
    Expr first = (var(group) - group_start_[s]) * var(group_size_[s]);
    Expr count = min(size_of(plan.units) - first, var(group_size_[s]));
    choose(section, int_literal(static_cast<int64_t>(s)));
    choose(u0, first);
    choose(units, count);
    choose(p0, first * plan.parts + size_of(plan.first_panel));
    choose(panels, count * plan.parts);
  }
  stmts.push_back(let(at.section, section));
  stmts.push_back(let(at.u0, u0));
  stmts.push_back(let(at.units, units));
  stmts.push_back(let(at.p0, p0));
  stmts.push_back(let(at.panels, panels));
  return block(std::move(stmts));
}

}  // namespace lathe
