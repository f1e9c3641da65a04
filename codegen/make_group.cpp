#include <algorithm>
#include <map>

#include "codegen/group.h"
#include "codegen/passes.h"
#include "codegen/rewrite.h"
#include "codegen/simplify.h"
#include "spec/check.h"

namespace lathe {
namespace {

DType local_dtype(DType dtype) {
  bool narrow = is_float(dtype) && dtype != DType::kFloat64;
  return narrow ? DType::kFloat32 : dtype;
}

// Gives numbers to what a cluster mentions, in order of first mention.
class GroupMaker {
 public:
  GroupMaker(const StageGraph& graph, const Cluster& cluster,
             const std::vector<bool>& stored)
      : graph_(graph), cluster_(cluster), stored_(stored) {}

  PlacedGroup run() {
    for (size_t s = 0; s < cluster_.arrays.size(); ++s) {
      stage_of_[cluster_.arrays[s]] = static_cast<int>(s);
    }
    result_.placement.operands = operands_of(graph_, cluster_);
    for (ArrayId id : result_.placement.operands) {
      operand_of_.emplace(id, static_cast<int>(operand_of_.size()));
    }
    Group& group = result_.group;
    group.kind = cluster_.kind;
    group.row_axes = cluster_.row_axes;
    group.definition.inputs =
        static_cast<int>(result_.placement.operands.size());
    for (ArrayId id : cluster_.arrays) {
      if (is_stored(id)) {
        group.definition.outputs.push_back(stage_of_[id]);
        result_.placement.outputs.push_back(id);
      }
      group.definition.stages.push_back(make_stage(id));
      if (!cluster_.order.empty()) group.layout.push_back(layout_of(id));
    }
    for (const RowArrays& rows : cluster_.rows) {
      group.rows.push_back({rows.row_axes, {}});
      for (ArrayId id : rows.arrays) {
        group.rows.back().stages.push_back(stage_of_.at(id));
      }
    }
    for (ArrayId id : result_.placement.operands) {
      const Array& array = graph_.arrays[id];
      group.operands.push_back(
          {array.dtype(), rename(array.shape()), array.at_load});
    }
    for (size_t i = 0; i < result_.placement.symbols.size(); ++i) {
      group.symbols.push_back(cat({"n", i}));
    }
    return std::move(result_);
  }

 private:
  Dim rename(const Dim& dim) {
    for (const std::string& symbol : dim.symbols()) {
      auto& symbols = result_.placement.symbols;
      if (new_symbol_.count(symbol)) continue;
      new_symbol_[symbol] = Dim::symbol(cat({"n", symbols.size()}));
      symbols.push_back(symbol);
    }
    return dim.substitute(new_symbol_);
  }
  Shape rename(const Shape& shape) {
    Shape out;
    for (const Dim& dim : shape) out.push_back(rename(dim));
    return out;
  }
  std::vector<ReduceAxis> rename(const std::vector<ReduceAxis>& axes,
                                 const char* prefix, Substitution& renamed) {
    std::vector<ReduceAxis> out;
    for (const ReduceAxis& axis : axes) {
      out.push_back({make_var(cat({prefix, out.size()})), rename(axis.extent)});
      renamed[axis.var.get()] = var(out.back().var);
    }
    return out;
  }

  bool is_stored(ArrayId id) const {
    return !stored_.empty() && stored_[static_cast<size_t>(id)];
  }

  int site_of(int node) {
    auto& sites = result_.placement.sites;
    auto found = std::find(sites.begin(), sites.end(), node);
    if (found != sites.end()) return static_cast<int>(found - sites.begin());
    sites.push_back(node);
    return static_cast<int>(sites.size()) - 1;
  }

  // The axes of an array as the group sees them.
  template <typename T>
  std::vector<T> in_order(ArrayId id, const std::vector<T>& axes) const {
    auto found = cluster_.order.find(id);
    if (found == cluster_.order.end()) return axes;
    std::vector<T> out;
    for (int axis : found->second) out.push_back(axes[size_t(axis)]);
    return out;
  }
  std::vector<int> layout_of(ArrayId id) const {
    auto found = cluster_.order.find(id);
    if (found == cluster_.order.end()) return {};
    std::vector<int> place(found->second.size());
    for (size_t i = 0; i < place.size(); ++i) {
      place[size_t(found->second[i])] = static_cast<int>(i);
    }
    return place;
  }

  // The shape with the array's split axis as two.
  Shape in_two(ArrayId id, Shape shape) const {
    auto found = cluster_.split.find(id);
    if (found == cluster_.split.end()) return shape;
    const auto [axis, inner] = found->second;
    shape[size_t(axis)] = floordiv(shape[size_t(axis)], inner);
    shape.insert(shape.begin() + axis + 1, Dim(inner));
    return shape;
  }
  std::vector<Expr> in_two(ArrayId id, std::vector<Expr> index) const {
    auto found = cluster_.split.find(id);
    if (found == cluster_.split.end()) return index;
    const auto [axis, inner] = found->second;
    const Expr whole = index[size_t(axis)];
    index[size_t(axis)] = whole / int_literal(inner);
    index.insert(index.begin() + axis + 1, whole % int_literal(inner));
    return index;
  }

  // Names for the axes of a stage, and what stands for the array's in bodies.
  void name_axes(ArrayId id, Stage& stage, Substitution& axes) {
    for (size_t i = 0; i < stage.shape.size(); ++i) {
      stage.axes.push_back(make_var(cat({"i", i})));
    }
    ranges_ = Ranges();
    ranges_.add(stage.axes, stage.shape);
    auto split = cluster_.split.find(id);
    size_t next = 0;
    const std::vector<Var> of_array = in_order(id, graph_.arrays[id].axes());
    for (size_t i = 0; i < of_array.size(); ++i) {
      Expr at = var(stage.axes[next++]);
      if (split != cluster_.split.end() && split->second.axis == int(i)) {
        at = at * int_literal(split->second.inner) + var(stage.axes[next++]);
      }
      axes[of_array[i].get()] = at;
    }
  }

  Expr load_in_group(const Load& from, const Array& reader) {
    const ArrayId id = reader.operands[from.slot];
    auto stage = stage_of_.find(id);
    if (stage == stage_of_.end()) {
      return load(operand_of_.at(id), from.dtype, from.index);
    }
    int slot = result_.group.definition.inputs + stage->second;
    DType dtype = is_stored(id) ? from.dtype : local_dtype(from.dtype);
    std::vector<Expr> index = in_two(id, in_order(id, from.index));
    if (!cluster_.split.empty()) {
      for (Expr& i : index) i = simplify(i, ranges_);
    }
    return load(slot, dtype, std::move(index));
  }

  Expr rename(const Expr& expr, const Array& reader, const Substitution& axes) {
    Rewriter rewrite([&](const Expr& e) -> Expr {
      if (auto* node = std::get_if<Load>(&e->node)) {
        return load_in_group(*node, reader);
      }
      if (auto* size = std::get_if<SizeOf>(&e->node)) {
        return size_of(rename(size->dim));
      }
      if (auto* check = std::get_if<CheckedIndex>(&e->node)) {
        return checked_index(check->index, check->extent, check->position,
                             site_of(check->site));
      }
      if (auto* node = std::get_if<Reduce>(&e->node)) {
        Substitution inner;
        auto reduced = rename(node->axes, "k", inner);
        return reduce(node->op, reduced, substitute(node->body, inner));
      }
      return {};
    });
    return rewrite(substitute(expr, axes));
  }

  Stage make_stage(ArrayId id) {
    const Array& array = graph_.arrays[id];
    Stage stage;
    stage.name = array.name;
    stage.dtype = is_stored(id) ? array.dtype() : local_dtype(array.dtype());
    stage.shape = rename(in_two(id, in_order(id, array.shape())));
    Substitution axes;
    name_axes(id, stage, axes);
    ArrayKind kind = array.kind();
    if (auto* update = std::get_if<Update>(&kind)) {
      update->domain = rename(update->domain, "u", axes);
    }
    if (auto* sort = std::get_if<Sort>(&kind)) {
      sort->extent = rename(sort->extent);
    }
    std::vector<Expr> exprs = expressions_of(kind);
    for (Expr& expr : exprs) expr = rename(expr, array, axes);
    kind = with_expressions(kind, std::move(exprs));
    std::visit(
        [&](const auto& k) {
          if constexpr (!std::is_same_v<std::decay_t<decltype(k)>, Given>) {
            stage.kind = k;
          }
        },
        kind);
    return stage;
  }

  const StageGraph& graph_;
  const Cluster& cluster_;
  const std::vector<bool>& stored_;
  PlacedGroup result_;
  std::map<ArrayId, int> stage_of_, operand_of_;
  Ranges ranges_;  // of the axes of the stage being made
  DimSubstitution new_symbol_;
};

}  // namespace

const char* to_string(GroupKind kind) {
  switch (kind) {
    case GroupKind::kRow:
      return "row";
    case GroupKind::kContraction:
      return "contraction";
    case GroupKind::kRowContraction:
      return "row contraction";
    case GroupKind::kAttention:
      return "attention";
    case GroupKind::kSequential:
      return "sequential";
  }
  return "";
}

bool Group::is_output(int s) const {
  return std::find(definition.outputs.begin(), definition.outputs.end(), s) !=
         definition.outputs.end();
}

bool checks_indices(const Group& group) {
  const auto& stages = group.definition.stages;
  return std::any_of(stages.begin(), stages.end(), [](const Stage& stage) {
    auto* compute = std::get_if<Compute>(&stage.kind);
    return compute && contains<CheckedIndex>(compute->body);
  });
}

std::string to_string(const Group& group) {
  std::string text = cat({to_string(group.kind), " ", group.row_axes});
  for (const RowStages& rows : group.rows) {
    text += cat({", rows ", rows.row_axes, " of"});
    for (int s : rows.stages) text += cat({" ", s});
  }
  for (size_t s = 0; s < group.layout.size(); ++s) {
    if (group.layout[s].empty()) continue;
    text += cat({" %", s, " in memory"});
    for (int axis : group.layout[s]) text += cat({" ", axis});
  }
  text += "\n";
  for (size_t i = 0; i < group.operands.size(); ++i) {
    const GroupOperand& operand = group.operands[i];
    text +=
        cat({"in", i, " : ", to_string(operand.dtype), to_string(operand.shape),
             operand.at_load ? "  # at load" : "", "\n"});
  }
  return text + to_string(group.definition);
}

PlacedGroup make_group(const StageGraph& graph, const Cluster& cluster,
                       const std::vector<bool>& stored) {
  return GroupMaker(graph, cluster, stored).run();
}

std::vector<ArrayId> operands_of(const StageGraph& graph,
                                 const Cluster& cluster) {
  std::vector<ArrayId> operands;
  for (ArrayId id : cluster.arrays) {
    for (ArrayId operand : graph.arrays[id].operands) {
      bool inside = std::binary_search(cluster.arrays.begin(),
                                       cluster.arrays.end(), operand);
      if (inside) continue;
      if (std::find(operands.begin(), operands.end(), operand) ==
          operands.end()) {
        operands.push_back(operand);
      }
    }
  }
  return operands;
}

Question question_of(const StageGraph& graph, const Cluster& cluster,
                     const std::vector<bool>& stored) {
  Question question;
  question.add(static_cast<int>(cluster.kind));
  question.add(cluster.row_axes);
  const auto& ids = cluster.arrays;
  question.add(static_cast<int64_t>(ids.size()));
  const std::vector<ArrayId> operands = operands_of(graph, cluster);
  for (ArrayId id : ids) {
    const Array& array = graph.arrays[id];
    question.add(array.name);
    question.add(array.formula);
    question.add(!stored.empty() && stored[static_cast<size_t>(id)]);
    auto order = cluster.order.find(id);
    question.add(order != cluster.order.end());
    if (order != cluster.order.end()) {
      for (int axis : order->second) question.add(axis);
    }
    auto split = cluster.split.find(id);
    question.add(split != cluster.split.end());
    if (split != cluster.split.end()) {
      question.add(split->second.axis);
      question.add(split->second.inner);
    }
    for (ArrayId operand : array.operands) {
      // Those outside count up, those inside down.
      auto inside = std::lower_bound(ids.begin(), ids.end(), operand);
      if (inside != ids.end() && *inside == operand) {
        question.add(-1 - (inside - ids.begin()));
      } else {
        question.add(std::find(operands.begin(), operands.end(), operand) -
                     operands.begin());
      }
    }
  }
  for (ArrayId operand : operands) {
    question.add(graph.arrays[operand].formula);
    question.add(graph.arrays[operand].at_load);
  }
  for (const RowArrays& rows : cluster.rows) {
    question.add(rows.row_axes);
    question.add(static_cast<int64_t>(rows.arrays.size()));
    for (ArrayId id : rows.arrays) {
      question.add(std::lower_bound(ids.begin(), ids.end(), id) - ids.begin());
    }
  }
  return question;
}

}  // namespace lathe
