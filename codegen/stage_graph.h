#pragma once
// The graph as codegen sees it: a flat list of arrays, each defined by index
// expressions over earlier arrays. Ops, nodes and layers are gone; what is
// left of them is a name and a place for messages.
//
// An array is a model input, a weight, a constant, or computed. Load slots in
// bodies are positions in StageGraph::arrays, always smaller than their own.
// Passes rewrite bodies and may append arrays; prune() drops unused ones.

#include <map>
#include <string>
#include <variant>
#include <vector>

#include "interpreter/definition.h"
#include "interpreter/graph.h"

namespace lathe {

using ArrayId = int;

// Defined elsewhere: an input, a weight or a constant of the graph.
struct Given {
  NodeKind kind = NodeKind::kInput;
};

struct Array {
  std::string name;  // of the stage
  // The nodes whose work it holds and their ops, ascending: for the
  // schedule's text, comments and profiles.
  std::map<NodeId, std::string> work;
  DType dtype = DType::kFloat32;
  Shape shape;
  std::vector<Var> axes;  // one per dim; empty for Given
  std::variant<Given, Compute, Scan, Update, Sort> kind;
  ValueId value = -1;    // the graph value it is, or -1
  NodeId node = -1;      // the node it comes from
  bool stored = false;   // must exist in memory: a graph output
  // Evaluated when weights are loaded: depends on weights and constants only.
  bool at_load = false;
  // The same, but wider than what it reads: put into its readers instead.
  bool widens = false;
};

struct StageGraph {
  std::vector<Array> arrays;
  std::vector<ArrayId> outputs;  // one per graph output

  bool is_given(ArrayId id) const {
    return std::holds_alternative<Given>(arrays[id].kind);
  }
};

// The arrays that an array's definition loads, each once, ascending.
std::vector<ArrayId> operands_of(const Array& array);

// All expressions of a definition in a fixed order, and the same with other
// expressions put in their place.
using ArrayKind = std::variant<Given, Compute, Scan, Update, Sort>;
std::vector<Expr> expressions_of(const ArrayKind& kind);
ArrayKind with_expressions(const ArrayKind& kind, std::vector<Expr> exprs);

// One line an array: "%5 exps float32[B, T] = exp(%3[i, j] - %4[i])".
std::string to_string(const StageGraph& graph);

// The loops in which expression `i` of expressions_of() is computed.
std::vector<ReduceAxis> loops_around(const Array& array, size_t i);

// Whether the definition depends on a symbolic dim.
bool mentions_symbols(const Array& array);

// Throws InternalError when slots, ranks or types do not fit together, or a
// body uses a variable that nothing binds.
void verify(const StageGraph& graph);

}  // namespace lathe
