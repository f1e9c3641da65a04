// What wrong calls of ops say, as exact text.
#include <doctest/doctest.h>

#include <string>

#include "spec/diagnostic.h"
#include "tests/support/op_samples.h"

namespace lathe {
namespace {

// Code, message and help of the error of a call written as a sample.
std::string error_of(const std::string& name, const std::string& call,
                     DType dtype) {
  const OpDef* op = OpRegistry::instance().find(name);
  REQUIRE(op != nullptr);
  try {
    make_sample(*op, call, dtype);
  } catch (const SpecError& error) {
    const Diagnostic& first = error.diagnostics()[0];
    std::string text = first.code + ": " + first.message;
    if (!first.help.empty()) text += "\nhelp: " + first.help;
    return text;
  }
  return "no error";
}

// The notes of the error of such a call, one a line.
std::string notes_of(const std::string& name, const std::string& call) {
  try {
    make_sample(*OpRegistry::instance().find(name), call, DType::kFloat32);
  } catch (const SpecError& error) {
    std::string text;
    for (const std::string& note : error.diagnostics()[0].notes) {
      text += note + "\n";
    }
    return text;
  }
  return "no error";
}

// Sizes that are assumed equal by such a call.
std::string assumed_by(const std::string& name, const std::string& call) {
  const OpSample sample = make_sample(*OpRegistry::instance().find(name), call,
                                      DType::kFloat32);
  std::string text;
  for (const DimConstraint& c : sample.graph.constraints) {
    text += c.left.to_string() + " == " + c.right.to_string() + ", else " +
            c.code + ": " + c.message + "\n";
  }
  return text;
}

// Calls an op with arguments that samples cannot spell.
std::string error_of_call(OpCall call) {
  Graph graph;
  const ValueId x = graph.add_input({"x"}, {DType::kFloat32, {2, 3}});
  std::vector<OpArg> positional(1);
  positional[0].value = TensorArg{x};
  for (const OpArg& arg : call.positional) positional.push_back(arg);
  call.positional = positional;
  try {
    apply_op(graph, call);
  } catch (const SpecError& error) {
    const Diagnostic& first = error.diagnostics()[0];
    std::string text = first.code + ": " + first.message;
    if (!first.help.empty()) text += "\nhelp: " + first.help;
    return text;
  }
  return "no error";
}

OpCall call_of(const char* name) {
  OpCall call;
  call.op = OpRegistry::instance().find(name);
  return call;
}

// A wrong call, written as a sample, and what it says.
struct Row {
  const char* op;
  const char* call;
  const char* message;  // code, message and help
  DType dtype = DType::kFloat32;
};

const Row kRows[] = {
    // Broadcasting: sizes that differ.
    {"add", "x: [2, 3], y: [4]",
     "L0401: `add` cannot broadcast axis -1: 3 and 4"},
    {"broadcast_to", "x: [2, 3], shape: [3, 3]",
     "L0401: `broadcast_to` cannot stretch [2, 3] to [3, 3]"},
    // Dtypes: no common type.
    {"add", "x: [2], y: float16[2]",
     "L0403: `add` gets bfloat16 and float16, and neither holds the other "
     "without loss\n"
     "help: `cast` one of them",
     DType::kBFloat16},
    {"matmul", "x: [2, 2], y: int32[2, 2]",
     "L0403: `matmul` gets float32 and int32, and neither holds the other "
     "without loss\n"
     "help: `cast` one of them"},
    {"scatter", "x: [4], updates: float64[2], indices: int64[2]",
     "L0403: `scatter` cannot put float64 into float32\n"
     "help: `cast(updates, float32)`"},
    // Dtypes: of the wrong class.
    {"sqrt", "x: [2]",
     "L0404: `x` of `sqrt` wants float and gets int32\n"
     "help: `cast` it to a float type",
     DType::kInt32},
    {"logical_and", "x: float32[2], y: float32[2]",
     "L0404: `x` of `logical_and` wants bool and gets float32"},
    {"gather", "x: [2], indices: float32[2]",
     "L0404: `indices` of `gather` wants int and gets float32"},
    // Dtypes: a number that does not fit.
    {"mul", "x: [2], y: 0.5",
     "L0404: `mul` cannot turn the number 0.5 into int32\n"
     "help: `cast` the tensor to a float type first",
     DType::kInt32},
    {"add", "x: [2], y: 300",
     "L0404: `add` cannot turn the number 300 into int8\n"
     "help: `cast` the tensor to a wider type first",
     DType::kInt8},
    {"constant", "value: [1, 400], dtype: uint8",
     "L0404: `constant` cannot put 400 into uint8"},
    // Matmul: what it sums over.
    {"matmul", "x: [2, 3], y: [4, 5]",
     "L0402: `matmul` sums over 3 features of x and 4 of y"},
    {"matmul", "x: [], y: [4, 5]",
     "L0405: `matmul` wants x to have an axis, and gets a scalar\n"
     "help: multiply by a scalar with `*`"},
    // Axes: out of range, and twice.
    {"softmax", "x: [2, 3], axis: 2",
     "L0406: `softmax` wants axis in [-2, 2) and gets 2"},
    {"sum", "x: [2, 3], axis: [0, -2]",
     "L0406: `sum` gets the axis 0 twice"},
    {"transpose", "x: [2]",
     "L0406: `transpose` wants axis1 in [-1, 1) and gets -2"},
    // Reshape: counts that do not fit.
    {"reshape", "x: [2, 3], shape: [4]",
     "L0407: `reshape` cannot turn [2, 3] into [4]: 6 and 4 elements"},
    {"reshape", "x: [2, 3], shape: [-1, -1]",
     "L0408: `reshape` cannot infer the -1 of [-1, -1] from [2, 3]: there "
     "are two"},
    {"reshape", "x: [2, 3], shape: [-1, 4]",
     "L0407: `reshape` cannot infer the -1 of [-1, 4] from [2, 3]: 6 is not "
     "a multiple of 4"},
    {"reshape", "x: [0], shape: [-1, 0]",
     "L0407: `reshape` cannot infer the -1 of [-1, 0] from [0]: any size "
     "would do beside a size of 0"},
    // Shapes: pieces and windows that do not fit.
    {"split", "x: [7], split_sizes: [3, 3]",
     "L0407: `split` gets sizes that sum to 6, and axis 0 has 7"},
    {"chunk", "x: [7], chunks: 2",
     "L0407: `chunk` cannot cut axis 0 of size 7 into 2 equal pieces"},
    {"squeeze", "x: [7, 1], axis: 0",
     "L0407: `squeeze` wants axis 0 to have size 1, and it has 7"},
    {"pad", "x: [3], paddings: [3, 0], mode: reflect",
     "L0407: `pad` cannot reflect 3 elements of an axis of size 3"},
    {"max_pool2d", "x: [1, 2, 5, 1], kernel: 3",
     "L0407: `max_pool2d` has windows of 3 along axis 1, which has 2 with "
     "its padding"},
    {"concat", "xs: {[2, 3], [2, 4]}",
     "L0402: `concat` gets [2, 3] and [2, 4]: axis 1 differs"},
    {"concat", "xs: {[2, 3], [2]}",
     "L0405: `concat` gets [2, 3] and [2]: the ranks differ"},
    {"layer_norm", "x: [2, 8], gamma: [6]",
     "L0402: `layer_norm` wants gamma of shape [8] and gets [6]"},
    // Arguments: values without a meaning.
    {"slice", "x: [3], axis: 0, step: -1",
     "L0408: `slice` wants a step of at least 1 and gets -1\n"
     "help: `flip` turns an axis around"},
    {"select", "x: [3], axis: 0, index: 3",
     "L0408: index 3 is outside axis 0 of size 3"},
    {"broadcast_to", "x: [3], shape: [-1, 3]",
     "L0408: `broadcast_to` gets the size -1"},
    {"top_k", "x: [3], k: 4",
     "L0408: `top_k` wants 4 elements of axis 0, which has 3"},
    {"range", "start: 0, stop: 3, step: 0",
     "L0408: `range` gets a step of 0"},
    {"rms_norm", "x: [3], weight: [3], epsilon: 0",
     "L0408: `rms_norm` wants epsilon above 0"},
};

}  // namespace

TEST_CASE("arguments: an unknown one, with the nearest name") {
  OpCall call = call_of("softmax");
  call.keywords = {{"axes", {Dim(0), {}}}};
  CHECK_EQ(error_of_call(call),
           "L0320: `softmax` has no argument `axes`\n"
           "help: `axes` is called `axis` here");
  call.keywords = {{"axs", {Dim(0), {}}}};
  CHECK_EQ(error_of_call(call),
           "L0320: `softmax` has no argument `axs`\n"
           "help: did you mean `axis`?");
  call.keywords = {{"dim", {Dim(0), {}}}};
  CHECK_EQ(error_of_call(call),
           "L0320: `softmax` has no argument `dim`\n"
           "help: `dim` is called `axis` here");
}

TEST_CASE("arguments: too many, too few, twice") {
  OpCall call = call_of("exp");
  call.positional = {{Dim(1), {}}};
  CHECK_EQ(error_of_call(call), "L0320: `exp` takes 1 argument and gets 2");
  CHECK_EQ(error_of_call(call_of("matmul")),
           "L0320: `matmul` needs the argument `y`");
  call = call_of("softmax");
  call.keywords = {{"x", {Dim(0), {}}}};
  CHECK_EQ(error_of_call(call), "L0320: `softmax` gets `x` twice");
}

TEST_CASE("arguments: of the wrong kind") {
  OpCall call = call_of("softmax");
  call.positional = {{std::string("last"), {}}};
  CHECK_EQ(error_of_call(call),
           "L0320: `axis` of `softmax` wants an integer and gets the text "
           "'last'");
  call = call_of("gelu");
  call.positional = {{std::string("tan"), {}}};
  CHECK_EQ(error_of_call(call),
           "L0320: `approximate` of `gelu` wants one of none, tanh, quick and "
           "gets the text 'tan'\n"
           "help: did you mean `tanh`?");
  CHECK_EQ(error_of_call(call_of("concat")),
           "L0320: `xs` of `concat` wants a list of tensors and gets a "
           "tensor\n"
           "help: put the tensors into brackets: `concat([a, b])`");
}

TEST_CASE("wrong calls: what each says") {
  for (const Row& row : kRows) {
    CAPTURE(row.op);
    CAPTURE(row.call);
    CHECK_EQ(error_of(row.op, row.call, row.dtype), row.message);
  }
}

TEST_CASE("broadcasting: sizes that differ") {
  CHECK_EQ(notes_of("add", "x: [2, 3], y: [4]"),
           "x is float32[2, 3], the input `in0`\n"
           "y is float32[4], the input `in1`\n");
}

TEST_CASE("broadcasting: a symbolic size is assumed equal, never stretched") {
  CHECK_EQ(assumed_by("add", "x: [B, 3], y: [T, 3]"),
           "B == T, else L0401: `add` cannot broadcast axis -2: B and T\n");
  CHECK_EQ(assumed_by("add", "x: [B, 3], y: [1, 3]"), "");
  CHECK_EQ(assumed_by("add", "x: [B, 3], y: [B, 1]"), "");
}

TEST_CASE("matmul: what it sums over") {
  CHECK_EQ(assumed_by("matmul", "x: [2, C], y: [4, 5]"),
           "C == 4, else L0402: `matmul` sums over C features of x and 4 of "
           "y\n");
}

TEST_CASE("reshape: counts that do not fit") {
  CHECK_EQ(assumed_by("reshape", "x: [B, C, W], shape: [B, 32, W]"),
           "C == 32, else L0407: `reshape` cannot turn [B, C, W] into "
           "[B, 32, W]: B*C*W and 32*B*W elements\n");
  CHECK_EQ(assumed_by("reshape", "x: [T, 6], shape: [-1, 4]"),
           "2*(T % 2) == 0, else L0407: `reshape` cannot infer the "
           "-1 of [-1, 4] from [T, 6]: 6*T is not a multiple of 4\n");
}

}  // namespace lathe
