#include <algorithm>
#include <set>

#include "codegen/passes.h"
#include "spec/dim.h"

namespace lathe {
namespace {

using Leaves = std::set<ArrayId>;

int64_t bytes_of(const Array& array) {
  return numel(array.shape()).value() * size_of(array.dtype());
}

// More than one element along at most one axis: a scale, a bias.
bool is_vector(const Array& array) {
  return std::count_if(array.shape().begin(), array.shape().end(),
                       [](const Dim& dim) { return dim != 1; }) <= 1;
}

class Marker {
 public:
  explicit Marker(StageGraph& graph)
      : graph_(graph), leaves_(graph.arrays.size()) {}

  void run() {
    for (size_t id = 0; id < graph_.arrays.size(); ++id) {
      mark(static_cast<ArrayId>(id));
    }
    graph_.formulas_worked_on += symbolic_.size();
  }

 private:
  void mark(ArrayId id) {
    Array& array = graph_.arrays[id];
    array.at_load = array.widens = false;
    if (auto* given = std::get_if<Given>(&array.kind())) {
      array.at_load = given->kind != NodeKind::kInput;
      leaves_[id] = {id};
      return;
    }
    // Outputs are made anew in each run, whatever they depend on.
    if (array.stored || is_symbolic(array.formula)) return;
    for (ArrayId operand : operands_of(array)) {
      const Array& from = graph_.arrays[operand];
      if (!from.at_load && !from.widens) return;
      leaves_[id].insert(leaves_[operand].begin(), leaves_[operand].end());
    }
    array.widens = widens(array, leaves_[id]);
    array.at_load = !array.widens;
  }

  bool is_symbolic(const FormulaRef& formula) {
    return symbolic_.get(formula, [&] { return mentions_symbols(*formula); });
  }

  // Reductions are no decoding: what they cost is not to be repeated. Tables
  // made of constants have no storage to compare with.
  bool widens(const Array& array, const Leaves& leaves) const {
    auto* compute = std::get_if<Compute>(&array.kind());
    if (!compute || std::holds_alternative<Reduce>(compute->body->node)) {
      return false;
    }
    int64_t read = 0;
    bool weights = false;
    for (ArrayId leaf : leaves) {
      const Array& from = graph_.arrays[leaf];
      read += bytes_of(from);
      weights =
          weights || std::get<Given>(from.kind()).kind == NodeKind::kWeight;
    }
    return weights && !is_vector(array) && bytes_of(array) > read;
  }

  StageGraph& graph_;
  Answers<bool> symbolic_;
  std::vector<Leaves> leaves_;  // what each array reads in the end
};

}  // namespace

StageGraph mark_at_load(StageGraph graph) {
  Marker(graph).run();
  return graph;
}

}  // namespace lathe
