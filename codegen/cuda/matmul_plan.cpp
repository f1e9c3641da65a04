#include "codegen/cuda/matmul_plan.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "codegen/cuda/gpu_sizes.h"
#include "codegen/linear_form.h"
#include "codegen/row_of_depth.h"

namespace lathe::cuda {
namespace {

// The longest read of a thread, in bits, and the most codes of it.
constexpr int64_t kReadBits = 128, kMostCodes = 32;
constexpr int64_t kLeastCodes = 4;

// Whether `dtype`, a 16-bit float, holds every number of `from`.
bool holds(DType dtype, DType from) {
  return from == dtype || from == DType::kFloat8E4M3FN ||
         from == DType::kFloat8E5M2 || from == DType::kInt8 ||
         from == DType::kUInt8;
}

class MatmulPlanner {
 public:
  MatmulPlanner(const Group& group, MatmulForm form) : group_(group) {
    plan_.form = std::move(form);
  }

  MatmulPlan run() {
    const MatmulForm& form = plan_.form;
    if (form.type == NumType::kFloat32) {
      if (form.right_at_load) plan_.cut = cut_right(form, group_);
      if (plan_.cut) name_true_codes(*plan_.cut);
      if (find_left()) find_exact();
    }
    if (plan_.cut) choose_pack();
    return std::move(plan_);
  }

 private:
  // A code is stored above its least value; the field's name is to be the code
  // itself, so that nothing has to be added for that.
  static void name_true_codes(RightCut& cut) {
    for (RightField& field : cut.fields) {
      if (field.planes.empty()) continue;
      Rewriter rewrite([&](const Expr& e) -> Expr {
        auto* node = std::get_if<Call>(&e->node);
        if (!node || node->op != ScalarOp::kAdd) return {};
        auto* ref = std::get_if<VarRef>(&node->args[0]->node);
        auto* least = std::get_if<Literal>(&node->args[1]->node);
        if (!ref || ref->var != field.name || !least) return {};
        auto* number = std::get_if<double>(&least->value);
        bool same = number && *number == static_cast<double>(field.least);
        return same ? node->args[0] : Expr();
      });
      cut.value = rewrite(cut.value);
    }
    if (!cut.code) return;
    auto linear = linear_in(cut.value, cut.fields[size_t(*cut.code)].name);
    cut.factor = linear->factor;
    cut.term = linear->term;
  }

  // The left side as a load times what whole groups of k share.
  bool find_left() {
    const MatmulForm& form = plan_.form;
    Expr left = form.left;
    if (plain_load(left)) {
      plan_.left_code = left;
      return true;
    }
    auto* node = std::get_if<Call>(&left->node);
    if (!node || node->op != ScalarOp::kMul || !form.depth.is_static()) {
      return false;
    }
    for (int side : {0, 1}) {
      const Expr& code = node->args[size_t(side)];
      const Expr& factor = node->args[size_t(1 - side)];
      if (!plain_load(code)) continue;
      Ranges ranges;
      ranges.add(form.b, form.batch);
      ranges.add(form.m, form.rows);
      ranges.add(form.k, form.depth);
      RowOfDepth rows = row_of_depth(factor, form, group_, make_var("row"),
                                     kMmaDepth, ranges);
      if (rows.gather.get() || rows.group % kMmaDepth != 0) continue;
      plan_.left_code = code;
      plan_.left_factor = factor;
      plan_.group = rows.group;
      return true;
    }
    return false;
  }

  void find_exact() {
    const DType left = plain_load(plan_.left_code)->dtype;
    std::vector<DType> stored = {left};
    if (plan_.cut) {
      if (!plan_.cut->code || plan_.cut->group % kMmaDepth != 0) return;
      plan_.group = std::gcd(plan_.group, plan_.cut->group);
      const RightField& codes = plan_.cut->fields[size_t(*plan_.cut->code)];
      stored.push_back(codes.planes.empty() ? codes.dtype : DType::kInt8);
    } else {
      for (const MatmulPart& part : plan_.form.parts) {
        const Load* load = plain_load(part.right);
        if (!load) return;
        stored.push_back(load->dtype);
      }
    }
    plan_.left_type = left;
    const bool alike = std::all_of(stored.begin() + 1, stored.end(),
                                   [&](DType t) { return t == stored[1]; });
    if (alike) plan_.right_type = stored[1];
    for (DType dtype : {DType::kBFloat16, DType::kFloat16}) {
      bool all = std::all_of(stored.begin(), stored.end(),
                             [&](DType from) { return holds(dtype, from); });
      if (all && !plan_.exact) plan_.exact = dtype;
    }
  }

  // As many codes as 16 bytes hold, or fewer where the depth wants it.
  void choose_pack() {
    const int64_t depth = plan_.form.depth.value();
    int64_t widest = 1, least = kLeastCodes;
    for (const RightField& field : plan_.cut->fields) {
      if (!field.is_fine()) continue;
      least = std::max(least, field.codes_a_word());
      widest = std::max<int64_t>(widest, field.planes.empty()
                                             ? 8 * size_of(field.dtype)
                                             : field.planes[0]);
    }
    int64_t pack = std::max(std::min(kMostCodes, kReadBits / widest), least);
    while (depth % pack != 0 && pack / 2 >= least) pack /= 2;
    plan_.pack = pack;
    if (!plan_.exact || depth % pack != 0 || depth % kMmaDepth != 0) return;
    plan_.streams = true;
    plan_.in_steps = plan_.group != 0 && plan_.group % (4 * pack) != 0;
  }

  const Group& group_;
  MatmulPlan plan_;
};

bool is_float8(const std::optional<DType>& dtype) {
  return dtype == DType::kFloat8E4M3FN || dtype == DType::kFloat8E5M2;
}

}  // namespace

bool suits_float8(const MatmulPlan& plan) {
  if (!plan.exact || !is_float8(plan.left_type) || !is_float8(plan.right_type)) {
    return false;
  }
  const bool has_terms = plan.cut && plan.cut->term.get();
  constexpr int64_t kFloat8Step = 32;
  return !has_terms && !plan.in_steps && plan.group % kFloat8Step == 0;
}

MatmulPlan plan_matmul(const Group& group, MatmulForm form) {
  return MatmulPlanner(group, std::move(form)).run();
}

}  // namespace lathe::cuda
