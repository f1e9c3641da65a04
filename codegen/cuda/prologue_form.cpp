#include "codegen/cuda/prologue_form.h"

#include <algorithm>
#include <map>
#include <utility>

#include "codegen/rewrite.h"
#include "codegen/row_plan.h"
#include "codegen/simplify.h"

namespace lathe::cuda {
namespace {

// Stages that a block keeps, and their numbers: 48 KiB.
constexpr size_t kMostNumbers = 8;
constexpr int64_t kMostKept = 12 * 1024;
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
    for (const RowStages& part : group_.rows) make_rows(part);
    find_handed();
    // Its rows and depth say what of a row group is a number.
    make_product();
    const std::optional<MatmulForm> form = match_matmul(form_.product);
    if (!form || form->depth == 0 || !(form->batch == 1)) return std::nullopt;
    if (!find_row_axes(*form)) return std::nullopt;
    rows_ = form->rows;
    depth_ = form->depth;
    for (int s = 0; s < stages(); ++s) {
      if (is_row(s) && !add_row_stage(s)) return std::nullopt;
    }
    for (int s : handed_) add_handed(s);
    make_product();
    if (!fits_product()) return std::nullopt;
    return std::move(form_);
  }

 private:
  static bool has(const std::vector<int>& all, int one) {
    return std::find(all.begin(), all.end(), one) != all.end();
  }
  static int place(const std::vector<int>& all, int one) {
    return static_cast<int>(std::find(all.begin(), all.end(), one) -
                            all.begin());
  }
  bool is_row(int s) const {
    return std::any_of(
        group_.rows.begin(), group_.rows.end(),
        [&](const RowStages& part) { return has(part.stages, s); });
  }
  int stages() const {
    return static_cast<int>(group_.definition.stages.size());
  }
  int output_of(int s) const { return place(group_.definition.outputs, s); }

  // What the contraction reads of row groups.
  void find_handed() {
    for (int s = 0; s < stages(); ++s) {
      if (is_row(s)) continue;
      for (const Expr& e : loads_of(body_of(group_.stage(s)))) {
        const int read = std::get<Load>(e->node).slot - inputs_;
        if (read >= 0 && is_row(read) && !has(handed_, read)) {
          handed_.push_back(read);
        }
      }
    }
  }

  // `stages` as a group of its own, without operands: `slot_of` says where it
  // finds those that are not among them.
  Group part(GroupKind kind, const std::vector<int>& stages, int inputs,
             const std::function<int(int)>& slot_of,
             std::vector<int>& outputs) const {
    Group part;
    part.kind = kind;
    part.symbols = group_.symbols;
    part.definition.inputs = inputs;
    Rewriter rename([&](const Expr& e) -> Expr {
      auto* node = std::get_if<Load>(&e->node);
      if (!node) return {};
      const int read = place(stages, node->slot - inputs_);
      const bool inside = read < static_cast<int>(stages.size());
      return load(inside ? inputs + read : slot_of(node->slot), node->dtype,
                  node->index);
    });
    for (int s : stages) {
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

  GroupOperand operand_of(int s) const {
    const Stage& stage = group_.stage(s);
    return {stage.dtype, stage.shape, false};
  }

  void make_rows(const RowStages& from) {
    std::vector<int> known;  // slots of the whole group
    for (int s : from.stages) {
      for (const Expr& e : loads_of(body_of(group_.stage(s)))) {
        const int slot = std::get<Load>(e->node).slot;
        if (has(from.stages, slot - inputs_) || has(known, slot)) continue;
        known.push_back(slot);
      }
    }
    PrologueForm::Rows rows;
    rows.group = part(
        GroupKind::kRow, from.stages, static_cast<int>(known.size()),
        [&](int slot) { return place(known, slot); }, rows.outputs);
    rows.group.row_axes = from.row_axes;
    for (int slot : known) {
      const bool given = slot < inputs_;
      rows.group.operands.push_back(given ? group_.operands[size_t(slot)]
                                          : operand_of(slot - inputs_));
      rows.operands.push_back(
          given ? BufferBinding{BufferSource::kOperand, slot}
                : BufferBinding{BufferSource::kOutput,
                                output_of(slot - inputs_)});
    }
    form_.rows.push_back(std::move(rows));
  }

  // With the numbers that are known so far.
  void make_product() {
    std::vector<int> own;
    for (int s = 0; s < stages(); ++s) {
      if (!is_row(s)) own.push_back(s);
    }
    auto slot_of = [&](int slot) {
      if (slot < inputs_) return slot;
      return form_.first_handed() + place(handed_, slot - inputs_);
    };
    const size_t inputs = size_t(inputs_) + handed_.size() + numbers_.size();
    form_.product_outputs.clear();
    form_.product = part(GroupKind::kContraction, own, static_cast<int>(inputs),
                         slot_of, form_.product_outputs);
    form_.product.operands = group_.operands;
    for (const std::vector<int>* all : {&handed_, &numbers_}) {
      for (int s : *all) form_.product.operands.push_back(operand_of(s));
    }
  }

  // The leading axes of what is handed over that count the product's rows: the
  // others count its depth.
  bool find_row_axes(const MatmulForm& form) {
    for (int s : handed_) {
      const Shape& shape = group_.stage(s).shape;
      for (size_t axes = shape.size(); axes-- > 0;) {
        const auto cut = shape.begin() + static_cast<std::ptrdiff_t>(axes);
        if (!(numel(Shape(shape.begin(), cut)) == form.rows)) continue;
        if (!(numel(Shape(cut, shape.end())) == form.depth)) continue;
        form_.row_extents.assign(shape.begin(), cut);
        return true;
      }
    }
    return false;
  }

  // Whether the stage has the rows as leading axes.
  bool has_rows(const Stage& stage) const {
    const Shape& rows = form_.row_extents;
    return stage.shape.size() >= rows.size() &&
           std::equal(rows.begin(), rows.end(), stage.shape.begin());
  }

  // Whether what a stage with rows reads of others with rows is of its own row.
  bool keeps_to_row(const Stage& stage) const {
    const std::vector<Expr> loads = loads_of(body_of(stage));
    return std::all_of(loads.begin(), loads.end(), [&](const Expr& e) {
      const Load& load = std::get<Load>(e->node);
      const int read = load.slot - inputs_;
      if (read < 0 || !has_rows(group_.stage(read))) return true;
      for (size_t d = 0; d < form_.row_extents.size(); ++d) {
        if (form_.row_extents[d] == 1) continue;
        auto* ref = std::get_if<VarRef>(&load.index[d]->node);
        if (!ref || ref->var != stage.axes[d]) return false;
      }
      return true;
    });
  }

  // The body with maps of row groups put into it, and numbers as operands.
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
    if (has(numbers_, s)) {
      const int first = inputs_ + static_cast<int>(handed_.size());
      return load(first + place(numbers_, s), stage.dtype, index);
    }
    Substitution at;
    for (size_t d = 0; d < index.size(); ++d) {
      at[stage.axes[d].get()] = index[d];
    }
    return substitute(maps_.at(s), at);
  }

  bool add_row_stage(int s) {
    const Stage& stage = group_.stage(s);
    auto* compute = std::get_if<Compute>(&stage.kind);
    if (!compute || contains<CheckedIndex>(compute->body)) return false;
    if (has_rows(stage) && !keeps_to_row(stage)) return false;
    const size_t rows = has_rows(stage) ? form_.row_extents.size() : 0;
    const StageForm form = form_of(stage, static_cast<int>(rows));
    PrologueForm::Number number;
    if (!has_rows(stage)) {
      if (!form.own.empty()) return false;
      number.of = PrologueForm::Of::kAllRows;
    } else if (std::optional<int64_t> groups = groups_of(stage, form)) {
      number.of = PrologueForm::Of::kGroups;
      number.groups = *groups;
      number.group = stage.axes[size_t(form.own[0])];
    } else if (!form.own.empty()) {
      if (form.reduce) return false;
      maps_[s] = inlined(compute->body);
      return true;
    }
    if (form.reduce) return add_reduction(s, *form.reduce, std::move(number));
    // What is not a float32 is not kept, and little to compute.
    maps_[s] = inlined(compute->body);
    if (stage.dtype != DType::kFloat32) return true;
    number.value = maps_[s];
    return add_number(s, std::move(number));
  }

  // How many parts of the depth the stage has a number for, if it does.
  std::optional<int64_t> groups_of(const Stage& stage,
                                   const StageForm& form) const {
    if (form.own.size() != 1 || !depth_.is_static()) return std::nullopt;
    const Dim& count = stage.shape[size_t(form.own[0])];
    if (!count.is_static() || count.value() >= depth_.value()) {
      return std::nullopt;
    }
    if (depth_.value() % count.value() != 0) return std::nullopt;
    return count.value();
  }

  // Of a row, or of a part of it, those at all k; of all rows, of little more
  // than these.
  bool add_reduction(int s, const Reduce& reduce,
                     PrologueForm::Number number) {
    if (is_arg(reduce.op) || reduce.axes.size() != 1) return false;
    if (reduce.body->type != NumType::kFloat32) return false;
    if (group_.stage(s).dtype != DType::kFloat32) return false;
    number.op = reduce.op;
    number.k = reduce.axes[0].var;
    number.extent = reduce.axes[0].extent;
    const bool fits =
        number.of == PrologueForm::Of::kAllRows
            ? provably_at_least(rows_ + Dim(kFewRows), number.extent)
            : number.extent * Dim(number.groups) == depth_;
    if (!fits) return false;
    number.value = inlined(reduce.body);
    return add_number(s, std::move(number));
  }

  bool add_number(int s, PrologueForm::Number number) {
    if (contains<Reduce>(number.value)) return false;
    number.dtype = group_.stage(s).dtype;
    number.axes = group_.stage(s).axes;
    numbers_.push_back(s);
    kept_ += number.kept();
    form_.numbers.push_back(std::move(number));
    return form_.numbers.size() <= kMostNumbers && kept_ <= kMostKept;
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
    if (!form || form->left->type != NumType::kFloat32) return false;
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

  // What is handed over: the contraction reads no numbers.
  bool is_of_rows(const Load& load) const {
    return load.slot >= form_.first_handed() &&
           load.slot < form_.first_number();
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
      const int s = handed_[size_t(load.slot - form_.first_handed())];
      if (!has_rows(group_.stage(s))) continue;
      const auto axes =
          static_cast<std::ptrdiff_t>(form_.row_extents.size());
      const std::vector<Expr> index(load.index.begin(),
                                    load.index.begin() + axes);
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
  Dim rows_, depth_;                   // of the product
  std::vector<int> handed_, numbers_;  // stages
  int64_t kept_ = 0;                   // numbers of a block
  std::map<int, Expr> maps_;           // by stage
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
