#pragma once
// The state behind an OpBuilder: one call while its definition is made.
// Only for op_builder*.cpp and apply_op.cpp.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/op_builder.h"
#include "spec/check.h"

namespace lathe {

struct OpBuilder::Impl {
  Impl(Graph& graph_in, const OpCall& call_in);

  // Position of a parameter; InternalError if the signature has none.
  size_t index_of(std::string_view name) const;
  // The argument as a T; InternalError if it is none.
  template <typename T>
  const T& get(std::string_view name) const;
  // Makes the tensor arguments inputs of the node.
  void bind_tensors();
  Operand bind_tensor(const OpParam& param, const OpArg& arg);
  // Printed form of the arguments that are no tensors: "axis=0".
  std::string attributes() const;
  // The place of an argument, or of the call.
  const SourceSpan& span_of(std::string_view name) const;
  void assume_equal(const Dim& a, const Dim& b, const std::string& code,
                    const std::string& message);

  Graph& graph;
  const OpCall& call;
  const OpSignature& signature;
  std::vector<OpArg> args;                     // by parameter
  std::vector<std::vector<Operand>> operands;  // by parameter
  std::vector<ValueId> inputs;
  std::vector<std::string> input_names;  // "x", "xs[1]"
  Definition definition;
  std::vector<DimConstraint> constraints;
};

template <typename T>
const T& OpBuilder::Impl::get(std::string_view name) const {
  const T* value = std::get_if<T>(&args[index_of(name)].value);
  LATHE_CHECK(value != nullptr, call.op->name, ": ", name, " is left out");
  return *value;
}

}  // namespace lathe
