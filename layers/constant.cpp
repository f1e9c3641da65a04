// Literal tensors.

#include "interpreter/op_builder.h"
#include "spec/check.h"
#include "spec/text.h"

namespace lathe {
namespace {

// A nested list of numbers, flattened.
struct NumberList {
  std::vector<int64_t> shape;
  std::vector<const OpArg*> numbers;
};

// Shape of the list by its first items; collect() checks the others.
std::vector<int64_t> shape_of(const OpArg& value) {
  const auto* list = std::get_if<OpArgs>(&value.value);
  if (!list) return {};
  std::vector<int64_t> shape = {static_cast<int64_t>(list->size())};
  if (list->empty()) return shape;
  const std::vector<int64_t> inner = shape_of(list->front());
  shape.insert(shape.end(), inner.begin(), inner.end());
  return shape;
}

void collect(const OpBuilder& b, const OpArg& value, size_t depth,
             NumberList& result) {
  const auto* list = std::get_if<OpArgs>(&value.value);
  const bool leaf = depth == result.shape.size();
  if (leaf != (list == nullptr) ||
      (list && static_cast<int64_t>(list->size()) != result.shape[depth])) {
    b.fail("L0320", "`constant` wants lists of equal length", "value");
  }
  if (leaf) {
    result.numbers.push_back(&value);
    return;
  }
  for (const OpArg& item : *list) collect(b, item, depth + 1, result);
}

bool is_integer(const OpArg& arg) {
  return std::holds_alternative<Dim>(arg.value);
}
bool is_truth(const OpArg& arg) {
  return std::holds_alternative<bool>(arg.value);
}

DType natural_dtype(const NumberList& list) {
  DType dtype = DType::kBool;
  for (const OpArg* number : list.numbers) {
    if (is_truth(*number)) continue;
    if (!is_integer(*number)) return DType::kFloat32;
    dtype = DType::kInt64;
  }
  return list.numbers.empty() ? DType::kFloat32 : dtype;
}

int64_t integer_of(const OpBuilder& b, const OpArg& number) {
  const Dim& dim = std::get<Dim>(number.value);
  if (!dim.is_static()) {
    b.fail("L0408", cat({"`constant` cannot hold the symbolic size ",
                         dim.to_string()}),
           "value");
  }
  return dim.value();
}

void store(const OpBuilder& b, const OpArg& number, Tensor& tensor,
           int64_t position) {
  const DType dtype = tensor.dtype();
  if (is_truth(number)) {
    tensor.set_int(position, std::get<bool>(number.value) ? 1 : 0);
    return;
  }
  if (is_integer(number)) {
    const int64_t value = integer_of(b, number);
    if (!is_float(dtype) &&
        (value < lowest_int(dtype) || value > highest_int(dtype))) {
      b.fail("L0404", cat({"`constant` cannot put ", value, " into ",
                           to_string(dtype)}),
             "value");
    }
    tensor.set_int(position, value);
    return;
  }
  if (!is_float(dtype)) {
    b.fail("L0404", cat({"`constant` cannot put a float into ",
                         to_string(dtype)}),
           "value");
  }
  tensor.set(position, std::get<double>(number.value));
}

void check_sizes(const OpBuilder& b, const Shape& shape) {
  for (const Dim& size : shape) {
    if (!provably_less(size, 0)) continue;
    b.fail("L0408",
           cat({"`", b.op_name(), "` gets the size ", size.to_string()}),
           "shape");
  }
}

// One number, which may be symbolic, everywhere.
void define_filled(OpBuilder& b, const Shape& shape) {
  check_sizes(b, shape);
  const OpArg& value = b.argument("value");
  NumberList list{{}, {&value}};
  const DType dtype = b.has("dtype") ? b.dtype("dtype") : natural_dtype(list);
  const bool symbolic =
      is_integer(value) && !std::get<Dim>(value.value).is_static();
  Expr number;
  if (symbolic) {
    number = size_of(std::get<Dim>(value.value));
  } else {
    Tensor scalar(dtype, {});
    store(b, value, scalar, 0);
    number = is_float(dtype)
                 ? float_literal(scalar.at(0), compute_type(dtype))
                 : convert(compute_type(dtype), int_literal(scalar.int_at(0)));
  }
  b.stage(b.op_name(), dtype, shape, [&](const Index&) {
    return convert(compute_type(dtype), number);
  });
}

void define_constant(OpBuilder& b) {
  const OpArg& value = b.argument("value");
  if (!std::holds_alternative<OpArgs>(value.value)) {
    return define_filled(b, b.dims("shape"));
  }
  if (!b.dims("shape").empty()) {
    b.fail("L0320", "`constant` takes a shape only beside one number",
           "shape");
  }
  NumberList list;
  list.shape = shape_of(value);
  collect(b, value, 0, list);
  auto tensor = std::make_shared<Tensor>(
      b.has("dtype") ? b.dtype("dtype") : natural_dtype(list), list.shape);
  for (size_t i = 0; i < list.numbers.size(); ++i) {
    store(b, *list.numbers[i], *tensor, static_cast<int64_t>(i));
  }
  const Operand data = b.constant(std::move(tensor));
  b.stage(b.op_name(), data.dtype, data.shape,
          [&](const Index& i) { return data(i); });
}

// `number` in every place, as PyTorch's ones and zeros.
OpDef filled(const char* name, const char* doc, int64_t number) {
  return {.name = name,
          .doc = doc,
          .signature = "shape: ints, dtype: dtype = float32 -> any[*shape]",
          .define =
              [number](OpBuilder& b) {
                const Shape shape = b.dims("shape");
                check_sizes(b, shape);
                const DType dtype = b.dtype("dtype");
                b.stage(b.op_name(), dtype, shape, [&](const Index&) {
                  return convert(compute_type(dtype), int_literal(number));
                });
              },
          .samples = {"shape: [2, N]", "shape: []",
                      "shape: [N], dtype: int32"}};
}

const RegisterOp kFilled[] = {
    RegisterOp(filled("ones", "A tensor of ones.", 1)),
    RegisterOp(filled("zeros", "A tensor of zeros.", 0)),
};

const RegisterOp kConstant({
    .name = "constant",
    .doc = "A tensor of the given numbers, a list or nested lists; or one "
           "number in every place of `shape`.\n"
           "Without a dtype, integers give int64, bools bool, others float32.",
    .signature = "value: numbers, dtype: dtype?, shape: ints = [] -> any[...]",
    .define = define_constant,
    .samples = {"value: 2.5", "value: [[1, 2, 3], [4, 5, 6]]",
                "value: [0.5, -1], dtype: float32", "value: 3, shape: [2, N]",
                "value: 1.5, dtype: bfloat16, shape: [N]"},
});

}  // namespace
}  // namespace lathe
