#include "codegen/cuda/matmul_parts.h"

#include <algorithm>
#include <utility>

#include "codegen/rewrite.h"

namespace lathe::cuda {

MatmulParts::MatmulParts(const Group& group, const MatmulPlan& plan,
                         const PrologueForm* prologue, int workers)
    : group_(group),
      plan_(plan),
      form_(plan.form),
      prologue_(prologue),
      kernel_(group) {
  ranges_.add(form_.b, form_.batch);
  ranges_.add(form_.m, form_.rows);
  ranges_.add(form_.k, form_.depth);
  if (prologue_) bind_prologue();
  bind_buffers();
  worker_ = kernel_.share_items(workers);
  if (!prologue_) return;
  for (size_t i = 0; i < prologue_->numbers.size(); ++i) {
    const int index = prologue_->first_number() + static_cast<int>(i);
    number_slots_.push_back(
        kernel_.share_operand(index, prologue_->numbers[i].kept()));
  }
}

// Handed values are rounded as memory would round them.
void MatmulParts::bind_prologue() {
  for (size_t i = 0; i < prologue_->numbers.size(); ++i) {
    kernel_.keep_in_block(prologue_->first_number() + static_cast<int>(i));
  }
  for (const PrologueForm::Number& number : prologue_->numbers) {
    kernel_.bind_operands(number.value);
  }
  for (size_t i = 0; i < prologue_->handed.size(); ++i) {
    const PrologueForm::Handed& handed = prologue_->handed[i];
    const int index = prologue_->first_handed() + static_cast<int>(i);
    kernel_.define(index, handed.axes, cast(handed.dtype, handed.value));
  }
}

// All of them, before the first local.
void MatmulParts::bind_buffers() {
  kernel_.bind_operands(form_.left);
  if (plan_.cut) stored_.emplace(plan_, kernel_, ranges_);
  for (const MatmulPart& part : form_.parts) {
    if (!plan_.cut) kernel_.bind_operands(part.right);
    if (part.scale.get()) kernel_.bind_operands(part.scale);
  }
  for (const MatmulSection& section : form_.sections) {
    for (int s : section.stages) {
      bool summed = std::any_of(
          section.parts.begin(), section.parts.end(),
          [&](int part) { return form_.parts[size_t(part)].stage == s; });
      if (summed) continue;
      kernel_.bind_operands(body_of(group_.stage(s)));
    }
  }
  for (size_t o = 0; o < group_.definition.outputs.size(); ++o) {
    kernel_.output(static_cast<int>(o));
  }
}

int MatmulParts::most_parts() const {
  size_t most = 0;
  for (const MatmulSection& section : form_.sections) {
    most = std::max(most, section.parts.size());
  }
  return static_cast<int>(most);
}

Expr MatmulParts::left() {
  return convert(form_.type, kernel_.lower(form_.left, {}, ranges_));
}

Expr MatmulParts::right(const MatmulSection& section, size_t part) {
  Ranges ranges = ranges_;
  ranges.add(form_.n, section.columns);
  if (stored_) {
    return stored_->value(section.parts[part], var(form_.n), var(form_.k));
  }
  const MatmulPart& from = form_.parts[size_t(section.parts[part])];
  return convert(form_.type, kernel_.lower(from.right, {}, ranges));
}

Expr MatmulParts::left_code() {
  return kernel_.lower(plan_.left_code, {}, ranges_);
}
Expr MatmulParts::left_factor() {
  if (!plan_.left_factor.get()) return {};
  return kernel_.lower(plan_.left_factor, {}, ranges_);
}

std::optional<Expr> MatmulParts::pack_address(const Expr& index,
                                              Ranges ranges, const Var& kp,
                                              int64_t size) const {
  if (!(mod(form_.depth, size) == 0)) return std::nullopt;
  ranges.add(kp, floordiv(form_.depth, Dim(size)));
  Var j = make_var("j");
  ranges.add(j, Dim(size));
  const Expr k = var(kp) * int_literal(size) + var(j);
  const auto affine =
      affine_in(substitute(index, {{form_.k.get(), k}}), j, ranges);
  if (!affine || affine->stride != 1) return std::nullopt;
  if (!is_multiple(affine->base, size, ranges)) return std::nullopt;
  return simplify(affine->base, ranges);
}

bool MatmulParts::is_there(const Expr& expr, const Expr& load,
                           const Ranges& ranges) const {
  const std::string text = to_string(load);
  bool always = false;
  walk_always(expr, [&](const Expr& e) {
    always = always ||
             (std::holds_alternative<Load>(e->node) && to_string(e) == text);
    return !always;
  });
  if (always) return true;
  const Load& node = std::get<Load>(load->node);
  const GroupOperand* operand = kernel_.operand_of(node.slot);
  return operand && provably_in_range(node.index[0], Dim(0),
                                      numel(operand->shape), ranges);
}

bool MatmulParts::is_number(const Load& load) const {
  return std::find(number_slots_.begin(), number_slots_.end(), load.slot) !=
         number_slots_.end();
}

bool MatmulParts::same_in_pack(const Expr& index, Ranges ranges,
                               int64_t size) const {
  Var kp = make_var("kp"), j = make_var("j");
  ranges.add(kp, ceildiv(form_.depth, Dim(size)));
  ranges.add(j, Dim(size));
  const Expr k = var(kp) * int_literal(size) + var(j);
  return !depends_on(
      simplify(substitute(index, {{form_.k.get(), k}}), ranges), j.get());
}

Stmt MatmulParts::finish(const MatmulSection& section, const Expr& m,
                         const Expr& n,
                         const std::function<Expr(size_t part)>& sum) {
  Ranges ranges = ranges_;
  ranges.add(form_.n, section.columns);
  const MatmulPart& model = form_.parts[size_t(section.parts[0])];
  std::vector<Expr> index;
  for (const Var& axis : group_.stage(model.stage).axes) {
    index.push_back(model.axes.at(axis.get()));
  }
  Stmt maps =
      kernel_.point(section.stages, index, ranges, [&](int stage) -> Expr {
        for (size_t q = 0; q < section.parts.size(); ++q) {
          const MatmulPart& part = form_.parts[size_t(section.parts[q])];
          if (part.stage != stage) continue;
          if (!part.scale.get()) return sum(q);
          return sum(q) * kernel_.lower(part.scale, part.axes, ranges);
        }
        return {};
      });
  return block({let(form_.m, m), let(form_.n, n), maps});
}

const Load* load_of(const Expr& code) {
  if (auto* to = std::get_if<Cast>(&code->node)) return load_of(to->arg);
  return std::get_if<Load>(&code->node);
}

}  // namespace lathe::cuda
