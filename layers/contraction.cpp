// Matrix products.

#include "interpreter/op_builder.h"
#include "spec/text.h"

namespace lathe {
namespace {

// An operand of a product as a stack of matrices: a vector lacks one of the
// two axes.
struct Matrix {
  Operand operand;
  bool vector = false;

  Shape batch() const {
    const int tail = vector ? 1 : 2;
    return {operand.shape.begin(), operand.shape.end() - tail};
  }
};

Matrix matrix_of(OpBuilder& b, const char* name) {
  Matrix matrix{b.tensor(name)};
  if (matrix.operand.rank() == 0) {
    b.fail("L0405", cat({"`", b.op_name(), "` wants ", name,
                         " to have an axis, and gets a scalar"}),
           name, "multiply by a scalar with `*`");
  }
  matrix.vector = matrix.operand.rank() == 1;
  return matrix;
}

// An operand that only has the batch axes, to broadcast them.
Operand batch_of(const Matrix& matrix) {
  Operand batch = matrix.operand;
  batch.shape = matrix.batch();
  return batch;
}

// The element of `matrix` in `batch` (indices of the output) at the last
// indices `inner`.
Expr element(const Matrix& matrix, const Index& batch, const Index& inner) {
  const Shape own = matrix.batch();
  const size_t skipped = batch.size() - own.size();
  Index index;
  for (size_t i = 0; i < own.size(); ++i) {
    index.push_back(own[i] == Dim(1) ? int_literal(0) : batch[skipped + i]);
  }
  index.insert(index.end(), inner.begin(), inner.end());
  return matrix.operand(index);
}

void define_matmul(OpBuilder& b) {
  const Matrix x = matrix_of(b, "x");
  const Matrix y = matrix_of(b, "y");
  const DType dtype = b.promote({x.operand, y.operand});
  const NumType type = compute_type(dtype);
  const Dim summed = x.operand.shape.back();
  const Dim other = y.operand.shape[y.vector ? 0 : y.operand.rank() - 2];
  b.require_equal(summed, other, "L0402",
                  cat({"`", b.op_name(), "` sums over ", summed.to_string(),
                       " features of x and ", other.to_string(), " of y"}));
  const Shape batch = b.broadcast({batch_of(x), batch_of(y)});
  Shape shape = batch;
  if (!x.vector) shape.push_back(x.operand.shape[x.operand.rank() - 2]);
  if (!y.vector) shape.push_back(y.operand.shape.back());
  const ReduceAxis k =
      b.reduce_axis("k", summed.is_static() ? summed : other);
  b.stage(b.op_name(), dtype, shape, [&](const Index& i) {
    const Index outer(i.begin(), i.begin() + batch.size());
    Index left = {var(k.var)};
    Index right = {var(k.var)};
    if (!x.vector) left.insert(left.begin(), i[batch.size()]);
    if (!y.vector) right.push_back(i.back());
    return reduce(ReduceOp::kSum, {k},
                  convert(type, element(x, outer, left)) *
                      convert(type, element(y, outer, right)));
  });
}

const RegisterOp kMatmul({
    .name = "matmul",
    .doc =
        "Matrix product: sum over k of x[..., m, k] * y[..., k, n].\n"
        "Leading axes broadcast. A vector on the left is a row, on the right "
        "a column; its axis is dropped from the result. Narrow floats are "
        "summed in float32 and rounded once.",
    .signature = "x: number[..., M, K], y: number[..., K, N] "
                 "-> number[..., M, N]",
    .define = define_matmul,
    .samples = {"x: [N, 5], y: [5, 7]", "x: [3, N], y: [N, 9]",
                "x: [2, N], y: [N]", "x: [5], y: [5, 17]", "x: [8], y: [8]",
                "x: [T, 33], y: [65, 33].T", "x: [33, T].T, y: [33, 16]",
                "x: [B, 3, 4], y: [4, 6]", "x: [B, 1, 3, 4], y: [5, 4, 2]",
                "x: [2, 70], y: [70, 130]", "x: [1, 64], y: [64, 31]"},
    .infix = "@",
});

void define_outer(OpBuilder& b) {
  const Operand x = b.tensor("x");
  const Operand y = b.tensor("y");
  for (const char* name : {"x", "y"}) {
    if (const int rank = b.tensor(name).rank(); rank != 1) {
      b.fail("L0405", cat({"`outer` wants ", name,
                           " to have 1 axis, and gets ", rank}),
             name);
    }
  }
  const DType dtype = b.promote({x, y});
  const NumType type = compute_type(dtype);
  b.stage(b.op_name(), dtype, {x.shape[0], y.shape[0]}, [&](const Index& i) {
    return convert(type, x({i[0]})) * convert(type, y({i[1]}));
  });
}

const RegisterOp kOuter({
    .name = "outer",
    .doc = "x[i] * y[j] for two vectors.",
    .signature = "x: number[M], y: number[N] -> number[M, N]",
    .define = define_outer,
    .samples = {"x: [N], y: [5]", "x: [3], y: [N]"},
});

}  // namespace
}  // namespace lathe
