#include "codegen/attention_form.h"

#include <algorithm>
#include <set>
#include <utility>

#include "codegen/contraction.h"
#include "codegen/kernel_builder.h"
#include "codegen/shared_heads.h"

namespace lathe {
namespace {

const Reduce* reduction_of(const Stage& stage, ReduceOp op) {
  auto* compute = std::get_if<Compute>(&stage.kind);
  auto* node = compute ? std::get_if<Reduce>(&compute->body->node) : nullptr;
  return node && node->op == op && node->axes.size() == 1 ? node : nullptr;
}

// A rounding of a float32 value on the way; fusion may drop it.
Expr without_rounding(Expr expr) {
  while (auto* node = std::get_if<Cast>(&expr->node)) {
    if (!is_float(node->dtype) || node->arg->type != expr->type) break;
    expr = node->arg;
  }
  return expr;
}

// The factors of a product and its divisors.
struct Factors {
  std::vector<Expr> over, under;
};
void collect_factors(const Expr& expr, bool divisor, Factors& factors) {
  Expr e = without_rounding(expr);
  if (auto* mul = call_of(e, ScalarOp::kMul)) {
    collect_factors(mul->args[0], divisor, factors);
    collect_factors(mul->args[1], divisor, factors);
  } else if (auto* div = call_of(e, ScalarOp::kDiv)) {
    collect_factors(div->args[0], divisor, factors);
    collect_factors(div->args[1], !divisor, factors);
  } else {
    (divisor ? factors.under : factors.over).push_back(e);
  }
}

Expr times(const Expr& a, const Expr& b) { return a ? a * b : b; }

// Recognises the form from its last sum backwards.
class AttentionMatcher {
 public:
  explicit AttentionMatcher(const Group& group)
      : group_(group), inputs_(group.definition.inputs) {}

  std::optional<AttentionForm> match() {
    if (!find_result() || !split_result() || !check_sums()) {
      return std::nullopt;
    }
    if (!split_score() || !assign_axes() || !collect_maps() ||
        !keeps_checks()) {
      return std::nullopt;
    }
    return std::move(form_);
  }

 private:
  const Stage& stage(int s) const { return group_.stage(s); }
  int stage_of_slot(int slot) const { return slot - inputs_; }
  bool is_map(int s) const {
    auto* compute = std::get_if<Compute>(&stage(s).kind);
    return compute && !contains<Reduce>(compute->body);
  }
  const Load* stage_load(const Expr& expr) const {
    auto* node = std::get_if<Load>(&expr->node);
    return node && node->slot >= inputs_ ? node : nullptr;
  }

  // `expr` with maps of the group put in place of their loads.
  Expr inlined(const Expr& expr) const {
    Rewriter rewrite([&](const Expr& e) -> Expr {
      const Load* node = stage_load(e);
      if (!node || !is_map(stage_of_slot(node->slot))) return {};
      const Stage& map = stage(stage_of_slot(node->slot));
      Substitution place;
      for (size_t d = 0; d < map.axes.size(); ++d) {
        place[map.axes[d].get()] = node->index[d];
      }
      return inlined(substitute(body_of(map), place));
    });
    return rewrite(expr);
  }

  // Stage `s` at `index`, with its reduction variable replaced by the key.
  Expr body_at(const Reduce& node, int s, const std::vector<Expr>& index) {
    Substitution place = {{node.axes[0].var.get(), var(form_.s)}};
    for (size_t d = 0; d < stage(s).axes.size(); ++d) {
      place[stage(s).axes[d].get()] = index[d];
    }
    return simple(inlined(substitute(node.body, place)));
  }

  Expr simple(const Expr& expr) const { return simplify(expr, ranges_); }

  // The last reduction is the weighted sum of values.
  bool find_result() {
    for (size_t s = 0; s < group_.definition.stages.size(); ++s) {
      if (!std::holds_alternative<Compute>(stage(s).kind)) return false;
      if (!is_map(s)) form_.result = static_cast<int>(s);
    }
    if (form_.result < 0) return false;
    const Reduce* sum = reduction_of(stage(form_.result), ReduceOp::kSum);
    if (!sum || sum->body->type != NumType::kFloat32) return false;
    form_.s = make_var("s");
    form_.keys = sum->axes[0].extent;
    const Stage& result = stage(form_.result);
    ranges_.add(form_.s, form_.keys);
    ranges_.add(result.axes, result.shape);
    std::vector<Expr> own;
    for (const Var& axis : result.axes) own.push_back(var(axis));
    body_ = body_at(*sum, form_.result, own);
    return true;
  }

  // body = exp(x - max) / sum * value * rest
  bool split_result() {
    Factors factors;
    collect_factors(body_, false, factors);
    for (const Expr& f : factors.under) {
      const Load* node = stage_load(f);
      if (!node || sum_load_) return false;
      sum_load_ = node;
      holder_.push_back(f);
    }
    for (const Expr& f : factors.over) {
      auto* call = call_of(f, ScalarOp::kExp);
      if (call && depends_on(f, form_.s.get()) && !exp_.get()) {
        exp_ = f;
      } else if (depends_on(f, form_.s.get())) {
        form_.value = times(form_.value, f);
      } else {
        form_.rest = times(form_.rest, f);
      }
    }
    if (!sum_load_ || !exp_.get() || !form_.value.get()) return false;
    if (loads_stage(form_.value)) return false;
    if (form_.rest.get() && loads_stage(form_.rest)) return false;
    Expr arg = without_rounding(std::get<Call>(exp_->node).args[0]);
    auto* difference = call_of(arg, ScalarOp::kSub);
    if (!difference) return false;
    form_.score = without_rounding(difference->args[0]);
    Expr max = without_rounding(difference->args[1]);
    max_load_ = stage_load(max);
    holder_.push_back(max);
    return max_load_ != nullptr;
  }

  bool loads_stage(const Expr& expr) const {
    for (const Expr& e : loads_of(expr)) {
      if (stage_load(e)) return true;
    }
    return false;
  }

  // The maximum and the sum run over the same keys of the same expressions.
  bool check_sums() {
    int max_stage = stage_of_slot(max_load_->slot);
    int sum_stage = stage_of_slot(sum_load_->slot);
    const Reduce* max = reduction_of(stage(max_stage), ReduceOp::kMax);
    const Reduce* sum = reduction_of(stage(sum_stage), ReduceOp::kSum);
    if (!max || !sum || !(max->axes[0].extent == form_.keys) ||
        !(sum->axes[0].extent == form_.keys)) {
      return false;
    }
    Expr x = without_rounding(body_at(*max, max_stage, max_load_->index));
    Expr e = without_rounding(body_at(*sum, sum_stage, sum_load_->index));
    return to_string(x) == to_string(form_.score) &&
           to_string(e) == to_string(exp_);
  }

  // x mentions one score, itself a sum of products of which one side knows no
  // key.
  bool split_score() {
    const Load* found = nullptr;
    for (const Expr& e : loads_of(form_.score)) {
      const Load* node = stage_load(e);
      if (!node) continue;
      if (found && to_string(e) != to_string(holder_.back())) return false;
      found = node;
      holder_.push_back(e);
    }
    if (!found) return false;
    int s = stage_of_slot(found->slot);
    std::optional<Contraction> score = match_contraction(stage(s));
    if (!score || score->lhs->type != NumType::kFloat32 ||
        score->rhs->type != NumType::kFloat32) {
      return false;
    }
    Substitution place;
    for (size_t d = 0; d < stage(s).axes.size(); ++d) {
      place[stage(s).axes[d].get()] = found->index[d];
    }
    form_.k = make_var("k");
    std::vector<Dim> extents;
    for (const ReduceAxis& axis : score->reduce) {
      extents.push_back(axis.extent);
    }
    form_.depth = numel(extents);
    ranges_.add(form_.k, form_.depth);
    std::vector<Expr> index = unflatten(var(form_.k), extents);
    for (size_t i = 0; i < index.size(); ++i) {
      place[score->reduce[i].var.get()] = index[i];
    }
    form_.query = simple(substitute(inlined(score->lhs), place));
    form_.key = simple(substitute(inlined(score->rhs), place));
    if (score->scale) {
      form_.score_scale = simple(substitute(inlined(score->scale), place));
    }
    if (depends_on(form_.query, form_.s.get())) {
      std::swap(form_.query, form_.key);
    }
    replace_score(to_string(holder_.back()));
    return !depends_on(form_.query, form_.s.get()) &&
           depends_on(form_.key, form_.s.get()) && !loads_stage(form_.query) &&
           !loads_stage(form_.key);
  }

  void replace_score(const std::string& text) {
    form_.raw = make_var("raw", NumType::kFloat32);
    Rewriter rewrite([&](const Expr& e) -> Expr {
      return stage_load(e) && to_string(e) == text ? var(form_.raw) : Expr();
    });
    form_.score = rewrite(form_.score);
  }

  bool depends_on_axis(const Expr& expr, const Var& axis) const {
    return expr.get() && depends_on(expr, axis.get());
  }

  // Rows: axes that only the query side knows. Columns: only the values.
  bool assign_axes() {
    split_shared_heads();
    std::vector<Dim> dims[3];
    std::vector<const VarInfo*> vars[3];
    for (const ReduceAxis& axis : loops_) {
      bool key = depends_on_axis(form_.key, axis.var);
      bool value = depends_on_axis(form_.value, axis.var);
      bool query = depends_on_axis(form_.query, axis.var) ||
                   depends_on_axis(form_.score, axis.var) ||
                   depends_on_axis(form_.score_scale, axis.var);
      int role = !key && !value ? 1 : !key && !query ? 2 : 0;
      dims[role].push_back(axis.extent);
      vars[role].push_back(axis.var.get());
    }
    form_.b = make_var("b");
    form_.m = make_var("m");
    form_.n = make_var("n");
    const Var flat[3] = {form_.b, form_.m, form_.n};
    Substitution place;
    for (int role = 0; role < 3; ++role) {
      std::vector<Expr> index = unflatten(var(flat[role]), dims[role]);
      for (size_t i = 0; i < index.size(); ++i) {
        place[vars[role][i]] = index[i];
      }
    }
    form_.batch = numel(dims[0]);
    form_.rows = numel(dims[1]);
    form_.columns = numel(dims[2]);
    ranges_.add(form_.b, form_.batch);
    ranges_.add(form_.m, form_.rows);
    ranges_.add(form_.n, form_.columns);
    for (Expr* e : parts()) {
      if (*e) *e = simple(substitute(*e, place));
    }
    for (auto& [axis, index] : form_.axes) {
      index = simple(substitute(index, place));
    }
    return form_.depth.is_static() && form_.columns.is_static();
  }

  std::vector<Expr*> parts() {
    return {&form_.query, &form_.key,         &form_.value,
            &form_.score, &form_.score_scale, &form_.rest};
  }

  // The result's axes as loops. Query heads that read the same keys and values
  // (head // share) become rows beside each other: one pass over the keys
  // serves them all.
  void split_shared_heads() {
    const Stage& result = stage(form_.result);
    std::vector<ReduceAxis> shared;
    for (size_t d = 0; d < result.axes.size(); ++d) {
      const Var& axis = result.axes[d];
      form_.axes[axis.get()] = var(axis);
      const int64_t share = heads_that_share({form_.key, form_.value}, axis,
                                             result.shape[d], ranges_);
      if (share == 1) {
        loops_.push_back({axis, result.shape[d]});
        continue;
      }
      loops_.push_back({make_var("group"), result.shape[d].value() / share});
      shared.push_back({make_var("share"), share});
      ranges_.add(loops_.back().var, loops_.back().extent);
      ranges_.add(shared.back().var, share);
      Expr head = var(loops_.back().var) * share + var(shared.back().var);
      for (Expr* e : parts()) {
        if (*e) *e = simple(substitute(*e, {{axis.get(), head}}));
      }
      form_.axes[axis.get()] = head;
    }
    loops_.insert(loops_.end(), shared.begin(), shared.end());
  }

  // What follows reads the result, and other such maps, at its own axes.
  bool collect_maps() {
    std::vector<bool> after(group_.definition.stages.size(), false);
    after[form_.result] = true;
    const Stage& result = stage(form_.result);
    for (size_t s = 0; s < after.size(); ++s) {
      bool is_after = false;
      for (const Expr& e : loads_of(body_of(stage(s)))) {
        const Load* node = stage_load(e);
        is_after = is_after || (node && after[stage_of_slot(node->slot)]);
      }
      if (!is_after) {
        // Only what comes after the result may be stored.
        if (group_.is_output(s) && static_cast<int>(s) != form_.result) {
          return false;
        }
        continue;
      }
      after[s] = true;
      if (!(stage(s).shape == result.shape) || !reads_own_axes(s, after)) {
        return false;
      }
      form_.maps.push_back(static_cast<int>(s));
    }
    return true;
  }

  // Maps have moved into one expression of the score; a check must not have
  // come behind a select on the way.
  bool keeps_checks() {
    std::set<int> wanted, made;
    auto note = [](const Expr& expr, std::set<int>& sites) {
      if (expr.get() == nullptr) return;
      for (const Expr& check : checks_of(expr)) {
        sites.insert(std::get<CheckedIndex>(check->node).site);
      }
    };
    for (const Stage& s : group_.definition.stages) {
      note(body_of(s), wanted);
    }
    for (const Expr* e : parts()) note(*e, made);
    for (int s : form_.maps) note(body_of(stage(s)), made);
    return wanted == made;
  }

  bool reads_own_axes(int s, const std::vector<bool>& after) const {
    for (const Expr& e : loads_of(body_of(stage(s)))) {
      const Load* node = stage_load(e);
      if (!node) continue;
      if (!after[stage_of_slot(node->slot)]) return false;
      for (size_t d = 0; d < node->index.size(); ++d) {
        if (stage(s).shape[d] == 1) continue;
        auto* ref = std::get_if<VarRef>(&node->index[d]->node);
        if (!ref || ref->var != stage(s).axes[d]) return false;
      }
    }
    return true;
  }

  const Group& group_;
  int inputs_;
  AttentionForm form_;
  Ranges ranges_;
  std::vector<ReduceAxis> loops_;  // the result's axes, heads split
  Expr body_, exp_;
  const Load* sum_load_ = nullptr;
  const Load* max_load_ = nullptr;
  std::vector<Expr> holder_;  // keeps the nodes of found loads alive
};

}  // namespace

std::optional<AttentionForm> match_attention(const Group& group) {
  if (group.kind != GroupKind::kAttention) return std::nullopt;
  return AttentionMatcher(group).match();
}

}  // namespace lathe
