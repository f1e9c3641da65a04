#pragma once
// Row groups and the product that reads them, taken apart: where there are few
// rows, the kernel of the product makes what it reads of the row groups itself.
//
// Of those groups a few numbers stand for what their reductions found: of a row
// (the mean square of a norm), of groups of k of a row (the scales of blocks),
// or of all rows (the scale of a tensor). Each block computes them before
// anything else and keeps them in shared memory. All else is a map, computed
// where it is read.

#include <optional>
#include <vector>

#include "codegen/cuda/gpu_sizes.h"
#include "codegen/cuda/matmul_plan.h"
#include "codegen/group.h"
#include "codegen/strategy.h"

namespace lathe::cuda {

// Operands of the product are those of the whole group, then the values that
// are handed over, then the numbers.
struct PrologueForm {
  // A row group as one of its own, and what its operands and outputs are in the
  // whole group: operands, or outputs of row groups before it.
  struct Rows {
    Group group;
    std::vector<BufferBinding> operands;
    std::vector<int> outputs;
  };
  // The value of a stage of a row group, over its axes, from operands of the
  // whole group and from numbers.
  struct Handed {
    int output = 0;  // of the whole group
    DType dtype = DType::kFloat32;
    std::vector<Var> axes;
    Expr value;
  };
  enum class Of : uint8_t { kRow, kGroups, kAllRows };
  // A stage that is kept: one number a row, `groups` numbers a row, or one.
  struct Number {
    Of of = Of::kRow;
    DType dtype = DType::kFloat32;
    std::vector<Var> axes;
    Expr value;
    // Set: the combination of `value` for all k: of the product's depth, of one
    // of the `groups` equal parts of it, or below `extent`.
    std::optional<ReduceOp> op;
    Var k;
    Dim extent;
    int64_t groups = 1;
    Var group;  // kGroups: that of `axes` which counts them

    // Numbers of a block.
    int64_t kept() const {
      return of == Of::kAllRows ? 1 : kFewRows * groups;
    }
  };

  std::vector<Rows> rows;
  Group product;
  std::vector<int> product_outputs;  // of the whole group
  std::vector<Handed> handed;
  std::vector<Number> numbers;
  Shape row_extents;  // of the leading axes that count the product's rows
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
