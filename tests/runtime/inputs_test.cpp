#include "runtime/inputs.h"

#include <doctest/doctest.h>

#include "runtime/json_tensor.h"
#include "runtime/npy.h"
#include "runtime/safetensors.h"
#include "tests/support/error_text.h"
#include "tests/support/temp_folder.h"

namespace lathe {
namespace {

InputInfo input(const std::string& name, DType dtype, Shape shape) {
  return {name, {dtype, std::move(shape)}, {}, {}};
}

const Dim kB = Dim::symbol("B");
const Dim kT = Dim::symbol("T");

// The tensors as text, one a line, or the message.
std::string inputs_text(const std::vector<InputInfo>& wanted,
                        const std::vector<Argument>& arguments,
                        DimBindings dims = {}) {
  std::string out;
  std::string error = error_of([&] {
    for (const auto& [name, tensor] : read_inputs(wanted, {arguments, {}, ""}, dims)) {
      out += name + " " + to_string(tensor) + "\n";
    }
  });
  return error == "no error" ? out : error;
}

const std::vector<InputInfo> kX = {input("x", DType::kFloat32, {kB, 2})};

}  // namespace

TEST_CASE("inputs: lists take the declared type") {
  CHECK_EQ(inputs_text(kX, {{"x", "[[1, 2]]"}}), "x float32[1, 2] [[1, 2]]\n");
  CHECK_EQ(inputs_text({input("n", DType::kInt32, {})}, {{"n", "-3"}}),
           "n int32[] -3\n");
  CHECK_EQ(inputs_text({input("n", DType::kInt32, {1})}, {{"n", "[1.5]"}}),
           "error[L0404]: a number stands where int32 is wanted\n"
           "  --> -i n:1:2\n"
           "   |\n"
           " 1 | [1.5]\n"
           "   |  ^^^ here\n");
}

TEST_CASE("inputs: made ones take their sizes from -d and other inputs") {
  CHECK_EQ(inputs_text(kX, {{"x", "ones"}}, {{"B", 1}}),
           "x float32[1, 2] [[1, 1]]\n");
  CHECK_EQ(inputs_text({input("a", DType::kBool, {kB, kT}),
                        input("b", DType::kFloat32, {kT, kB + 1})},
                       {{"a", "zeros"}, {"b", "zeros"}}, {{"T", 1}}),
           "error[L0518]: the sizes of `a: bool[B, T]` are not known\n"
           "   = help: `-d B=4`\n\n"
           "error[L0518]: the sizes of `b: float32[T, B + 1]` are not known\n"
           "   = help: `-d B=4`\n");
  CHECK_EQ(inputs_text({input("a", DType::kInt64, {kB, kT}),
                        input("b", DType::kFloat32, {kT})},
                       {{"a", "[[7, 8]]"}, {"b", "zeros"}}),
           "a int64[1, 2] [[7, 8]]\nb float32[2] [0, 0]\n");
}

TEST_CASE("inputs: random ones depend on seed and name") {
  const auto x = inputs_text(kX, {{"x", "random:7"}}, {{"B", 1}});
  CHECK_EQ(x, inputs_text(kX, {{"x", "random:7"}}, {{"B", 1}}));
  CHECK_NE(x, inputs_text(kX, {{"x", "random"}}, {{"B", 1}}));
}

TEST_CASE("inputs: files of three formats") {
  TempFolder folder;
  Tensor tensor(DType::kFloat32, {1, 2});
  tensor.set(0, 5);
  write_npy(folder.file("a.npy"), tensor);
  write_safetensors(folder.file("a.safetensors"), {{"t", tensor}});
  write_json_tensors(folder.file("a.json"), {{"x", tensor}, {"y", tensor}});
  const std::string text = "x float32[1, 2] [[5, 0]]\n";
  CHECK_EQ(inputs_text(kX, {{"x", folder.file("a.npy")}}), text);
  CHECK_EQ(inputs_text(kX, {{"x", folder.file("a.safetensors")}}), text);
  CHECK_EQ(inputs_text(kX, {{"x", folder.file("a.safetensors") + ":t"}}), text);
  CHECK_EQ(inputs_text(kX, {{"x", folder.file("a.json")}}), text);
  CHECK_EQ(inputs_text(kX, {{"x", folder.file("a.json") + ":y"}}), text);
  CHECK_EQ(inputs_text(kX, {{"x", folder.file("a.safetensors") + ":other"}}),
           "error[L0516]: " + backquoted(folder.file("a.safetensors")) +
               " does not hold `other`\n   = help: it holds t\n");
}

TEST_CASE("inputs: all that is wrong with names is said at once") {
  CHECK_EQ(inputs_text({input("input_ids", DType::kInt64, {kB, kT}),
                        input("mask", DType::kInt64, {kB, kT})},
                       {{"inputs_ids", "zeros"}}),
           "error[L0518]: the model has no input `inputs_ids`\n"
           "   = help: did you mean `input_ids`?\n\n"
           "error[L0518]: input `input_ids: int64[B, T]` gets no data\n"
           "   = help: `-i input_ids=FILE`, `-i input_ids=random:0`, or a list "
           "as `-i 'input_ids=[...]'`\n\n"
           "error[L0518]: input `mask: int64[B, T]` gets no data\n"
           "   = help: `-i mask=FILE`, `-i mask=random:0`, or a list as "
           "`-i 'mask=[...]'`\n");
  CHECK_EQ(inputs_text(kX, {{"x", "zeros"}, {"x", "ones"}}, {{"B", 1}}),
           "error[L0518]: input `x` is given twice\n");
  CHECK_EQ(inputs_text(kX, {{"x", "zeros"}}, {{"B", 1}, {"rows", 2}}),
           "error[L0518]: no input has a dim `rows`\n"
           "   = help: its dims are B\n");
  CHECK_EQ(inputs_text(kX, {{"x", "a.txt"}}),
           "error[L0518]: cannot tell what `a.txt` is for input `x`\n"
           "   = help: a .npy, .safetensors or .json file, a list as "
           "[[1, 2, 3]], `random:SEED`, `zeros` or `ones`\n");
}

TEST_CASE("inputs: one with a default may be left out") {
  InputInfo mask = input("mask", DType::kInt64, {kB});
  mask.default_value = 1;
  CHECK_EQ(inputs_text({mask}, {}), "");
}

}  // namespace lathe
