#include "codegen/matmul_form.h"

#include <algorithm>
#include <utility>

#include "codegen/kernel_builder.h"

namespace lathe {
namespace {

bool loads_stages(const Group& group, const Expr& expr) {
  for (const Expr& load : loads_of(expr)) {
    if (std::get<Load>(load->node).slot >= group.definition.inputs) return true;
  }
  return false;
}

bool at_load(const Group& group, const Expr& expr) {
  for (const Expr& load : loads_of(expr)) {
    int slot = std::get<Load>(load->node).slot;
    if (slot >= group.definition.inputs || !group.operands[slot].at_load) {
      return false;
    }
  }
  return true;
}

// Builds the form stage by stage; any step may find that it does not fit.
class MatmulMatcher {
 public:
  explicit MatmulMatcher(const Group& group) : group_(group) {
    form_.b = make_var("b");
    form_.m = make_var("m");
    form_.n = make_var("n");
    form_.k = make_var("k");
    form_.right_at_load = true;
  }

  std::optional<MatmulForm> match() {
    const auto& stages = group_.definition.stages;
    for (int s = 0; s < static_cast<int>(stages.size()); ++s) {
      auto* compute = std::get_if<Compute>(&stages[s].kind);
      if (!compute) return std::nullopt;
      bool reduces = contains<Reduce>(compute->body);
      if (!(reduces ? add_part(s) : add_map(s, compute->body))) {
        return std::nullopt;
      }
    }
    if (form_.parts.empty()) return std::nullopt;
    for (MatmulSection& section : form_.sections) {
      std::sort(section.stages.begin(), section.stages.end());
    }
    return std::move(form_);
  }

 private:
  std::vector<Dim> dims_of(const Stage& stage,
                           const std::vector<int>& positions) const {
    std::vector<Dim> dims;
    for (int position : positions) dims.push_back(stage.shape[position]);
    return dims;
  }

  void place(const Stage& stage, const std::vector<int>& positions,
             const Var& flat, Substitution& axes) const {
    std::vector<Expr> index = unflatten(var(flat), dims_of(stage, positions));
    for (size_t i = 0; i < positions.size(); ++i) {
      axes[stage.axes[positions[i]].get()] = index[i];
    }
  }

  // The weight is the right side: it can be packed. So is the side with the
  // columns when the other has none.
  bool should_swap(const Contraction& c) const {
    bool left_known = at_load(group_, c.lhs);
    bool right_known = at_load(group_, c.rhs);
    if (left_known != right_known) return left_known;
    return c.cols.empty() && !c.rows.empty();
  }

  bool add_part(int s) {
    const Stage& stage = group_.stage(s);
    std::optional<Contraction> found = match_contraction(stage);
    if (!found) return false;
    Contraction& c = *found;
    if (loads_stages(group_, c.lhs) || loads_stages(group_, c.rhs) ||
        (c.scale.get() && loads_stages(group_, c.scale))) {
      return false;
    }
    NumType type = c.lhs->type;
    if (c.rhs->type != type ||
        (type != NumType::kFloat32 && type != NumType::kFloat64)) {
      return false;
    }
    if (should_swap(c)) {
      std::swap(c.lhs, c.rhs);
      std::swap(c.rows, c.cols);
    }
    return append(s, stage, c);
  }

  bool append(int s, const Stage& stage, const Contraction& c) {
    MatmulPart part;
    part.stage = s;
    part.scale = c.scale;
    place(stage, c.batch, form_.b, part.axes);
    place(stage, c.rows, form_.m, part.axes);
    place(stage, c.cols, form_.n, part.axes);
    for (size_t d = 0; d < stage.axes.size(); ++d) {
      if (part.axes.count(stage.axes[d].get())) continue;
      // Neither side knows the axis.
      if (!(stage.shape[d] == 1)) return false;
      part.axes[stage.axes[d].get()] = int_literal(0);
    }
    Substitution inner = part.axes;
    std::vector<Dim> extents;
    for (const ReduceAxis& axis : c.reduce) extents.push_back(axis.extent);
    std::vector<Expr> index = unflatten(var(form_.k), extents);
    for (size_t i = 0; i < index.size(); ++i) {
      inner[c.reduce[i].var.get()] = index[i];
    }
    Dim batch = numel(dims_of(stage, c.batch));
    Dim rows = numel(dims_of(stage, c.rows));
    Dim columns = numel(dims_of(stage, c.cols));
    Dim depth = numel(extents);
    Ranges ranges;
    ranges.add(form_.b, batch);
    ranges.add(form_.m, rows);
    ranges.add(form_.k, depth);
    Expr left = simplify(substitute(c.lhs, inner), ranges);
    ranges.add(form_.n, columns);
    part.right = simplify(substitute(c.rhs, inner), ranges);
    if (form_.parts.empty()) {
      form_.batch = batch;
      form_.rows = rows;
      form_.depth = depth;
      form_.left = left;
      form_.type = left->type;
    } else if (!(form_.batch == batch) || !(form_.rows == rows) ||
               !(form_.depth == depth) ||
               to_string(form_.left) != to_string(left)) {
      return false;
    }
    form_.right_at_load = form_.right_at_load && at_load(group_, part.right) &&
                          columns.is_static() && depth.is_static() &&
                          batch.is_static();
    form_.sections.push_back(
        {{static_cast<int>(form_.parts.size())}, {s}, columns});
    form_.parts.push_back(std::move(part));
    return true;
  }

  int section_of_stage(int s) const {
    for (size_t i = 0; i < form_.sections.size(); ++i) {
      const auto& stages = form_.sections[i].stages;
      if (std::find(stages.begin(), stages.end(), s) != stages.end()) {
        return static_cast<int>(i);
      }
    }
    return -1;
  }

  // A map joins the sections that it reads; it must read their stages at its
  // own axes, and their axes must be flat in the same way.
  bool add_map(int s, const Expr& body) {
    const Stage& stage = group_.stage(s);
    int home = -1;
    for (const Expr& e : loads_of(body)) {
      const Load& load = std::get<Load>(e->node);
      int read = load.slot - group_.definition.inputs;
      if (read < 0) continue;
      if (!reads_own_axes(stage, group_.stage(read), load)) return false;
      int section = section_of_stage(read);
      if (home < 0) home = section;
      if (section != home && !join(home, section)) return false;
      home = std::min(home, section);
    }
    if (home < 0) return false;
    form_.sections[home].stages.push_back(s);
    return true;
  }

  static bool reads_own_axes(const Stage& stage, const Stage& read,
                             const Load& load) {
    if (!(read.shape == stage.shape)) return false;
    for (size_t d = 0; d < load.index.size(); ++d) {
      if (stage.shape[d] == 1) continue;
      auto* ref = std::get_if<VarRef>(&load.index[d]->node);
      if (!ref || ref->var != stage.axes[d]) return false;
    }
    return true;
  }

  bool join(int a, int b) {
    auto [first, second] = std::minmax(a, b);
    MatmulSection& into = form_.sections[first];
    MatmulSection& from = form_.sections[second];
    if (!same_axes(form_.parts[into.parts[0]], form_.parts[from.parts[0]])) {
      return false;
    }
    into.parts.insert(into.parts.end(), from.parts.begin(), from.parts.end());
    into.stages.insert(into.stages.end(), from.stages.begin(),
                       from.stages.end());
    form_.sections.erase(form_.sections.begin() + second);
    return true;
  }

  bool same_axes(const MatmulPart& a, const MatmulPart& b) const {
    const Stage& left = group_.stage(a.stage);
    const Stage& right = group_.stage(b.stage);
    for (size_t d = 0; d < left.axes.size(); ++d) {
      if (to_string(a.axes.at(left.axes[d].get())) !=
          to_string(b.axes.at(right.axes[d].get()))) {
        return false;
      }
    }
    return true;
  }

  const Group& group_;
  MatmulForm form_;
};

}  // namespace

std::optional<MatmulForm> match_matmul(const Group& group) {
  if (group.kind != GroupKind::kContraction) return std::nullopt;
  return MatmulMatcher(group).match();
}

}  // namespace lathe
