#include "codegen/cuda/mma_factors.h"

#include <numeric>

#include "codegen/cuda/code_words.h"
#include "codegen/rewrite.h"

namespace lathe::cuda {

MmaFactors::MmaFactors(MatmulParts& parts, int64_t depth) : parts_(parts) {
  const MatmulPlan& plan = parts.plan();
  group_ = std::gcd(plan.group, depth);
  groups_ = depth / group_;
  const int64_t of_thread = (numbers() + kMatmulThreads - 1) / kMatmulThreads;
  KernelBuilder& kernel = parts.kernel();
  auto add = [&](Kind kind, const char* name, size_t part) {
    lines_.push_back(
        {kind, part, kernel.local(name, DType::kFloat32, of_thread)});
  };
  if (plan.left_factor.get()) add(Kind::kLeft, "left_factors", 0);
  for (int p = 0; p < parts.most_parts(); ++p) {
    if (!plan.cut) continue;
    if (plan.cut->factor.get()) add(Kind::kFactor, "factors", size_t(p));
    if (plan.cut->term.get()) add(Kind::kTerm, "terms", size_t(p));
  }
  if (!any()) return;
  const auto count = static_cast<int64_t>(lines_.size());
  kept_ = kernel.shared("of_groups", DType::kFloat32, 2 * count * numbers());
}

Stmt MmaFactors::for_numbers(
    const std::function<Stmt(const Expr& u, const Expr& number)>& body) const {
  Var u = make_var("u");
  Expr number = var(parts_.worker()) + var(u) * int_literal(kMatmulThreads);
  Stmt one = body(var(u), number);
  if (numbers() % kMatmulThreads != 0) {
    one = if_then(number < int_literal(numbers()), one);
  }
  return unrolled(u, (numbers() + kMatmulThreads - 1) / kMatmulThreads, one);
}

// Beyond the last row, column or k there is a copy of what stands there.
Expr MmaFactors::value(const Lines& lines, const MatmulSection& section,
                       const Var& m0, const Var& n0, const Expr& line,
                       const Expr& k) {
  const MatmulForm& form = parts_.form();
  auto clamped = [](const Expr& index, const Dim& size) {
    return min(index, size_of(size) - int_literal(1));
  };
  Expr own_k = clamped(k, form.depth);
  if (lines.kind == Kind::kLeft) {
    return substitute(parts_.left_factor(),
                      {{form.m.get(), clamped(var(m0) + line, form.rows)},
                       {form.k.get(), own_k}});
  }
  const int part = section.parts[lines.part];
  Expr n = clamped(var(n0) + line, section.columns);
  return lines.kind == Kind::kFactor
             ? parts_.stored()->factor(part, n, own_k)
             : parts_.stored()->term(part, n, own_k);
}

Stmt MmaFactors::read(const MatmulSection& section, const Var& m0,
                      const Var& n0, const Expr& k0) {
  std::vector<Stmt> stmts;
  for (const Lines& lines : lines_) {
    if (lines.part >= section.parts.size()) continue;
    stmts.push_back(for_numbers([&](const Expr& u, const Expr& number) {
      Expr k = k0 + number / int_literal(kLines) * int_literal(group_);
      return store(lines.registers, u,
                   value(lines, section, m0, n0, number % int_literal(kLines),
                         k));
    }));
  }
  return block(std::move(stmts));
}

Stmt MmaFactors::keep(const MatmulSection& section, const Expr& buffer) const {
  std::vector<Stmt> stmts;
  for (size_t i = 0; i < lines_.size(); ++i) {
    const Lines& lines = lines_[i];
    if (lines.part >= section.parts.size()) continue;
    Expr first = (buffer * int_literal(static_cast<int64_t>(lines_.size())) +
                  int_literal(static_cast<int64_t>(i))) *
                 int_literal(numbers());
    stmts.push_back(for_numbers([&](const Expr& u, const Expr& number) {
      return store(kept_, first + number,
                   flat_load(lines.registers, DType::kFloat32, u));
    }));
  }
  return block(std::move(stmts));
}

Expr MmaFactors::kept(Kind kind, size_t part, const Expr& buffer,
                      const Expr& g, const Expr& line) const {
  for (size_t i = 0; i < lines_.size(); ++i) {
    if (lines_[i].kind != kind || lines_[i].part != part) continue;
    Expr first = (buffer * int_literal(static_cast<int64_t>(lines_.size())) +
                  int_literal(static_cast<int64_t>(i))) *
                 int_literal(numbers());
    return flat_load(kept_, DType::kFloat32,
                     first + g * int_literal(kLines) + line);
  }
  return {};
}

Expr MmaFactors::left(const Expr& buffer, const Expr& g,
                      const Expr& line) const {
  return kept(Kind::kLeft, 0, buffer, g, line);
}
Expr MmaFactors::factor(const Expr& buffer, size_t part, const Expr& g,
                        const Expr& line) const {
  return kept(Kind::kFactor, part, buffer, g, line);
}
Expr MmaFactors::term(const Expr& buffer, size_t part, const Expr& g,
                      const Expr& line) const {
  return kept(Kind::kTerm, part, buffer, g, line);
}

}  // namespace lathe::cuda
