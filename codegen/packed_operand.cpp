#include "codegen/packed_operand.h"

#include <map>
#include <utility>

#include "codegen/rewrite.h"
#include "codegen/simplify.h"

namespace lathe {

PackedOperand packed_operand(const std::string& name, DType dtype, Shape shape,
                             std::vector<Var> axes, const Expr& body) {
  PackedOperand packed;
  std::map<int, int> slots;  // of the group's operands, in the stage
  Rewriter renumber([&](const Expr& e) -> Expr {
    auto* node = std::get_if<Load>(&e->node);
    if (!node) return {};
    auto [it, added] =
        slots.emplace(node->slot, static_cast<int>(packed.operands.size()));
    if (added) packed.operands.push_back(node->slot);
    return load(it->second, node->dtype, node->index);
  });
  Ranges ranges;
  ranges.add(axes, shape);
  packed.stage.name = name;
  packed.stage.dtype = dtype;
  packed.stage.kind = Compute{simplify(renumber(body), ranges)};
  packed.stage.shape = std::move(shape);
  packed.stage.axes = std::move(axes);
  return packed;
}

}  // namespace lathe
