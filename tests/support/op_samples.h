#pragma once
// The samples of ops, made into graphs and data. A sample is a call written
// as "x: [N, 4], axis: -1":
//   [2, B]              a tensor; its dtype is the one under test
//   int64[2, 3] < 5     integers in [0, 5)
//   [5, 3].T            a tensor [5, 3] that is read through a transpose
//   {[2], [3]}          a list of tensors
// and anything else as an argument of the parameter's kind. Symbols N may be
// 0, all others are at least 1.

#include <optional>
#include <string>
#include <vector>

#include "interpreter/evaluate.h"
#include "interpreter/graph.h"
#include "interpreter/op.h"

namespace lathe {

// How to fill an input of a sample.
struct SampleInput {
  ValueId value = -1;
  std::optional<int64_t> below;  // integers in [0, below)
};

// One call of one op, for one dtype.
struct OpSample {
  Graph graph;  // its outputs are those of the op
  std::vector<SampleInput> inputs;
};

// The sample as a graph. Throws SpecError where the call is wrong.
OpSample make_sample(const OpDef& op, const std::string& text, DType dtype);

// The dtypes that `op` works on, of those under test. One where the sample
// has no tensor without a dtype.
std::vector<DType> sample_dtypes(const OpDef& op, const std::string& text);

// Values for the sample's symbols: sizes around 0, 1, vector widths and a
// prime; one empty set where there are no symbols.
std::vector<DimBindings> sample_bindings(const OpSample& sample);

// Whether NaN, infinities and -0 are among the floats.
enum class Specials { kNo, kYes };

// Deterministic data for the sample's inputs: random numbers, zeros among the
// floats, the lowest and the highest value among the integers.
EvaluateInputs sample_inputs(const OpSample& sample,
                             const DimBindings& bindings, uint64_t seed,
                             Specials specials = Specials::kNo);

}  // namespace lathe
