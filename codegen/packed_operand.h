#pragma once
// Layouts of weights that a kernel likes, as stages over the group's operands.

#include <string>
#include <vector>

#include "codegen/strategy.h"

namespace lathe {

// The operand whose element at `axes` is `body`, which loads operands of the
// group that are known at load.
PackedOperand packed_operand(const std::string& name, DType dtype, Shape shape,
                             std::vector<Var> axes, const Expr& body);

}  // namespace lathe
