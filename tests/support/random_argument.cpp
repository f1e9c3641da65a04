#include "tests/support/random_argument.h"

#include <algorithm>
#include <numeric>

namespace lathe {
namespace {

class Chooser {
 public:
  Chooser(const OpParam& param, const Shape& x, std::mt19937_64& random)
      : param_(param), x_(x), random_(random) {}

  OpArg run() {
    switch (param_.kind) {
      case OpParamKind::kInt:
        return integer();
      case OpParamKind::kInts:
        return integers();
      case OpParamKind::kFloat:
        return {0.5 + static_cast<double>(pick(4)) / 2, {}};
      case OpParamKind::kBool:
        return {pick(2) == 0, {}};
      case OpParamKind::kString:
        return {param_.choices.empty()
                    ? std::string()
                    : param_.choices[pick(param_.choices.size())],
                {}};
      case OpParamKind::kDType: {
        const DType dtypes[] = {DType::kFloat32, DType::kFloat64,
                                DType::kBFloat16, DType::kInt64};
        return {dtypes[pick(4)], {}};
      }
      case OpParamKind::kNumbers:
        return {Dim(static_cast<int64_t>(1 + pick(4))), {}};
      case OpParamKind::kTensor:
      case OpParamKind::kTensors:
        return {};
    }
    return {};
  }

 private:
  int64_t pick(size_t count) {
    return static_cast<int64_t>(random_() % std::max<size_t>(count, 1));
  }

  bool named(std::string_view name) const { return param_.name == name; }

  static OpArg of(const Dim& dim) { return {dim, {}}; }

  OpArg integer() {
    const int64_t rank = static_cast<int64_t>(x_.size());
    if (named("start") || named("stop") || named("index")) {
      return of(pick(5) - 2);
    }
    if (named("k") || named("repeats") || named("chunks") ||
        named("num_groups") || named("step") || named("depth")) {
      return of(1 + pick(3));
    }
    if (named("num_lower") || named("num_upper")) return of(pick(4) - 1);
    if (named("batch_dims")) return of(pick(2));
    return of(pick(static_cast<size_t>(2 * rank)) - rank);
  }

  OpArg integers() {
    if (named("shape")) return list(new_shape());
    if (named("dims")) return list(permutation());
    if (named("sizes")) return list({2, -1});
    if (named("split_sizes")) {
      const Dim first = x_.empty() ? Dim(1) : x_[0];
      return list({1, first - 1});
    }
    if (named("repeats")) return repeated(x_.size(), 1, 2);
    if (named("paddings")) return repeated(2 * x_.size(), 0, 3);
    if (named("axis")) return integer();
    return of(1 + pick(2));
  }

  static OpArg list(const std::vector<Dim>& dims) {
    OpArgs items;
    for (const Dim& dim : dims) items.push_back(of(dim));
    return {items, {}};
  }

  OpArg repeated(size_t count, int64_t least, size_t values) {
    std::vector<Dim> dims;
    for (size_t i = 0; i < count; ++i) dims.emplace_back(least + pick(values));
    return list(dims);
  }

  std::vector<Dim> permutation() {
    std::vector<int64_t> order(x_.size());
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), random_);
    return {order.begin(), order.end()};
  }

  // Two neighbouring sizes joined, or the last one split, or stretched.
  std::vector<Dim> new_shape() {
    Shape shape = x_;
    if (shape.empty()) return {1, 1};
    const int64_t way = pick(3);
    if (way == 0 && shape.size() > 1) {
      const size_t at = static_cast<size_t>(pick(shape.size() - 1));
      shape[at] *= shape[at + 1];
      shape.erase(shape.begin() + static_cast<int64_t>(at) + 1);
    } else if (way == 1) {
      shape.back() = 2;
      shape.push_back(-1);
    } else {
      shape.insert(shape.begin(), 2);
    }
    return shape;
  }

  const OpParam& param_;
  const Shape& x_;
  std::mt19937_64& random_;
};

}  // namespace

OpArg random_argument(const OpParam& param, const Shape& x,
                      std::mt19937_64& random) {
  return Chooser(param, x, random).run();
}

}  // namespace lathe
