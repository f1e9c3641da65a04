#include "codegen/cuda/prologue_form.h"

#include <algorithm>
#include <map>
#include <utility>

#include "codegen/rewrite.h"
#include "codegen/row_plan.h"
#include "codegen/simplify.h"

namespace lathe::cuda {
namespace {

// Numbers that a block keeps of a row.
constexpr size_t kMostNumbers = 8;
// Operations of a map that one multiplication more or less hides.
constexpr int kLightMap = 6;

// Takes a group apart; any step may find that it does not fit.
class PrologueMatcher {
 public:
  explicit PrologueMatcher(const Group& group)
      : group_(group), inputs_(group.definition.inputs) {}

  std::optional<PrologueForm> match() {
    if (group_.kind != GroupKind::kRowContraction) return std::nullopt;
    form_.group_operands = inputs_;
    const Stage& first = group_.stage(group_.rows[0]);
    form_.row_extents.assign(first.shape.begin(),
                             first.shape.begin() + group_.row_axes);
    find_handed();
    make_rows();
    for (int s : group_.rows) {
      if (!add_row_stage(s)) return std::nullopt;
    }
    for (size_t i = 0; i < handed_.size(); ++i) add_handed(handed_[i]);
    make_product();
    if (!fits_product()) return std::nullopt;
    return std::move(form_);
  }

 private:
  bool is_row(int s) const {
    return std::binary_search(group_.rows.begin(), group_.rows.end(), s);
  }
  int stages() const {
    return static_cast<int>(group_.definition.stages.size());
  }
  int output_of(int s) const {
    const auto& outputs = group_.definition.outputs;
    return static_cast<int>(
        std::find(outputs.begin(), outputs.end(), s) - outputs.begin());
  }

  void find_handed() {
    for (int s = 0; s < stages(); ++s) {
      if (is_row(s)) continue;
      for (const Expr& e : loads_of(body_of(group_.stage(s)))) {
        const int read = std::get<Load>(e->node).slot - inputs_;
        if (read < 0 || !is_row(read)) continue;
        if (std::find(handed_.begin(), handed_.end(), read) == handed_.end()) {
          handed_.push_back(read);
        }
      }
    }
  }

  // A part of the group's stages as a group of its own: `slot_of` renames.
  Group part(GroupKind kind, const std::function<int(int)>& slot_of,
             bool of_rows, std::vector<int>& outputs) const {
    Group part;
    part.kind = kind;
    part.row_axes = of_rows ? group_.row_axes : 0;
    part.symbols = group_.symbols;
    Rewriter rename([&](const Expr& e) -> Expr {
      auto* node = std::get_if<Load>(&e->node);
      if (!node) return {};
      return load(slot_of(node->slot), node->dtype, node->index);
    });
    for (int s = 0; s < stages(); ++s) {
      if (is_row(s) != of_rows) continue;
      Stage stage = group_.stage(s);
      stage.kind = Compute{rename(body_of(stage))};
      if (group_.is_output(s)) {
        outputs.push_back(output_of(s));
        part.definition.outputs.push_back(
            static_cast<int>(part.definition.stages.size()));
      }
      part.definition.stages.push_back(std::move(stage));
    }
    return part;
  }

  // The number of stage `s` among those of its part.
  int place_in_part(int s) const {
    int place = 0;
    for (int t = 0; t < s; ++t) place += is_row(t) == is_row(s) ? 1 : 0;
    return place;
  }

  void make_rows() {
    for (int s : group_.rows) {
      for (const Expr& e : loads_of(body_of(group_.stage(s)))) {
        const int slot = std::get<Load>(e->node).slot;
        auto& known = form_.row_operands;
        if (slot >= inputs_) continue;
        if (std::find(known.begin(), known.end(), slot) == known.end()) {
          known.push_back(slot);
        }
      }
    }
    const auto& known = form_.row_operands;
    const int inputs = static_cast<int>(known.size());
    auto slot_of = [&](int slot) {
      if (slot >= inputs_) return inputs + place_in_part(slot - inputs_);
      return static_cast<int>(std::find(known.begin(), known.end(), slot) -
                              known.begin());
    };
    form_.rows = part(GroupKind::kRow, slot_of, true, form_.row_outputs);
    form_.rows.definition.inputs = inputs;
    for (int operand : known) {
      form_.rows.operands.push_back(group_.operands[size_t(operand)]);
    }
  }

  void make_product() {
    const int inputs = form_.first_number() +
                       static_cast<int>(form_.numbers.size());
    auto slot_of = [&](int slot) {
      if (slot < inputs_) return slot;
      const int s = slot - inputs_;
      if (!is_row(s)) return inputs + place_in_part(s);
      return form_.first_handed() +
             static_cast<int>(
                 std::find(handed_.begin(), handed_.end(), s) -
                 handed_.begin());
    };
    form_.product = part(GroupKind::kContraction, slot_of, false,
                         form_.product_outputs);
    form_.product.definition.inputs = inputs;
    form_.product.operands = group_.operands;
    for (int s : handed_) add_operand(s);
    for (int s : numbers_) add_operand(s);
  }
  void add_operand(int s) {
    const Stage& stage = group_.stage(s);
    form_.product.operands.push_back({stage.dtype, stage.shape, false});
  }

  // The body with maps of the row group put into it, and numbers as operands.
  Expr inlined(const Expr& body) const {
    Rewriter rewrite([&](const Expr& e) -> Expr {
      auto* node = std::get_if<Load>(&e->node);
      if (!node || node->slot < inputs_) return {};
      return value_at(node->slot - inputs_, node->index);
    });
    return rewrite(body);
  }
  Expr value_at(int s, const std::vector<Expr>& index) const {
    const Stage& stage = group_.stage(s);
    auto number = std::find(numbers_.begin(), numbers_.end(), s);
    if (number != numbers_.end()) {
      return load(number_slot(number - numbers_.begin()), stage.dtype, index);
    }
    Substitution at;
    for (size_t d = 0; d < index.size(); ++d) {
      at[stage.axes[d].get()] = index[d];
    }
    return substitute(maps_.at(s), at);
  }
  int number_slot(std::ptrdiff_t i) const {
    return form_.first_handed() + static_cast<int>(handed_.size()) +
           static_cast<int>(i);
  }

  bool add_row_stage(int s) {
    const Stage& stage = group_.stage(s);
    auto* compute = std::get_if<Compute>(&stage.kind);
    if (!compute || contains<CheckedIndex>(compute->body)) return false;
    const StageForm form = form_of(stage, group_.row_axes);
    if (form.own.empty()) return add_number(s, form);
    if (contains<Reduce>(compute->body)) return false;
    maps_[s] = inlined(compute->body);
    return true;
  }

  bool add_number(int s, const StageForm& of) {
    const Stage& stage = group_.stage(s);
    PrologueForm::Number number;
    number.dtype = stage.dtype;
    number.axes = stage.axes;
    if (stage.dtype != DType::kFloat32) return false;
    if (!of.reduce) {
      number.value = inlined(body_of(stage));
    } else {
      const Reduce& reduce = *of.reduce;
      const bool arg = is_arg(reduce.op);
      if (arg || reduce.axes.size() != 1) return false;
      if (reduce.body->type != NumType::kFloat32) return false;
      number.op = reduce.op;
      number.k = reduce.axes[0].var;
      depths_.push_back(reduce.axes[0].extent);
      number.value = inlined(reduce.body);
    }
    if (contains<Reduce>(number.value)) return false;
    numbers_.push_back(s);
    form_.numbers.push_back(std::move(number));
    return form_.numbers.size() <= kMostNumbers;
  }

  void add_handed(int s) {
    const Stage& stage = group_.stage(s);
    std::vector<Expr> index;
    for (const Var& axis : stage.axes) index.push_back(var(axis));
    form_.handed.push_back(
        {output_of(s), stage.dtype, stage.axes, value_at(s, index)});
  }

  // Rows are those of the product; what it reads of them is of its own row.
  bool fits_product() const {
    const std::optional<MatmulForm> form = match_matmul(form_.product);
    if (!form || form->depth == 0 || !(form->batch == 1)) return false;
    if (!(numel(form_.row_extents) == form->rows)) return false;
    if (form->left->type != NumType::kFloat32) return false;
    for (const Dim& depth : depths_) {
      if (!(depth == form->depth)) return false;
    }
    if (!reads_own_row(form->left, *form)) return false;
    for (const MatmulPart& part : form->parts) {
      if (reads_rows(part.right)) return false;
      if (part.scale.get() &&
          !reads_own_row(substitute(part.scale, part.axes), *form)) {
        return false;
      }
    }
    return std::all_of(
        form->sections.begin(), form->sections.end(),
        [&](const MatmulSection& section) {
          return maps_read_own_row(section, *form);
        });
  }

  bool maps_read_own_row(const MatmulSection& section,
                         const MatmulForm& form) const {
    const MatmulPart& model = form.parts[size_t(section.parts[0])];
    const Stage& product = form_.product.stage(model.stage);
    for (int s : section.stages) {
      const Stage& stage = form_.product.stage(s);
      const Expr& body = body_of(stage);
      if (contains<Reduce>(body)) continue;
      Substitution at;
      for (size_t d = 0; d < stage.axes.size(); ++d) {
        at[stage.axes[d].get()] = model.axes.at(product.axes[d].get());
      }
      if (!reads_own_row(substitute(body, at), form)) return false;
    }
    return true;
  }

  bool is_of_rows(const Load& load) const {
    return load.slot >= form_.first_handed() &&
           load.slot < form_.product.definition.inputs;
  }
  bool reads_rows(const Expr& expr) const {
    const std::vector<Expr> loads = loads_of(expr);
    return std::any_of(loads.begin(), loads.end(), [&](const Expr& e) {
      return is_of_rows(std::get<Load>(e->node));
    });
  }
  // Over b, m, n and k.
  bool reads_own_row(const Expr& expr, const MatmulForm& form) const {
    Ranges ranges;
    ranges.add(form.m, form.rows);
    ranges.add(form.b, form.batch);
    for (const Expr& e : loads_of(expr)) {
      const Load& load = std::get<Load>(e->node);
      if (!is_of_rows(load)) continue;
      const std::vector<Expr> index(load.index.begin(),
                                    load.index.begin() + group_.row_axes);
      const Expr row = flat_index(index, form_.row_extents, ranges);
      auto* ref = std::get_if<VarRef>(&row->node);
      const bool is_m = ref && ref->var == form.m;
      const bool only_row = form.rows == 1 && to_string(row) == "0";
      if (!is_m && !only_row) return false;
    }
    return true;
  }

  const Group& group_;
  const int inputs_;
  PrologueForm form_;
  std::vector<int> handed_, numbers_;  // stages
  std::vector<Dim> depths_;
  std::map<int, Expr> maps_;  // by stage
};

}  // namespace

std::optional<PrologueForm> match_prologue(const Group& group) {
  return PrologueMatcher(group).match();
}

bool is_light(const PrologueForm& form) {
  int calls = 0;
  bool heavy = false;
  for (const PrologueForm::Handed& handed : form.handed) {
    walk(handed.value, [&](const Expr& e) {
      if (auto* call = std::get_if<Call>(&e->node)) {
        ++calls;
        heavy = heavy || (call->op >= ScalarOp::kExp &&
                          call->op <= ScalarOp::kSigmoid);
      }
      return !std::holds_alternative<Load>(e->node);
    });
  }
  return !heavy && calls <= kLightMap;
}

}  // namespace lathe::cuda
