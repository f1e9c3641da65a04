#pragma once
// Expressions prepared for the reference engine: sizes are numbers, variables
// have numbers instead of names, and loads are flat addresses, affine in the
// variables as far as possible.

#include <cstdint>
#include <map>
#include <vector>

#include "interpreter/expr.h"
#include "interpreter/scalar_ops.h"
#include "interpreter/tensor.h"
#include "spec/dim.h"

namespace lathe {

enum class EvalKind : uint8_t {
  kConstant,
  kVariable,
  kLoad,
  kCall,
  kSelect,
  kCast,
  kReduce,
  kChecked,
};

// factor * variable, part of an address.
struct EvalTerm {
  int variable = 0;
  int64_t factor = 0;
};

struct EvalAxis {
  int variable = 0;
  int64_t extent = 0;
};

struct EvalNode {
  EvalKind kind = EvalKind::kConstant;
  NumType type = NumType::kFloat32;
  // kLoad: the indices that are not affine; others: the operands
  std::vector<EvalNode> args;

  Number constant;                           // kConstant
  int variable = 0;                          // kVariable
  const ScalarFunction* function = nullptr;  // kCall
  DType dtype = DType::kFloat32;             // kCast

  // kLoad: element offset + sum of terms + sum of strides[i] * args[i]
  int slot = 0;
  int cache = 0;  // number of the load, for what is kept between uses
  int64_t offset = 0;
  std::vector<EvalTerm> terms;
  std::vector<int64_t> strides;

  ReduceOp reduce = ReduceOp::kSum;  // kReduce
  std::vector<EvalAxis> axes;
};

// Prepares the expressions of one stage.
class EvalCompiler {
 public:
  // `slots` are the tensors that the stage may load.
  EvalCompiler(const DimBindings& dims, const std::vector<Tensor>& slots)
      : dims_(dims), slots_(slots) {}

  // The number of a variable, new where it was not seen before.
  int variable(const Var& v);
  EvalNode compile(const Expr& expr);
  int variable_count() const { return static_cast<int>(variables_.size()); }
  int load_count() const { return loads_; }

 private:
  struct Affine {
    int64_t offset = 0;
    std::vector<EvalTerm> terms;
  };

  EvalNode compile_bound(const Expr& expr);
  EvalNode compile_load(const Load& load);
  bool affine(const Expr& expr, int64_t factor, Affine& sum);

  const DimBindings& dims_;
  const std::vector<Tensor>& slots_;
  std::map<const VarInfo*, int> variables_;
  int loads_ = 0;
};

}  // namespace lathe
