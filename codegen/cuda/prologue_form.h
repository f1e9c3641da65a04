#pragma once
// A row group and the product that reads it, taken apart: where there are few
// rows, the kernel of the product makes what it reads of the row group itself.
//
// Of that group a few numbers a row stand for what its reductions found (the
// mean square of a norm): each block computes them before anything else and
// keeps them in shared memory. All else is a map, computed where it is read.

#include <optional>
#include <vector>

#include "codegen/cuda/matmul_plan.h"
#include "codegen/group.h"

namespace lathe::cuda {

// Operands of the product are those of the whole group, then the values that
// are handed over, then the numbers.
struct PrologueForm {
  // The value of a stage of the row group, over its axes, from operands of the
  // group and from numbers.
  struct Handed {
    int output = 0;  // of the whole group
    DType dtype = DType::kFloat32;
    std::vector<Var> axes;
    Expr value;
  };
  // One number a row. With `op`, of `value` at all k of the product's depth.
  struct Number {
    DType dtype = DType::kFloat32;
    std::vector<Var> axes;
    Expr value;
    std::optional<ReduceOp> op;
    Var k;
  };

  Group rows, product;
  // For each operand and output of the parts, that of the whole group.
  std::vector<int> row_operands, row_outputs, product_outputs;
  std::vector<Handed> handed;
  std::vector<Number> numbers;
  Shape row_extents;
  int group_operands = 0;

  int first_handed() const { return group_operands; }
  int first_number() const {
    return group_operands + static_cast<int>(handed.size());
  }
};

// Nothing where the group has another form.
std::optional<PrologueForm> match_prologue(const Group& group);

// Whether the maps are cheap enough to be computed for each column anew.
bool is_light(const PrologueForm& form);

}  // namespace lathe::cuda
