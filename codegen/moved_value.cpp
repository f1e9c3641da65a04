#include "codegen/moved_value.h"

#include <algorithm>
#include <cmath>

namespace lathe {

bool only_moves(const Expr& value, DType dtype) {
  if (!is_float(dtype) || size_of(dtype) >= 4 || value->lanes != 1) {
    return false;
  }
  if (auto* load = std::get_if<Load>(&value->node)) {
    return load->dtype == dtype;
  }
  if (auto* literal = std::get_if<Literal>(&value->node)) {
    auto* number = std::get_if<double>(&literal->value);
    return number && *number == 0 && !std::signbit(*number);
  }
  auto* call = std::get_if<Call>(&value->node);
  return call && call->op == ScalarOp::kSelect &&
         std::all_of(
             call->args.begin() + 1, call->args.end(),
             [&](const Expr& arg) { return only_moves(arg, dtype); });
}

}  // namespace lathe
