// What a library makes of the sums of a section: scales, a bias, a tensor that
// is added. The maps of the section are put into one expression of the sum,
// which must be factor * sum + term.
#include <algorithm>
#include <map>

#include "codegen/cuda/library_sides.h"
#include "codegen/linear_form.h"

namespace lathe::cuda {
namespace {

// Operands of a chain of `op`.
void flatten(const Expr& e, ScalarOp op, std::vector<Expr>& parts) {
  if (!e.get()) return;
  auto* node = std::get_if<Call>(&e->node);
  if (!node || node->op != op) {
    parts.push_back(e);
    return;
  }
  for (const Expr& arg : node->args) flatten(arg, op, parts);
}

// Without roundings to floats of 16 bits and more on the way: fusing may drop
// them.
Expr without_roundings(const Expr& e) {
  Rewriter rewrite([](const Expr& inner) -> Expr {
    auto* to = std::get_if<Cast>(&inner->node);
    const bool wide = to && (to->dtype == DType::kFloat32 ||
                             to->dtype == DType::kBFloat16 ||
                             to->dtype == DType::kFloat16);
    return wide && to->arg->type == NumType::kFloat32 ? to->arg : Expr();
  });
  return rewrite(e);
}

class Closer {
 public:
  Closer(const Group& group, const MatmulForm& form,
         const MatmulSection& section)
      : group_(group),
        form_(form),
        section_(section),
        part_(form.parts[size_t(section.parts[0])]),
        ranges_(ranges_of(form, section.columns)) {}

  std::optional<LibraryClosing> run() {
    if (section_.parts.size() != 1 || !find_output()) return std::nullopt;
    const Expr value = without_roundings(simplify(value_of_output(), ranges_));
    const auto linear = linear_in(value, sum_);
    if (!linear) return std::nullopt;
    std::vector<Expr> factors, terms;
    flatten(linear->factor, ScalarOp::kMul, factors);
    flatten(linear->term, ScalarOp::kAdd, terms);
    for (const Expr& factor : factors) {
      if (!take_factor(factor)) return std::nullopt;
    }
    for (const Expr& term : terms) {
      if (!take_term(term)) return std::nullopt;
    }
    return closing_;
  }

 private:
  const Stage& output_stage() const {
    return group_.stage(section_.stages.back());
  }

  // The last stage of the section is its only output, row after row.
  bool find_output() {
    const std::vector<int>& outputs = group_.definition.outputs;
    for (size_t o = 0; o < outputs.size(); ++o) {
      if (outputs[o] == section_.stages.back()) {
        closing_.output = static_cast<int>(o);
      } else if (std::count(section_.stages.begin(), section_.stages.end(),
                            outputs[o]) > 0) {
        return false;
      }
    }
    const Expr flat =
        flat_index(index_of_output(), output_stage().shape, ranges_);
    const auto by_m = affine_in(flat, form_.m, ranges_);
    if (closing_.output < 0 || !by_m || !by_m->stride.is_static()) return false;
    const auto by_n = affine_in(by_m->base, form_.n, ranges_);
    if (!by_n || by_n->stride != 1 || to_string(by_n->base) != "0") {
      return false;
    }
    closing_.stride = by_m->stride.value();
    return true;
  }

  std::vector<Expr> index_of_output() const {
    std::vector<Expr> index;
    for (const Var& axis : group_.stage(part_.stage).axes) {
      index.push_back(part_.axes.at(axis.get()));
    }
    return index;
  }

  // Over sum_, m and n.
  Expr value_of_output() const {
    const std::vector<Expr> index = index_of_output();
    std::map<int, Expr> values;
    for (int s : section_.stages) {
      const Stage& stage = group_.stage(s);
      if (s == part_.stage) {
        values[s] = part_.scale.get()
                        ? var(sum_) * substitute(part_.scale, part_.axes)
                        : var(sum_);
        continue;
      }
      Substitution place;
      for (size_t d = 0; d < stage.axes.size(); ++d) {
        place[stage.axes[d].get()] = index[d];
      }
      const Expr body =
          substitute(body_of(stage), place);
      Rewriter rewrite([&](const Expr& e) -> Expr {
        auto* node = std::get_if<Load>(&e->node);
        const int inputs = group_.definition.inputs;
        return node && node->slot >= inputs ? values.at(node->slot - inputs)
                                            : Expr();
      });
      values[s] = rewrite(body);
    }
    return values.at(section_.stages.back());
  }

  // The load that `e` is and its strides, if it is one.
  const Load* load_in(const Expr& e, std::pair<Dim, Dim>& strides) const {
    auto* node = std::get_if<Load>(&e->node);
    if (!node || node->slot >= group_.definition.inputs) return nullptr;
    const auto place = strides_in(group_, *node, form_.m, form_.n, ranges_);
    if (!place) return nullptr;
    strides = *place;
    return node;
  }

  static bool fill(int& place, int operand) {
    if (place >= 0) return false;
    place = operand;
    return true;
  }

  bool take_factor(const Expr& factor) {
    std::pair<Dim, Dim> strides;
    const Load* node = load_in(factor, strides);
    if (!node || node->dtype != DType::kFloat32) return false;
    const auto& [of_m, of_n] = strides;
    if (of_m == 0 && of_n == 0) {
      return fill(closing_.left_number, node->slot) ||
             fill(closing_.right_number, node->slot);
    }
    if (of_m == 1 && of_n == 0) return fill(closing_.left_lines, node->slot);
    if (of_m == 0 && of_n == 1) return fill(closing_.right_lines, node->slot);
    return false;
  }

  bool take_term(const Expr& term) {
    std::pair<Dim, Dim> strides;
    const Load* node = load_in(term, strides);
    if (!node || node->dtype != output_stage().dtype) return false;
    const auto& [of_m, of_n] = strides;
    if (of_m == 0 && of_n == 1) return fill(closing_.bias, node->slot);
    if (of_m == closing_.stride && of_n == 1) {
      return fill(closing_.added, node->slot);
    }
    return false;
  }

  const Group& group_;
  const MatmulForm& form_;
  const MatmulSection& section_;
  const MatmulPart& part_;
  Ranges ranges_;
  Var sum_ = make_var("sum", NumType::kFloat32);
  LibraryClosing closing_;
};

}  // namespace

std::optional<LibraryClosing> library_closing(const Group& group,
                                              const MatmulForm& form,
                                              const MatmulSection& section) {
  return Closer(group, form, section).run();
}

}  // namespace lathe::cuda
