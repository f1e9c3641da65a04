// Joining and splitting along an axis.

#include "interpreter/op_builder.h"
#include "spec/text.h"

namespace lathe {
namespace {

void require_some(const OpBuilder& b, const std::vector<Operand>& xs) {
  if (xs.empty()) {
    b.fail("L0320", cat({"`", b.op_name(), "` gets no tensors"}), "xs");
  }
}

// All of one rank, with equal sizes except along `axis` (-1: everywhere).
void require_alike(OpBuilder& b, const std::vector<Operand>& xs, int axis) {
  for (size_t i = 1; i < xs.size(); ++i) {
    const std::string both = cat({"`", b.op_name(), "` gets ",
                                  to_string(xs[0].shape), " and ",
                                  to_string(xs[i].shape)});
    if (xs[i].rank() != xs[0].rank()) {
      b.fail("L0405", both + ": the ranks differ", "xs");
    }
    for (int d = 0; d < xs[0].rank(); ++d) {
      if (d == axis) continue;
      b.require_equal(xs[0].shape[d], xs[i].shape[d], "L0402",
                      cat({both, ": axis ", d, " differs"}));
    }
  }
}

void define_concat(OpBuilder& b) {
  const std::vector<Operand> xs = b.tensors("xs");
  require_some(b, xs);
  const int axis = b.axis("axis", xs[0].rank());
  require_alike(b, xs, axis);
  const DType dtype = b.promote(xs);
  Shape shape = xs[0].shape;
  std::vector<Dim> begins = {0};
  for (const Operand& x : xs) begins.push_back(begins.back() + x.shape[axis]);
  shape[axis] = begins.back();
  b.stage(b.op_name(), dtype, shape, [&](const Index& i) {
    Expr value;
    for (size_t n = xs.size(); n-- > 0;) {
      Index index = i;
      index[axis] = i[axis] - size_of(begins[n]);
      const Expr element = convert(compute_type(dtype), xs[n](index));
      value = value ? select(i[axis] < size_of(begins[n + 1]), element, value)
                    : element;
    }
    return value;
  });
}

const RegisterOp kConcat({
    .name = "concat",
    .doc = "The tensors one after the other along an axis.",
    .signature = "xs: any[...]..., axis: int = 0 -> any[...]",
    .define = define_concat,
    .samples = {"xs: {[N], [3]}", "xs: {[2, N], [2, 5], [2, 1]}, axis: -1",
                "xs: {[B, 3], [4, 3]}", "xs: {[5, 2].T, [2, 2]}, axis: 1",
                "xs: {[7]}"},
});

void define_stack(OpBuilder& b) {
  const std::vector<Operand> xs = b.tensors("xs");
  require_some(b, xs);
  require_alike(b, xs, -1);
  const int axis = b.axis("axis", xs[0].rank() + 1);
  const DType dtype = b.promote(xs);
  Shape shape = xs[0].shape;
  shape.insert(shape.begin() + axis, static_cast<int64_t>(xs.size()));
  b.stage(b.op_name(), dtype, shape, [&](const Index& i) {
    Index index = i;
    index.erase(index.begin() + axis);
    Expr value;
    for (size_t n = xs.size(); n-- > 0;) {
      const Expr element = convert(compute_type(dtype), xs[n](index));
      const Expr here = i[axis] <= int_literal(static_cast<int64_t>(n));
      value = value ? select(here, element, value) : element;
    }
    return value;
  });
}

const RegisterOp kStack({
    .name = "stack",
    .doc = "Tensors of one shape, side by side along a new axis.",
    .signature = "xs: any[*s]..., axis: int = 0 -> any[...]",
    .define = define_stack,
    .samples = {"xs: {[N], [N]}", "xs: {[B, 3], [B, 3], [B, 3]}, axis: -1",
                "xs: {[2], [2]}, axis: 1"},
});

// Outputs x[begin .. begin + size] along `axis` for each size.
void split_axis(OpBuilder& b, const Operand& x, int axis,
                const std::vector<Dim>& sizes) {
  Dim begin = 0;
  for (const Dim& size : sizes) {
    Shape shape = x.shape;
    shape[axis] = size;
    b.output(b.stage(b.op_name(), x.dtype, shape, [&](Index i) {
      i[axis] = i[axis] + size_of(begin);
      return x(i);
    }));
    begin += size;
  }
}

// Pieces of `size`, the last one shorter, as PyTorch splits by one number.
std::vector<Dim> pieces_of(const OpBuilder& b, const Dim& whole,
                           int64_t size) {
  if (!whole.is_static()) {
    b.fail("L0408", cat({"`split` cannot cut the symbolic size ",
                         whole.to_string(), " into pieces of ", size}),
           "split_sizes", "give a list of sizes, or use `chunk`");
  }
  if (size <= 0) {
    b.fail("L0408", cat({"`split` cannot make pieces of ", size}),
           "split_sizes");
  }
  std::vector<Dim> sizes;
  for (int64_t left = whole.value(); left > 0; left -= size) {
    sizes.emplace_back(std::min(size, left));
  }
  return sizes;
}

void define_split(OpBuilder& b) {
  const Operand x = b.tensor("x");
  const int axis = b.axis("axis", x.rank());
  std::vector<Dim> sizes = b.dims("split_sizes");
  if (std::holds_alternative<Dim>(b.argument("split_sizes").value)) {
    sizes = pieces_of(b, x.shape[axis], b.integer("split_sizes"));
  }
  Dim sum = 0;
  for (const Dim& size : sizes) {
    if (provably_less(size, 0)) {
      b.fail("L0408", "`split` gets the size " + size.to_string(),
             "split_sizes");
    }
    sum += size;
  }
  b.require_equal(sum, x.shape[axis], "L0407",
                  cat({"`split` gets sizes that sum to ", sum.to_string(),
                       ", and axis ", axis, " has ",
                       x.shape[axis].to_string()}));
  split_axis(b, x, axis, sizes);
}

const RegisterOp kSplit({
    .name = "split",
    .doc = "Cuts x along an axis into pieces of the given sizes, which sum "
           "to its size.\n"
           "One number cuts pieces of that size, the last one shorter, as in "
           "PyTorch.",
    .signature = "x: any[...], split_sizes: ints, axis: int = 0 -> any[...]...",
    .define = define_split,
    .samples = {"x: [7, N], split_sizes: [3, 4]",
                "x: [B, 9], split_sizes: [2, 0, 7], axis: -1",
                "x: [7], split_sizes: 3"},
});

void define_chunk(OpBuilder& b) {
  const Operand x = b.tensor("x");
  const int axis = b.axis("axis", x.rank());
  const int64_t count = b.integer("chunks");
  if (count < 1) {
    b.fail("L0408", cat({"`chunk` cannot make ", count, " pieces"}), "chunks");
  }
  const Dim& whole = x.shape[axis];
  b.require_multiple(whole, count, "L0407",
                     cat({"`chunk` cannot cut axis ", axis, " of size ",
                          whole.to_string(), " into ", count,
                          " equal pieces"}));
  split_axis(b, x, axis,
             std::vector<Dim>(static_cast<size_t>(count),
                              floordiv(whole, count)));
}

const RegisterOp kChunk({
    .name = "chunk",
    .doc = "Cuts x along an axis into equal pieces; the axis must divide.",
    .signature = "x: any[...], chunks: int, axis: int = 0 -> any[...]...",
    .define = define_chunk,
    .samples = {"x: [6, N], chunks: 3", "x: [B, 8], chunks: 2, axis: -1"},
});

}  // namespace
}  // namespace lathe
