#include "codegen/row_plan.h"

#include <algorithm>
#include <optional>

#include "codegen/rewrite.h"
#include "codegen/simplify.h"
#include "spec/check.h"

namespace lathe {
namespace {

// Accumulators of a reduction whose points step together.
constexpr int64_t kMostSpread = 4096;

class RowPlanner {
 public:
  RowPlanner(const Group& group, int row_axes, int64_t most_local_bytes,
          Spread spread)
      : group_(group), most_local_bytes_(most_local_bytes), spread_(spread) {
    plan_.row_axes = row_axes;
    const Shape& shape = group.stage(0).shape;
    plan_.rows.assign(shape.begin(), shape.begin() + row_axes);
  }

  // Nothing when a value can be neither kept nor computed again.
  std::optional<RowPlan> run() {
    const auto& stages = group_.definition.stages;
    for (const Stage& stage : stages) {
      plan_.forms.push_back(form_of(stage, plan_.row_axes));
    }
    plan_.keep.assign(stages.size(), Keep::kScalar);
    for (size_t s = 0; s < stages.size(); ++s) {
      plan_.spread.push_back(spread_ == Spread::kYes && spreads(int(s)));
    }
    for (size_t s = 0; s < stages.size(); ++s) {
      if (!place(static_cast<int>(s))) return std::nullopt;
    }
    lend_outputs();
    return plan_;
  }

 private:
  Shape domain_of(int s) const {
    const StageForm& form = plan_.forms[s];
    Shape extents;
    if (plan_.accumulates(s)) {
      for (int r : form.reduced) {
        extents.push_back(form.reduce->axes[r].extent);
      }
    } else {
      for (int axis : form.own) extents.push_back(shape_of(s)[axis]);
    }
    return extents;
  }
  const Shape& shape_of(int s) const { return group_.stage(s).shape; }

  // Whether the load reads stage p at the point where s is computed.
  bool at_point(int s, int p, const Load& load) const {
    const StageForm& form = plan_.forms[s];
    std::vector<const VarInfo*> point;
    if (plan_.accumulates(s)) {
      for (int r : form.reduced) {
        point.push_back(form.reduce->axes[r].var.get());
      }
    } else {
      for (int axis : form.own) {
        point.push_back(group_.stage(s).axes[axis].get());
      }
    }
    const std::vector<int>& own = plan_.forms[p].own;
    if (own.size() != point.size()) return false;
    for (size_t i = 0; i < own.size(); ++i) {
      auto* ref = std::get_if<VarRef>(&load.index[own[i]]->node);
      if (!ref || ref->var.get() != point[i]) return false;
    }
    return true;
  }

  // Whether what the reduction loads lies side by side for its last own axis,
  // and not for its last reduced one.
  bool spreads(int s) const {
    const StageForm& form = plan_.forms[s];
    if (!form.reduce || form.own.empty() || form.reduced.empty()) return false;
    if (is_arg(form.reduce->op) ||
        contains<CheckedIndex>(form.reduce->body)) {
      return false;
    }
    const Stage& stage = group_.stage(s);
    Dim points = 1;
    for (int axis : form.own) points *= stage.shape[axis];
    if (!points.is_static() || points.value() > kMostSpread) return false;
    Ranges ranges;
    ranges.add(stage.axes, stage.shape);
    for (const ReduceAxis& axis : form.reduce->axes) {
      ranges.add(axis.var, axis.extent);
    }
    const Var& own = stage.axes[form.own.back()];
    const Var& reduced = form.reduce->axes[form.reduced.back()].var;
    bool apart = false;
    for (const Expr& e : loads_of(form.reduce->body)) {
      auto& node = std::get<Load>(e->node);
      const int p = node.slot - group_.definition.inputs;
      Expr address = flat_index(
          node.index, p < 0 ? group_.operands[node.slot].shape : shape_of(p),
          ranges);
      auto along = affine_in(address, own, ranges);
      if (!along || (along->stride != 0 && along->stride != 1)) return false;
      auto across = affine_in(address, reduced, ranges);
      apart = apart ||
              (!across || (across->stride != 0 && across->stride != 1));
    }
    return apart;
  }

  bool place(int s) {
    Shape domain = domain_of(s);
    const auto& body = body_of(group_.stage(s));
    // The first phase that has what s reads; `seen` lists reads of whole rows.
    int earliest = 0;
    std::vector<std::pair<int, bool>> reads;
    for (const Expr& e : loads_of(body)) {
      auto& load = std::get<Load>(e->node);
      int p = load.slot - group_.definition.inputs;
      if (p < 0) continue;
      bool scalar = plan_.accumulates(p) || plan_.forms[p].own.empty();
      bool point = !scalar && at_point(s, p, load) &&
                   !plan_.spread[s] && !plan_.spread[p] &&
                   domain == plan_.phases[plan_.phase_of[p]].extents;
      bool same_phase =
          point || (scalar && !plan_.accumulates(p) && !plan_.spread[s]);
      earliest = std::max(earliest, plan_.phase_of[p] + (same_phase ? 0 : 1));
      if (!scalar) reads.emplace_back(p, point);
    }
    int phase = earliest;
    int count = static_cast<int>(plan_.phases.size());
    if (plan_.spread[s]) phase = count;
    while (phase < count && !admits(phase, domain)) ++phase;
    if (phase == count) plan_.phases.push_back({domain, {}});
    plan_.phases[phase].stages.push_back(s);
    plan_.phase_of.push_back(phase);
    for (auto [p, point] : reads) {
      if (point && plan_.phase_of[p] == phase) continue;
      if (!keep(p)) return false;
    }
    return true;
  }

  bool admits(int phase, const Shape& domain) const {
    const Phase& there = plan_.phases[phase];
    return there.extents == domain && !plan_.spread[there.stages[0]];
  }

  bool keep(int p) {
    if (plan_.keep[p] != Keep::kScalar) return true;
    const Stage& stage = group_.stage(p);
    bool output = group_.is_output(p);
    bool exact = compute_dtype(stage.dtype) == stage.dtype;
    int64_t bytes = 0;
    for (int axis : plan_.forms[p].own) {
      const Dim& extent = stage.shape[axis];
      // What is not known is too large, be the elements bytes.
      const int64_t size = extent.is_static()
                               ? std::min(extent.value(), kMostLocalBytes + 1)
                               : kMostLocalBytes + 1;
      bytes = std::min(kMostLocalBytes + 1, std::max<int64_t>(bytes, 1) * size);
    }
    bytes *= size_of(stage.dtype);
    if (output && exact) {
      plan_.keep[p] = Keep::kOutput;
    } else if (local_bytes_ + bytes <= most_local_bytes_) {
      local_bytes_ += bytes;
      plan_.keep[p] = Keep::kLocal;
    } else if (output) {
      plan_.keep[p] = Keep::kOutput;
    } else if (may_repeat(stage)) {
      plan_.keep[p] = Keep::kAgain;
      return keep_operands_of(p);
    } else {
      return false;
    }
    return true;
  }

  // Only where it is read: of a stage that checks its indices all elements
  // must be computed.
  static bool may_repeat(const Stage& stage) {
    const Expr& body = body_of(stage);
    return !contains<Reduce>(body) && !contains<CheckedIndex>(body);
  }

  // What a stage reads must be at hand wherever it is computed again.
  bool keep_operands_of(int p) {
    const auto& body = body_of(group_.stage(p));
    for (const Expr& e : loads_of(body)) {
      int q = std::get<Load>(e->node).slot - group_.definition.inputs;
      if (q < 0 || plan_.forms[q].own.empty()) continue;
      if (!keep(q)) return false;
    }
    return true;
  }

  // What would be computed again is kept where a later output will stand.
  // Readers first: one that is computed again reads wherever it is read.
  void lend_outputs() {
    const int count = static_cast<int>(plan_.keep.size());
    plan_.lender.assign(plan_.keep.size(), -1);
    std::vector<bool> lends(plan_.keep.size(), false);
    for (int p = count; p-- > 0;) {
      if (plan_.keep[p] != Keep::kAgain) continue;
      for (int s = p + 1; s < count; ++s) {
        if (lends[s] || !can_lend(s, p)) continue;
        lends[s] = true;
        plan_.lender[p] = s;
        plan_.keep[p] = Keep::kLent;
        break;
      }
    }
  }

  // Whether output s has the form of p and nobody reads p, or its element, once
  // s is stored.
  bool can_lend(int s, int p) const {
    const Stage& to = group_.stage(p);
    const Stage& from = group_.stage(s);
    if (!group_.is_output(s) || from.dtype != to.dtype ||
        compute_dtype(to.dtype) != to.dtype || from.shape != to.shape ||
        plan_.accumulates(s) || plan_.phase_of[s] <= plan_.phase_of[p]) {
      return false;
    }
    for (size_t r = 0; r < plan_.keep.size(); ++r) {
      const int reader = static_cast<int>(r);
      const auto& body = body_of(group_.stage(reader));
      for (const Expr& e : loads_of(body)) {
        auto& load = std::get<Load>(e->node);
        if (load.slot != group_.slot_of_stage(p)) continue;
        if (plan_.keep[r] == Keep::kAgain) return false;
        if (plan_.phase_of[r] < plan_.phase_of[s]) continue;
        if (plan_.phase_of[r] > plan_.phase_of[s]) return false;
        if (reader > s || !at_point(reader, p, load)) return false;
      }
    }
    return true;
  }

  static DType compute_dtype(DType dtype) {
    bool narrow = is_float(dtype) && dtype != DType::kFloat64;
    return narrow ? DType::kFloat32 : dtype;
  }

  const Group& group_;
  const int64_t most_local_bytes_;
  const Spread spread_;
  RowPlan plan_;
  int64_t local_bytes_ = 0;
};

}  // namespace

StageForm form_of(const Stage& stage, int row_axes) {
  StageForm form;
  auto& body = body_of(stage);
  form.reduce = std::get_if<Reduce>(&body->node);
  for (size_t i = row_axes; i < stage.shape.size(); ++i) {
    if (stage.shape[i] != 1) form.own.push_back(static_cast<int>(i));
  }
  if (form.reduce) {
    for (size_t i = 0; i < form.reduce->axes.size(); ++i) {
      if (form.reduce->axes[i].extent != 1) {
        form.reduced.push_back(static_cast<int>(i));
      }
    }
  }
  return form;
}

std::optional<RowPlan> try_plan_rows(const Group& group, int row_axes,
                                     int64_t most_local_bytes,
                                     Spread spread) {
  return RowPlanner(group, row_axes, most_local_bytes, spread).run();
}

RowPlan plan_rows(const Group& group, int row_axes) {
  std::optional<RowPlan> plan = try_plan_rows(group, row_axes, kMostLocalBytes);
  LATHE_CHECK(plan.has_value(), "no row plan for ", to_string(group));
  return *plan;
}

bool rows_fit(const Group& group, int row_axes) {
  return try_plan_rows(group, row_axes, kMostLocalBytes).has_value();
}

}  // namespace lathe
