// The rules on dtypes and shapes of an op's operands.

#include "interpreter/op_builder.h"
#include "interpreter/op_builder_impl.h"
#include "interpreter/op_types.h"
#include "spec/check.h"
#include "spec/diagnostic.h"
#include "spec/text.h"

namespace lathe {
namespace {

bool is_number(const Operand& operand) { return operand.slot < 0; }

// The dtype of numbers without a tensor beside them.
DType dtype_of_numbers(const std::vector<Operand>& operands) {
  DType dtype = DType::kBool;
  for (const Operand& operand : operands) {
    if (is_float(operand.dtype)) return DType::kFloat32;
    if (is_int(operand.dtype)) dtype = DType::kInt64;
  }
  return dtype;
}

// The number of a weak literal; nothing for a symbolic dim.
const Literal* literal_of(const Operand& operand) {
  return std::get_if<Literal>(&operand.number->node);
}

// Numbers enter float types as they are; into integers they must fit.
void check_number(const OpBuilder& builder, const Operand& number,
                  DType dtype) {
  const Literal* literal = literal_of(number);
  const bool whole = !is_float(number.dtype);
  if (is_float(dtype) || (!literal && whole)) return;
  bool fits = is_bool(number.dtype);
  if (!literal) {
    builder.fail("L0404",
                 cat({"`", builder.op_name(), "` cannot turn the number ",
                      to_string(number.number), " into ", to_string(dtype)}),
                 {}, "`cast` the tensor to a float type first");
  }
  if (const auto* value = std::get_if<int64_t>(&literal->value)) {
    fits = is_int(dtype) && *value >= lowest_int(dtype) &&
           *value <= highest_int(dtype);
  }
  if (fits) return;
  builder.fail("L0404",
               cat({"`", builder.op_name(), "` cannot turn the number ",
                    to_string(number.number), " into ", to_string(dtype)}),
               {},
               is_float(number.dtype)
                   ? "`cast` the tensor to a float type first"
                   : "`cast` the tensor to a wider type first");
}

}  // namespace

DType OpBuilder::promote(const std::vector<Operand>& operands) const {
  std::optional<DType> dtype;
  for (const Operand& operand : operands) {
    if (is_number(operand)) continue;
    const std::optional<DType> next =
        dtype ? promote_dtypes(*dtype, operand.dtype) : operand.dtype;
    if (!next) {
      fail("L0403",
           cat({"`", op_name(), "` gets ", to_string(*dtype), " and ",
                to_string(operand.dtype),
                ", and neither holds the other without loss"}),
           {}, "`cast` one of them");
    }
    dtype = next;
  }
  if (!dtype) return dtype_of_numbers(operands);
  for (const Operand& operand : operands) {
    if (is_number(operand)) check_number(*this, operand, *dtype);
  }
  return *dtype;
}

Shape OpBuilder::broadcast(const std::vector<Operand>& operands) {
  Shape result;
  for (const Operand& operand : operands) {
    const Shape& shape = operand.shape;
    if (shape.size() > result.size()) {
      result.insert(result.begin(), shape.size() - result.size(), Dim(1));
    }
    const size_t skipped = result.size() - shape.size();
    for (size_t i = 0; i < shape.size(); ++i) {
      const Dim& wanted = result[skipped + i];
      const BroadcastDim both = broadcast_dims(wanted, shape[i]);
      if (!both.fits || both.assumed) {
        const std::string message =
            cat({"`", op_name(), "` cannot broadcast axis -",
                 shape.size() - i, ": ", wanted.to_string(), " and ",
                 shape[i].to_string()});
        require_equal(wanted, shape[i], "L0401", message);
      }
      result[skipped + i] = both.size;
    }
  }
  return result;
}

Operand OpBuilder::map(
    const std::string& name, const std::vector<Operand>& operands,
    const std::function<Expr(const std::vector<Expr>&)>& body) {
  const DType dtype = promote(operands);
  const NumType type = compute_type(dtype);
  const Shape shape = broadcast(operands);
  const std::vector<Var> axes = make_axes(static_cast<int>(shape.size()));
  const Index index = to_index(axes);
  std::vector<Expr> elements;
  for (const Operand& operand : operands) {
    elements.push_back(convert(type, operand.broadcast(index)));
  }
  Stage added{name, dtype, shape, axes, Compute{body(elements)}};
  const NumType value = std::get<Compute>(added.kind).body->type;
  if (value != type) added.dtype = storage_type(value);
  return stage(std::move(added));
}

}  // namespace lathe
