#include "interpreter/op_builder.h"

#include <algorithm>

#include "interpreter/op_arguments.h"
#include "interpreter/op_builder_impl.h"
#include "interpreter/op_types.h"
#include "spec/check.h"
#include "spec/diagnostic.h"
#include "spec/text.h"

namespace lathe {

Expr Operand::operator()(const std::vector<Expr>& index) const {
  if (slot < 0) return number;
  return load(slot, dtype, index);
}

Expr Operand::broadcast(const std::vector<Expr>& index) const {
  if (slot < 0) return number;
  const size_t skipped = index.size() - shape.size();
  std::vector<Expr> own(shape.size());
  for (size_t i = 0; i < shape.size(); ++i) {
    own[i] = shape[i] == Dim(1) ? int_literal(0) : index[skipped + i];
  }
  return load(slot, dtype, std::move(own));
}

Index to_index(const std::vector<Var>& axes) {
  Index index;
  for (const Var& axis : axes) index.push_back(var(axis));
  return index;
}

bool OpBuilder::has(std::string_view name) const {
  return !std::holds_alternative<std::monostate>(argument(name).value);
}

bool OpBuilder::written(std::string_view name) const {
  return has(name) && argument(name).span.known();
}

const OpArg& OpBuilder::argument(std::string_view name) const {
  return impl_->args[impl_->index_of(name)];
}

Operand OpBuilder::tensor(std::string_view name) {
  const std::vector<Operand> all = tensors(name);
  LATHE_CHECK(all.size() == 1, "`", name, "` is left out");
  return all[0];
}

std::vector<Operand> OpBuilder::tensors(std::string_view name) {
  return impl_->operands[impl_->index_of(name)];
}

Dim OpBuilder::dim(std::string_view name) const {
  return impl_->get<Dim>(name);
}

int64_t OpBuilder::integer(std::string_view name) const {
  const Dim value = dim(name);
  if (!value.is_static()) {
    fail("L0408", cat({"`", name, "` of `", op_name(),
                       "` must be known while building, and is ",
                       value.to_string()}),
         name);
  }
  return value.value();
}

std::vector<Dim> OpBuilder::dims(std::string_view name) const {
  // One integer stands for a list of one.
  if (std::holds_alternative<Dim>(argument(name).value)) return {dim(name)};
  std::vector<Dim> values;
  for (const OpArg& item : impl_->get<OpArgs>(name)) {
    values.push_back(std::get<Dim>(item.value));
  }
  return values;
}

std::vector<int64_t> OpBuilder::integers(std::string_view name) const {
  std::vector<int64_t> values;
  for (const Dim& value : dims(name)) {
    if (!value.is_static()) {
      fail("L0408", cat({"`", name, "` of `", op_name(),
                         "` must be known while building, and holds ",
                         value.to_string()}),
           name);
    }
    values.push_back(value.value());
  }
  return values;
}

double OpBuilder::number(std::string_view name) const {
  return impl_->get<double>(name);
}

bool OpBuilder::flag(std::string_view name) const {
  return impl_->get<bool>(name);
}

std::string OpBuilder::text(std::string_view name) const {
  return impl_->get<std::string>(name);
}

DType OpBuilder::dtype(std::string_view name) const {
  return impl_->get<DType>(name);
}

namespace {

int normalized_axis(const OpBuilder& builder, std::string_view name,
                    int64_t axis, int rank) {
  if (axis < -rank || axis >= rank) {
    builder.fail("L0406",
                 cat({"`", builder.op_name(), "` wants ", name, " in [", -rank,
                      ", ", rank, ") and gets ", axis}),
                 name);
  }
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

}  // namespace

int OpBuilder::axis(std::string_view name, int rank) const {
  return normalized_axis(*this, name, integer(name), rank);
}

std::vector<int> OpBuilder::axes(std::string_view name, int rank) const {
  std::vector<int> result;
  for (int64_t axis : integers(name)) {
    result.push_back(normalized_axis(*this, name, axis, rank));
  }
  std::sort(result.begin(), result.end());
  const auto twice = std::adjacent_find(result.begin(), result.end());
  if (twice != result.end()) {
    fail("L0406", cat({"`", op_name(), "` gets the axis ", *twice, " twice"}),
         name);
  }
  return result;
}

const std::string& OpBuilder::op_name() const { return impl_->call.op->name; }

Expr OpBuilder::checked(const Expr& index, const Dim& extent) const {
  constexpr int kThisNode = -1;
  return checked_index(index, size_of(extent), int_literal(0), kThisNode);
}

ReduceAxis OpBuilder::reduce_axis(const std::string& name,
                                  const Dim& extent) const {
  return {make_var(name), extent};
}

std::vector<Var> OpBuilder::make_axes(int rank) const {
  std::vector<Var> axes;
  for (int i = 0; i < rank; ++i) {
    axes.push_back(make_var("i" + std::to_string(i)));
  }
  return axes;
}

Operand OpBuilder::stage(const std::string& name, DType dtype,
                         const Shape& shape,
                         const std::function<Expr(const Index&)>& body) {
  Stage result;
  result.name = name;
  result.dtype = dtype;
  result.shape = shape;
  result.axes = make_axes(static_cast<int>(shape.size()));
  const Expr value = body(to_index(result.axes));
  result.kind = Compute{convert(compute_type(dtype), value)};
  return stage(std::move(result));
}

Operand OpBuilder::stage(Stage stage) {
  for (const Dim& size : stage.shape) {
    LATHE_CHECK(!provably_less(size, 0), op_name(), " makes the size ",
                size.to_string());
  }
  Definition& definition = impl_->definition;
  Operand result;
  result.slot =
      definition.inputs + static_cast<int>(definition.stages.size());
  result.dtype = stage.dtype;
  result.shape = stage.shape;
  definition.stages.push_back(std::move(stage));
  return result;
}

Operand OpBuilder::constant(std::shared_ptr<const Tensor> tensor) {
  LATHE_CHECK(impl_->definition.stages.empty(), op_name(),
              ": a constant after a stage");
  Operand result;
  result.slot = impl_->definition.inputs++;
  const ValueId id = impl_->graph.add_constant(op_name(), std::move(tensor));
  result.dtype = impl_->graph.type(id).dtype;
  result.shape = impl_->graph.type(id).shape;
  impl_->inputs.push_back(id);
  impl_->input_names.push_back("constant");
  return result;
}

void OpBuilder::output(const Operand& stage) {
  Definition& definition = impl_->definition;
  LATHE_CHECK(stage.slot >= definition.inputs, op_name(),
              ": an output that is no stage");
  definition.outputs.push_back(stage.slot - definition.inputs);
}

void OpBuilder::require_equal(const Dim& a, const Dim& b,
                              const std::string& code,
                              const std::string& message) {
  if (provably_equal(a, b)) return;
  if (provably_different(a, b)) fail(code, message);
  impl_->assume_equal(a, b, code, message);
}

void OpBuilder::require_multiple(const Dim& a, const Dim& b,
                                 const std::string& code,
                                 const std::string& message) {
  if (b == Dim(0)) fail(code, message);
  require_equal(mod(a, b), 0, code, message);
}

void OpBuilder::fail(const std::string& code, const std::string& message,
                     std::string_view name, const std::string& help) const {
  const SourceSpan& span =
      name.empty() ? impl_->call.span : impl_->span_of(name);
  lathe::fail(code, span, message, help, operand_notes());
}

std::vector<std::string> OpBuilder::operand_notes() const {
  const Graph& graph = impl_->graph;
  std::vector<std::string> notes;
  for (size_t i = 0; i < impl_->inputs.size(); ++i) {
    const Value& value = graph.values[impl_->inputs[i]];
    const Node& node = graph.nodes[value.node];
    std::string note =
        cat({impl_->input_names[i], " is ", to_string(value.type)});
    if (node.kind == NodeKind::kOp) {
      note += ", made by `" + node.op + "`";
    } else {
      note += cat({", the ", node.op, " `", value.name, "`"});
    }
    if (node.span.known()) note += " at " + place_of(node.span);
    notes.push_back(std::move(note));
  }
  return notes;
}

}  // namespace lathe
