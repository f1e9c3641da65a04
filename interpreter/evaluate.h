#pragma once
// The reference engine: evaluates a graph node by node, straight from the
// definitions, in double precision where the value is a float, rounding only
// where a stage stores. It referees every kernel, pass and device. Naive in
// what it computes, but evaluated in blocks of indices, so that contractions
// reach 10^8 multiply-adds a second.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "interpreter/graph.h"
#include "interpreter/tensor.h"

namespace lathe {

// What the graph needs to run: input and weight tensors by value id.
struct EvaluateInputs {
  std::map<ValueId, Tensor> tensors;
  DimBindings dims;
};

// Called after each op node with its outputs; may be empty.
using NodeObserver =
    std::function<void(NodeId, const std::vector<Tensor>& outputs)>;

// The graph's outputs in order. A value is freed after its last use. Throws
// SpecError L08 for an index out of range, L04 when a constraint on dims
// fails, InternalError when a tensor is missing or of the wrong type.
std::vector<Tensor> evaluate(const Graph& graph, const EvaluateInputs& inputs,
                             const NodeObserver& observer = {});

// One definition on given operand tensors; `site_span` places errors.
std::vector<Tensor> evaluate(const Definition& definition,
                             const std::vector<Tensor>& operands,
                             const DimBindings& dims,
                             const std::string& op_name,
                             const SourceSpan& site_span);

}  // namespace lathe
