#include "interpreter/eval_stage.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "interpreter/eval_grid.h"
#include "interpreter/scalar_ops.h"
#include "spec/check.h"

namespace lathe {
namespace {

// Stores n values of a column into a tensor, with the dtype's rounding.
void store(Tensor& tensor, int64_t begin, int64_t n, NumType type,
           const void* column) {
  if (type == NumType::kBool) {
    const auto* values = static_cast<const uint8_t*>(column);
    for (int64_t i = 0; i < n; ++i) tensor.set_int(begin + i, values[i]);
  } else if (type == NumType::kInt64) {
    const auto* values = static_cast<const int64_t*>(column);
    for (int64_t i = 0; i < n; ++i) tensor.set_int(begin + i, values[i]);
  } else if (tensor.dtype() == DType::kFloat32) {
    const auto* values = static_cast<const double*>(column);
    float* out = tensor.mutable_as<float>() + begin;
    for (int64_t i = 0; i < n; ++i) out[i] = static_cast<float>(values[i]);
  } else {
    const auto* values = static_cast<const double*>(column);
    for (int64_t i = 0; i < n; ++i) tensor.set(begin + i, values[i]);
  }
}

// The dtype in which values of a type are kept before they are rounded.
DType exact_dtype(NumType type) {
  return type == NumType::kFloat32 ? DType::kFloat64 : storage_type(type);
}

class StageEvaluator {
 public:
  StageEvaluator(const Stage& stage, const std::vector<Tensor>& slots,
                 const DimBindings& dims, const StageSite& site)
      : stage_(stage),
        slots_(slots),
        dims_(dims),
        site_(site),
        compiler_(dims, slots),
        shape_(eval(stage.shape, dims)) {
    for (size_t i = 0; i < shape_.size(); ++i) {
      grid_.axes.push_back({compiler_.variable(stage.axes[i]), shape_[i]});
    }
  }

  Tensor operator()(const Compute& compute) {
    return values(compute.body, grid_, stage_.dtype, shape_);
  }
  Tensor operator()(const Scan& scan);
  Tensor operator()(const Update& update);
  Tensor operator()(const Sort& sort);

 private:
  // The expression at every point of the grid, as a tensor.
  Tensor values(const Expr& expr, const EvalGrid& grid, DType dtype,
                const std::vector<int64_t>& shape) {
    Tensor result(dtype, shape);
    const std::vector<EvalNode> nodes = {compiler_.compile(expr)};
    evaluate_grid(grid, nodes, compiler_, slots_, site_,
                  [&](int64_t begin, int count,
                      const std::vector<const void*>& columns) {
                    store(result, begin, count, nodes[0].type, columns[0]);
                  });
    return result;
  }

  template <typename T>
  void scan_lines(const Scan& scan, T* data);
  template <typename T>
  void apply_updates(const Update& update, T* data);
  template <typename T>
  void sort_lines(const Sort& sort, const T* keys, int64_t extent,
                  int64_t* positions);

  // Elements behind one step along an axis.
  int64_t stride_of(int axis) const {
    int64_t stride = 1;
    for (size_t i = axis + 1; i < shape_.size(); ++i) stride *= shape_[i];
    return stride;
  }

  const Stage& stage_;
  const std::vector<Tensor>& slots_;
  const DimBindings& dims_;
  const StageSite& site_;
  EvalCompiler compiler_;
  std::vector<int64_t> shape_;
  EvalGrid grid_;
};

// out = f(a, b) for one value.
double combine(const ScalarFunction& f, double a, double b) {
  f.floats(1, &a, &b, &a);
  return a;
}
int64_t combine(const ScalarFunction& f, int64_t a, int64_t b) {
  f.ints(1, &a, &b, &a);
  return a;
}

template <typename T>
void StageEvaluator::scan_lines(const Scan& scan, T* data) {
  const int64_t length = shape_[scan.axis];
  const int64_t stride = stride_of(scan.axis);
  LATHE_CHECK(scan.op != ReduceOp::kArgMin && scan.op != ReduceOp::kArgMax,
              "a running ", name_of(scan.op));
  const ScalarFunction& f = combiner(scan.op);
  const int64_t total = grid_.size();
  for (int64_t line = 0; length > 0 && line < total / length; ++line) {
    T* first = data + line / stride * stride * length + line % stride;
    T sum = neutral<T>(scan.op);
    for (int64_t i = 0; i < length; ++i) {
      T& element = first[(scan.reverse ? length - 1 - i : i) * stride];
      const T next = combine(f, sum, element);
      element = scan.exclusive ? sum : next;
      sum = next;
    }
  }
}

Tensor StageEvaluator::operator()(const Scan& scan) {
  Tensor exact = values(scan.body, grid_, exact_dtype(scan.body->type), shape_);
  if (scan.body->type == NumType::kInt64) {
    scan_lines(scan, exact.mutable_as<int64_t>());
  } else {
    scan_lines(scan, exact.mutable_as<double>());
  }
  return convert(exact, stage_.dtype);
}

template <typename T>
void update_element(UpdateMode mode, T& element, T update) {
  const auto apply = [&](ScalarOp op) {
    element = combine(scalar_function(op), element, update);
  };
  switch (mode) {
    case UpdateMode::kSet:
      element = update;
      return;
    case UpdateMode::kAdd:
      return apply(ScalarOp::kAdd);
    case UpdateMode::kMul:
      return apply(ScalarOp::kMul);
    case UpdateMode::kMin:
      return apply(ScalarOp::kMin);
    case UpdateMode::kMax:
      return apply(ScalarOp::kMax);
  }
}

// Bools can only be set.
void update_element(UpdateMode mode, uint8_t& element, uint8_t update) {
  LATHE_CHECK(mode == UpdateMode::kSet, "arithmetic on bools");
  element = update;
}

template <typename T>
void StageEvaluator::apply_updates(const Update& update, T* data) {
  EvalGrid domain;
  for (const ReduceAxis& axis : update.domain) {
    domain.axes.push_back(
        {compiler_.variable(axis.var), axis.extent.eval(dims_)});
  }
  std::vector<EvalNode> nodes = {compiler_.compile(update.update)};
  for (const Expr& place : update.place) {
    nodes.push_back(compiler_.compile(place));
  }
  // All values first: updates are applied in order, blocks come in any.
  std::vector<T> updates(domain.size());
  std::vector<int64_t> places(domain.size(), 0);
  evaluate_grid(
      domain, nodes, compiler_, slots_, site_,
      [&](int64_t begin, int count, const std::vector<const void*>& columns) {
        const T* source = static_cast<const T*>(columns[0]);
        std::copy(source, source + count, updates.begin() + begin);
        for (size_t d = 0; d < shape_.size(); ++d) {
          const auto* index = static_cast<const int64_t*>(columns[1 + d]);
          for (int i = 0; i < count; ++i) {
            LATHE_CHECK(index[i] >= 0 && index[i] < shape_[d], site_.op,
                        " writes outside of its output");
            places[begin + i] = places[begin + i] * shape_[d] + index[i];
          }
        }
      });
  for (size_t i = 0; i < updates.size(); ++i) {
    update_element(update.mode, data[places[i]], updates[i]);
  }
}

Tensor StageEvaluator::operator()(const Update& update) {
  const NumType type = update.base->type;
  Tensor exact = values(update.base, grid_, exact_dtype(type), shape_);
  if (type == NumType::kBool) {
    apply_updates(update, exact.mutable_as<uint8_t>());
  } else if (type == NumType::kInt64) {
    apply_updates(update, exact.mutable_as<int64_t>());
  } else {
    apply_updates(update, exact.mutable_as<double>());
  }
  return convert(exact, stage_.dtype);
}

// NaN is the largest value; equal to itself.
template <typename T>
bool sorts_before(T a, T b) {
  if (a != a) return false;
  if (b != b) return true;
  return a < b;
}

template <typename T>
void StageEvaluator::sort_lines(const Sort& sort, const T* keys,
                                int64_t extent, int64_t* positions) {
  const int64_t stride = stride_of(sort.axis);
  const int64_t kept = shape_[sort.axis];
  const int64_t lines = kept == 0 ? 0 : grid_.size() / kept;
  std::vector<int64_t> order(extent);
  for (int64_t line = 0; line < lines; ++line) {
    const int64_t outer = line / stride * stride;
    const T* first = keys + outer * extent + line % stride;
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
      const T left = first[a * stride];
      const T right = first[b * stride];
      return sort.descending ? sorts_before(right, left)
                             : sorts_before(left, right);
    });
    int64_t* out = positions + outer * kept + line % stride;
    for (int64_t i = 0; i < kept; ++i) out[i * stride] = order[i];
  }
}

Tensor StageEvaluator::operator()(const Sort& sort) {
  const int64_t extent = sort.extent.eval(dims_);
  LATHE_CHECK(shape_[sort.axis] <= extent, site_.op, " takes ",
              shape_[sort.axis], " of ", extent);
  EvalGrid grid = grid_;
  grid.axes[sort.axis].extent = extent;
  std::vector<int64_t> shape = shape_;
  shape[sort.axis] = extent;
  const Tensor keys =
      values(sort.key, grid, exact_dtype(sort.key->type), shape);
  Tensor positions(DType::kInt64, shape_);
  int64_t* out = positions.mutable_as<int64_t>();
  if (sort.key->type == NumType::kInt64) {
    sort_lines(sort, keys.as<int64_t>(), extent, out);
  } else {
    sort_lines(sort, keys.as<double>(), extent, out);
  }
  return convert(positions, stage_.dtype);
}

}  // namespace

Tensor evaluate_stage(const Stage& stage, const std::vector<Tensor>& slots,
                      const DimBindings& dims, const StageSite& site) {
  StageEvaluator evaluator(stage, slots, dims, site);
  return std::visit(evaluator, stage.kind);
}

}  // namespace lathe
