// Reading and writing at places that are data. Every such index is checked
// when it is used; negative ones count from the end.

#include "interpreter/op_builder.h"
#include "spec/text.h"

namespace lathe {
namespace {

// Requires that `inner` is at most `outer` along `axis`.
void require_within(OpBuilder& b, const char* inner_name, const Dim& inner,
                    const char* outer_name, const Dim& outer, int axis) {
  b.require_equal(max(inner, outer), outer, "L0402",
                  cat({"`", b.op_name(), "` gets ", inner_name, " with ",
                       inner.to_string(), " elements along axis ", axis,
                       ", and ", outer_name, " has ", outer.to_string()}));
}

void require_rank(OpBuilder& b, const char* name, const Operand& operand,
                  int rank) {
  if (operand.rank() == rank) return;
  b.fail("L0405", cat({"`", b.op_name(), "` wants ", name, " to have ", rank,
                       rank == 1 ? " axis" : " axes", ", and gets ",
                       to_string(operand.shape)}),
         name);
}

void define_gather(OpBuilder& b) {
  const Operand x = b.tensor("x");
  const Operand indices = b.tensor("indices");
  const int axis = b.axis("axis", x.rank());
  const int count = indices.rank();
  Shape shape(x.shape.begin(), x.shape.begin() + axis);
  shape.insert(shape.end(), indices.shape.begin(), indices.shape.end());
  shape.insert(shape.end(), x.shape.begin() + axis + 1, x.shape.end());
  b.stage(b.op_name(), x.dtype, shape, [&](const Index& i) {
    const auto first = i.begin() + axis;
    const Expr place = indices({first, first + count});
    Index index(i.begin(), first);
    index.push_back(b.checked(place, x.shape[axis]));
    index.insert(index.end(), first + count, i.end());
    return x(index);
  });
}

const RegisterOp kGather({
    .name = "gather",
    .doc = "Slices of x at `indices` along an axis, as NumPy's take.\n"
           "The result has the shape of the indices in place of the axis. "
           "For PyTorch's gather see gather_elements.",
    .signature = "x: any[...], indices: int[*i], axis: int = 0 -> any[...]",
    .define = define_gather,
    .samples = {"x: [5, 3], indices: int64[N] < 5",
                "x: [5, N], indices: int64[2, 3] < 5",
                "x: [B, 7], indices: int32[4] < 7, axis: -1",
                "x: [9, 4].T, indices: int64[] < 4"},
});

void define_gather_elements(OpBuilder& b) {
  const Operand x = b.tensor("x");
  const Operand indices = b.tensor("indices");
  const int axis = b.axis("axis", x.rank());
  require_rank(b, "indices", indices, x.rank());
  for (int d = 0; d < x.rank(); ++d) {
    if (d == axis) continue;
    require_within(b, "indices", indices.shape[d], "x", x.shape[d], d);
  }
  b.stage(b.op_name(), x.dtype, indices.shape, [&](Index i) {
    i[axis] = b.checked(indices(i), x.shape[axis]);
    return x(i);
  });
}

const RegisterOp kGatherElements({
    .name = "gather_elements",
    .doc = "out[i, j] = x[indices[i, j], j] for axis 0: PyTorch's gather.\n"
           "The indices have the rank of x and may be shorter along the other "
           "axes.",
    .signature = "x: any[...], indices: int[*i], axis: int = -1 -> any[*i]",
    .define = define_gather_elements,
    .samples = {"x: [N, 5], indices: int64[N, 3] < 5",
                "x: [5, 3], indices: int64[7, 2] < 5, axis: 0",
                "x: [9, 4].T, indices: int32[4, 2] < 9"},
});

// The number of axes that the last axis of `indices` addresses.
int address_size(OpBuilder& b, const Operand& indices, int most) {
  if (indices.rank() == 0) require_rank(b, "indices", indices, 1);
  const Dim& size = indices.shape.back();
  if (!size.is_static() || size.value() > most) {
    b.fail("L0405", cat({"`", b.op_name(), "` wants the last axis of indices ",
                         "to be at most ", most, ", and it is ",
                         size.to_string()}),
           "indices");
  }
  return static_cast<int>(size.value());
}

void define_gather_nd(OpBuilder& b) {
  const Operand x = b.tensor("x");
  const Operand indices = b.tensor("indices");
  const int batch = static_cast<int>(b.integer("batch_dims"));
  if (batch < 0 || batch >= std::min(x.rank(), indices.rank())) {
    b.fail("L0408", cat({"`gather_nd` cannot have batch_dims ", batch}),
           "batch_dims");
  }
  const int addressed = address_size(b, indices, x.rank() - batch);
  for (int d = 0; d < batch; ++d) {
    b.require_equal(x.shape[d], indices.shape[d], "L0402",
                    cat({"`gather_nd` wants batch axis ", d,
                         " to be equal in x and indices, and gets ",
                         x.shape[d].to_string(), " and ",
                         indices.shape[d].to_string()}));
  }
  const int outer = indices.rank() - 1;
  Shape shape(indices.shape.begin(), indices.shape.end() - 1);
  shape.insert(shape.end(), x.shape.begin() + batch + addressed,
               x.shape.end());
  b.stage(b.op_name(), x.dtype, shape, [&](const Index& i) {
    Index index(i.begin(), i.begin() + batch);
    for (int k = 0; k < addressed; ++k) {
      Index at(i.begin(), i.begin() + outer);
      at.push_back(int_literal(k));
      index.push_back(b.checked(indices(at), x.shape[batch + k]));
    }
    index.insert(index.end(), i.begin() + outer, i.end());
    return x(index);
  });
}

const RegisterOp kGatherNd({
    .name = "gather_nd",
    .doc = "Elements or slices of x at addresses: the last axis of `indices` "
           "holds one index for each of the first axes of x.\n"
           "batch_dims leading axes of x and indices run together.",
    .signature = "x: any[...], indices: int[..., K], batch_dims: int = 0 "
                 "-> any[...]",
    .define = define_gather_nd,
    .samples = {"x: [5, 5, N], indices: int64[3, 2] < 5",
                "x: [4, 4], indices: int64[N, 2] < 4",
                "x: [B, 5, 2], indices: int64[B, 3, 1] < 5, batch_dims: 1"},
});

UpdateMode mode_of(const std::string& name) {
  if (name == "add") return UpdateMode::kAdd;
  if (name == "mul") return UpdateMode::kMul;
  if (name == "min") return UpdateMode::kMin;
  if (name == "max") return UpdateMode::kMax;
  return UpdateMode::kSet;
}

std::vector<ReduceAxis> domain_of(const OpBuilder& b, const Shape& shape) {
  std::vector<ReduceAxis> domain;
  for (size_t d = 0; d < shape.size(); ++d) {
    domain.push_back(b.reduce_axis("u" + std::to_string(d), shape[d]));
  }
  return domain;
}

Index domain_index(const std::vector<ReduceAxis>& domain) {
  Index index;
  for (const ReduceAxis& axis : domain) index.push_back(var(axis.var));
  return index;
}

// The stage that writes `updates` into a copy of x. `place` gives the index
// in x, `update_index` that in the updates, for a point of the domain.
void update_stage(OpBuilder& b, const Operand& x, const Operand& updates,
                  const Shape& domain_shape,
                  const std::function<Index(const Index&)>& place) {
  const DType dtype = b.promote({x, updates});
  if (dtype != x.dtype) {
    b.fail("L0403", cat({"`", b.op_name(), "` cannot put ",
                         to_string(updates.dtype), " into ",
                         to_string(x.dtype)}),
           "updates", cat({"`cast(updates, ", to_string(x.dtype), ")`"}));
  }
  Stage stage{b.op_name(), x.dtype, x.shape, b.make_axes(x.rank()), {}};
  Update update;
  update.base = x(to_index(stage.axes));
  update.domain = domain_of(b, domain_shape);
  const Index at = domain_index(update.domain);
  update.place = place(at);
  update.update = convert(x.num_type(), updates(at));
  update.mode = mode_of(b.text("mode"));
  if (is_bool(x.dtype) && update.mode != UpdateMode::kSet) {
    b.fail("L0404", cat({"`", b.op_name(), "` cannot ", b.text("mode"),
                         " bools"}),
           "mode");
  }
  stage.kind = std::move(update);
  b.stage(std::move(stage));
}

void define_scatter(OpBuilder& b) {
  const Operand x = b.tensor("x");
  const Operand updates = b.tensor("updates");
  const Operand indices = b.tensor("indices");
  const int axis = b.axis("axis", x.rank());
  require_rank(b, "indices", indices, x.rank());
  if (updates.slot >= 0) require_rank(b, "updates", updates, x.rank());
  for (int d = 0; d < x.rank(); ++d) {
    if (updates.slot >= 0) {
      require_within(b, "indices", indices.shape[d], "updates",
                     updates.shape[d], d);
    }
    if (d == axis) continue;
    require_within(b, "indices", indices.shape[d], "x", x.shape[d], d);
  }
  update_stage(b, x, updates, indices.shape, [&](Index i) {
    i[axis] = b.checked(indices(i), x.shape[axis]);
    return i;
  });
}

const char* const kModes = "mode: set|add|mul|min|max = set";

const RegisterOp kScatter({
    .name = "scatter",
    .doc = "A copy of x with updates written at `indices` along an axis: "
           "out[indices[i, j], j] = updates[i, j] for axis 0, as PyTorch's "
           "scatter and scatter_reduce.\n"
           "mode says how an update joins what is there. Of several updates "
           "to one place the last in row-major order wins under `set`.",
    .signature = "x: any[...], updates: any[...], indices: int[...], "
                 "axis: int = -1, " + std::string(kModes) + " -> any[...]",
    .define = define_scatter,
    .samples = {"x: [N, 5], updates: [N, 3], indices: int64[N, 3] < 5",
                "x: [5, 3], updates: [4, 2], indices: int64[4, 2] < 5, "
                "axis: 0, mode: add",
                "x: [4, 6], updates: 1, indices: int32[4, 2] < 6, mode: max",
                "x: [9], updates: [9], indices: int64[9] < 9, mode: mul"},
});

void define_scatter_nd(OpBuilder& b) {
  const Operand x = b.tensor("x");
  const Operand updates = b.tensor("updates");
  const Operand indices = b.tensor("indices");
  const int addressed = address_size(b, indices, x.rank());
  Shape domain(indices.shape.begin(), indices.shape.end() - 1);
  const size_t outer = domain.size();
  domain.insert(domain.end(), x.shape.begin() + addressed, x.shape.end());
  if (updates.slot >= 0) {
    require_rank(b, "updates", updates, static_cast<int>(domain.size()));
    for (size_t d = 0; d < domain.size(); ++d) {
      b.require_equal(updates.shape[d], domain[d], "L0402",
                      cat({"`scatter_nd` wants updates of shape ",
                           to_string(domain), " and gets ",
                           to_string(updates.shape)}));
    }
  }
  update_stage(b, x, updates, domain, [&](const Index& i) {
    Index place;
    for (int k = 0; k < addressed; ++k) {
      Index at(i.begin(), i.begin() + outer);
      at.push_back(int_literal(k));
      place.push_back(b.checked(indices(at), x.shape[k]));
    }
    place.insert(place.end(), i.begin() + outer, i.end());
    return place;
  });
}

const RegisterOp kScatterNd({
    .name = "scatter_nd",
    .doc = "A copy of x with updates written at addresses: the last axis of "
           "`indices` holds one index for each of the first axes of x.\n"
           "mode says how an update joins what is there. Of several updates "
           "to one place the last in row-major order wins under `set`.",
    .signature = "x: any[...], updates: any[...], indices: int[..., K], " +
                 std::string(kModes) + " -> any[...]",
    .define = define_scatter_nd,
    .samples = {"x: [5, 5], updates: [N], indices: int64[N, 2] < 5",
                "x: [5, 3], updates: [4, 3], indices: int64[4, 1] < 5, "
                "mode: add"},
});

}  // namespace
}  // namespace lathe
