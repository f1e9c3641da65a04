#include "tests/support/op_samples.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <set>

#include "interpreter/op_types.h"
#include "spec/check.h"
#include "spec/diagnostic.h"
#include "tests/support/sample_parser.h"

namespace lathe {
namespace {

constexpr DType kTested[] = {DType::kFloat32, DType::kBFloat16,
                             DType::kFloat16, DType::kFloat64, DType::kInt64,
                             DType::kInt32,   DType::kInt8,    DType::kUInt8,
                             DType::kBool};

const std::string& class_of(const OpDef& op, const std::string& name) {
  for (const OpParam& param : OpRegistry::instance().signature(op).params) {
    if (param.name == name) return param.dtype_class;
  }
  LATHE_CHECK(false, op.name, " has no ", name);
}

// Whether a tensor of the sample takes the dtype under test.
bool follows_dtype(const OpDef& op, const SampleArg& arg,
                   const SampleTensor& tensor) {
  return !tensor.dtype && class_of(op, arg.name) != "bool";
}

OpCall call_of(const char* name) {
  OpCall call;
  call.op = OpRegistry::instance().find(name);
  LATHE_CHECK(call.op != nullptr, "no op ", name);
  return call;
}

// Adds an input, through a transpose where the sample says so.
OpArg add_tensor(OpSample& sample, const SampleTensor& tensor, DType dtype) {
  const std::string name = "in" + std::to_string(sample.inputs.size());
  ValueId id = sample.graph.add_input({name}, {dtype, tensor.shape});
  sample.inputs.push_back({id, tensor.below});
  if (tensor.transposed) {
    OpCall transpose = call_of("transpose");
    transpose.positional = {{TensorArg{id}, {}}};
    id = apply_op(sample.graph, transpose)[0];
  }
  return {TensorArg{id}, {}};
}

// Fills [0, n) with numbers from small to the edges of the dtype.
class Filler {
 public:
  Filler(DType dtype, uint64_t seed, Specials specials)
      : dtype_(dtype), specials_(specials), random_(seed) {}

  void fill(Tensor& tensor, const std::optional<int64_t>& below) {
    for (int64_t i = 0; i < tensor.numel(); ++i) {
      if (below) {
        tensor.set_int(i, pick(0, *below - 1));
      } else if (!is_float(dtype_)) {
        tensor.set_int(i, integer(i));
      } else {
        tensor.set(i, number(i));
      }
    }
  }

 private:
  int64_t pick(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random_);
  }

  int64_t integer(int64_t i) {
    if (is_bool(dtype_)) return pick(0, 1);
    // Every 11th element is one of the ends.
    if (i % 11 == 5) {
      return pick(0, 1) ? highest_int(dtype_) : lowest_int(dtype_);
    }
    return pick(std::max<int64_t>(lowest_int(dtype_), -9), 9);
  }

  double number(int64_t i) {
    if (i % 13 == 6) return 0;
    if (specials_ == Specials::kYes && pick(0, 9) == 0) {
      constexpr double kInf = std::numeric_limits<double>::infinity();
      const double specials[] = {NAN, kInf, -kInf, -0.0};
      return specials[pick(0, 3)];
    }
    return std::normal_distribution<double>(0, 1.5)(random_);
  }

  DType dtype_;
  Specials specials_;
  std::mt19937_64 random_;
};

std::set<std::string> symbols_of(const Graph& graph) {
  std::set<std::string> symbols;
  for (const Value& value : graph.values) {
    for (const Dim& dim : value.type.shape) symbols.merge(dim.symbols());
  }
  return symbols;
}

}  // namespace

OpSample make_sample(const OpDef& op, const std::string& text, DType dtype) {
  OpSample sample;
  OpCall call;
  call.op = &op;
  for (const SampleArg& arg : parse_sample(op, text)) {
    OpArgs tensors;
    for (const SampleTensor& tensor : arg.tensors) {
      const DType own =
          follows_dtype(op, arg, tensor) ? dtype
                                         : tensor.dtype.value_or(DType::kBool);
      tensors.push_back(add_tensor(sample, tensor, own));
    }
    OpArg value = arg.plain;
    if (arg.is_list) {
      value.value = tensors;
    } else if (!tensors.empty()) {
      value = tensors[0];
    }
    call.keywords.emplace_back(arg.name, value);
  }
  const std::vector<ValueId> results = apply_op(sample.graph, call);
  for (size_t i = 0; i < results.size(); ++i) {
    sample.graph.outputs.push_back({"out" + std::to_string(i), results[i]});
  }
  const std::set<std::string> symbols = symbols_of(sample.graph);
  sample.graph.symbols.assign(symbols.begin(), symbols.end());
  return sample;
}

namespace {

bool builds(const OpDef& op, const std::string& text, DType dtype) {
  try {
    make_sample(op, text, dtype);
    return true;
  } catch (const SpecError&) {
    return false;
  }
}

}  // namespace

std::vector<DType> sample_dtypes(const OpDef& op, const std::string& text) {
  std::vector<DType> dtypes(std::begin(kTested), std::end(kTested));
  bool any = false;
  for (const SampleArg& arg : parse_sample(op, text)) {
    for (const SampleTensor& tensor : arg.tensors) {
      if (!follows_dtype(op, arg, tensor)) continue;
      any = true;
      std::erase_if(dtypes, [&](DType dtype) {
        return !in_dtype_class(dtype, class_of(op, arg.name));
      });
    }
  }
  if (!any) dtypes.resize(1);
  // Numbers and sums beside a tensor of bools are errors.
  std::erase_if(dtypes, [&](DType dtype) {
    return is_bool(dtype) && !builds(op, text, dtype);
  });
  return dtypes;
}

std::vector<DimBindings> sample_bindings(const OpSample& sample) {
  const std::vector<int64_t> sizes = {0, 1, 7, 8, 9, 15, 16, 17, 31, 33, 67};
  std::vector<DimBindings> all;
  for (int64_t size : sizes) {
    DimBindings bindings;
    for (const std::string& symbol : sample.graph.symbols) {
      bindings[symbol] = symbol == "N" ? size : std::max<int64_t>(size, 1);
    }
    if (all.empty() || bindings != all.back()) all.push_back(bindings);
  }
  return all;
}

EvaluateInputs sample_inputs(const OpSample& sample,
                             const DimBindings& bindings, uint64_t seed,
                             Specials specials) {
  EvaluateInputs inputs;
  inputs.dims = bindings;
  for (const SampleInput& input : sample.inputs) {
    const TensorType& type = sample.graph.type(input.value);
    Tensor tensor(type.dtype, eval(type.shape, bindings));
    Filler(type.dtype, seed + static_cast<uint64_t>(input.value), specials)
        .fill(tensor, input.below);
    inputs.tensors[input.value] = tensor;
  }
  return inputs;
}

}  // namespace lathe
