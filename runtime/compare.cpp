#include "runtime/compare.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "spec/text.h"

namespace lathe {

Difference measure_difference(const Tensor& a, const Tensor& b) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (a.shape() != b.shape()) return {kInfinity, kInfinity, 0};
  Difference out;
  double scale = 1;
  for (int64_t i = 0; i < a.numel(); ++i) {
    const double x = a.at(i), y = b.at(i);
    if (std::isfinite(y)) scale = std::max(scale, std::abs(y));
    if (x == y || (std::isnan(x) && std::isnan(y))) continue;
    double error = std::abs(x - y);
    if (std::isnan(error)) error = kInfinity;
    if (error <= out.largest) continue;
    out.largest = error;
    out.position = i;
  }
  out.relative = out.largest / scale;
  return out;
}

double default_tolerance(DType dtype) {
  switch (dtype) {
    case DType::kFloat64:
      return 1e-10;
    case DType::kFloat32:
      return 2e-5;
    case DType::kFloat16:
      return 4e-3;
    case DType::kBFloat16:
      return 3e-2;
    case DType::kFloat8E4M3FN:
    case DType::kFloat8E5M2:
      return 0.25;
    case DType::kBool:
    case DType::kInt8:
    case DType::kUInt8:
    case DType::kInt16:
    case DType::kInt32:
    case DType::kInt64:
    LATHE_BLOCK_CASES:
      return 0;
  }
  return 0;
}

namespace {

// Floats that were rounded to integers of a byte: one more or one less.
constexpr double kToleranceOfCodes = 1e-2;

bool makes_codes(const Graph& graph, const Node& node, ValueId output) {
  return graph.type(output).dtype == DType::kInt8 &&
         std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId in) {
           return is_float(graph.type(in).dtype);
         });
}

}  // namespace

std::vector<double> tolerances(const Graph& graph) {
  std::vector<double> coarsest(graph.values.size(), 0);
  for (const Node& node : graph.nodes) {
    if (node.kind != NodeKind::kOp) continue;
    double before = 0;
    for (ValueId input : node.inputs) {
      before = std::max(before, coarsest[size_t(input)]);
    }
    for (ValueId output : node.outputs) {
      double own = default_tolerance(graph.type(output).dtype);
      if (makes_codes(graph, node, output)) own = kToleranceOfCodes;
      coarsest[size_t(output)] = std::max(before, own);
    }
  }
  for (size_t i = 0; i < coarsest.size(); ++i) {
    const DType dtype = graph.values[i].type.dtype;
    if (dtype == DType::kInt8 && coarsest[i] > 0) {
      coarsest[i] = std::min(coarsest[i], kToleranceOfCodes);
    } else if (!is_float(dtype)) {
      coarsest[i] = 0;
    }
  }
  return coarsest;
}

std::string position_text(const std::vector<int64_t>& shape, int64_t flat) {
  std::vector<std::string> index(shape.size());
  for (size_t axis = shape.size(); axis-- > 0;) {
    index[axis] = std::to_string(flat % shape[axis]);
    flat /= shape[axis];
  }
  return "[" + join(index, ", ") + "]";
}

}  // namespace lathe
