#pragma once
// The graph as codegen sees it: a flat list of arrays, each defined by index
// expressions over earlier arrays. Ops, nodes and layers are gone; what is
// left of them is a name and a place for messages.
//
// An array is a model input, a weight, a constant, or computed. What fills the
// slots of its formula are positions in StageGraph::arrays, always smaller than
// its own. Passes exchange formulas and may append arrays; prune() drops unused
// ones.

#include <string>
#include <vector>

#include "codegen/formula.h"

namespace lathe {

using ArrayId = int;

struct Array {
  std::string name;  // of the stage
  // The nodes whose work it holds, ascending: for the schedule's text,
  // comments and profiles.
  std::vector<NodeId> work;
  FormulaRef formula;
  std::vector<ArrayId> operands;  // by slot, none twice
  ValueId value = -1;    // the graph value it is, or -1
  NodeId node = -1;      // the node it comes from
  bool stored = false;   // must exist in memory: a graph output
  // Evaluated when weights are loaded: depends on weights and constants only.
  bool at_load = false;
  // The same, but wider than what it reads: put into its readers instead.
  bool widens = false;

  DType dtype() const { return formula->dtype; }
  const Shape& shape() const { return formula->shape; }
  const std::vector<Var>& axes() const { return formula->axes; }
  const ArrayKind& kind() const { return formula->kind; }
};

struct StageGraph {
  std::vector<Array> arrays;
  std::vector<ArrayId> outputs;  // one per graph output
  std::vector<std::string> ops;  // by node: what it does, to be read
  // Formulas that passes have worked on so far, each as often as they did.
  int64_t formulas_worked_on = 0;

  bool is_given(ArrayId id) const {
    return std::holds_alternative<Given>(arrays[id].kind());
  }
};

// Gives arrays their formulas.
class SlotFiller {
 public:
  // The array computes `formula` of array.operands, one a slot. Slots that are
  // filled alike become one.
  void fill(Array& array, const FormulaRef& formula);
  // The same, where numbered[i] has the number i.
  void fill(Array& array, const NumberedFormula& formula,
            const std::vector<ArrayId>& numbered);

 private:
  Answers<FormulaRef> merged_;
};

// The arrays that an array's definition loads, ascending.
std::vector<ArrayId> operands_of(const Array& array);

// One line an array: "%5 exps float32[B, T] = exp(%3[i, j] - %4[i])".
std::string to_string(const StageGraph& graph);

// Throws InternalError when slots, ranks or types do not fit together, or a
// body uses a variable that nothing binds.
void verify(const StageGraph& graph);

}  // namespace lathe
