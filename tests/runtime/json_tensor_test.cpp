#include "runtime/json_tensor.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/support/error_text.h"
#include "tests/support/temp_folder.h"

namespace lathe {
namespace {

// The tensor that a text spells, or the first line of the message.
std::string tensor_of(const std::string& text, DType dtype) {
  SourceRef source = make_source("x", text);
  std::string out;
  std::string error = error_of([&] {
    out = to_string(tensor_from_json(parse_json(source), dtype, source));
  });
  if (error == "no error") return out;
  return error.substr(0, error.find('\n'));
}

DType natural_of(const std::string& text) {
  return natural_dtype(parse_json(make_source("x", text)));
}

}  // namespace

TEST_CASE("json tensor: nested lists take the wanted type") {
  CHECK_EQ(tensor_of("[[1, 2], [3, 4]]", DType::kInt64),
           "int64[2, 2] [[1, 2], [3, 4]]");
  CHECK_EQ(tensor_of("[1, 2.5]", DType::kFloat32), "float32[2] [1, 2.5]");
  CHECK_EQ(tensor_of("3", DType::kFloat32), "float32[] 3");
  CHECK_EQ(tensor_of("[]", DType::kFloat32), "float32[0] []");
  CHECK_EQ(tensor_of("[[], []]", DType::kFloat32), "float32[2, 0] [[], []]");
  CHECK_EQ(tensor_of("[true]", DType::kBool), "bool[1] [true]");
}

TEST_CASE("json tensor: values that do not fit are errors") {
  CHECK_EQ(tensor_of("[1.5]", DType::kInt64),
           "error[L0404]: a number stands where int64 is wanted");
  CHECK_EQ(tensor_of("[128]", DType::kInt8),
           "error[L0404]: 128 is out of range for int8");
  CHECK_EQ(tensor_of("[1]", DType::kBool),
           "error[L0404]: an integer stands where bool is wanted");
  CHECK_EQ(tensor_of("[\"a\"]", DType::kFloat32),
           "error[L0404]: a string stands where float32 is wanted");
  CHECK_EQ(tensor_of("[9223372036854775808]", DType::kInt64),
           "error[L0404]: 9223372036854775808 is out of range for int64");
}

TEST_CASE("json tensor: ragged lists are errors") {
  CHECK_EQ(tensor_of("[[1, 2], [3]]", DType::kInt64),
           "error[L0514]: the list is ragged: this one has 1, the first 2");
  CHECK_EQ(tensor_of("[[1], 2]", DType::kInt64),
           "error[L0514]: the list is ragged: an integer stands where a list "
           "of 1 is wanted");
  CHECK_EQ(tensor_of("[1, [2]]", DType::kInt64),
           "error[L0514]: the list is ragged: a list stands where a number is "
           "wanted");
}

TEST_CASE("json tensor: numbers have a type by themselves") {
  CHECK(natural_of("[[1], [2]]") == DType::kInt64);
  CHECK(natural_of("[1, 2.0]") == DType::kFloat32);
  CHECK(natural_of("[true, false]") == DType::kBool);
  CHECK(natural_of("[[]]") == DType::kFloat32);
}

TEST_CASE("json tensor: what is written is read back, NaN too") {
  TempFolder folder;
  Tensor y(DType::kFloat32, {2, 2});
  y.set(0, 0.1);
  y.set(1, NAN);
  y.set(2, -INFINITY);
  write_json_tensors(folder.file("out.json"),
                     {{"y", y}, {"n", Tensor(DType::kInt64, {})}});
  CHECK_EQ(folder.read("out.json"),
           "{\n  \"y\": [[0.10000000149011612, \"NaN\"], [\"-Infinity\", "
           "0.0]],\n  \"n\": 0\n}\n");
  SourceRef source = make_source("out.json", folder.read("out.json"));
  JsonValue tree = parse_json(source);
  Tensor back = tensor_from_json(*tree.find("y"), DType::kFloat32, source);
  CHECK_EQ(back.at(0), y.at(0));
  CHECK(std::isnan(back.at(1)));
  CHECK_EQ(back.at(2), -INFINITY);
}

}  // namespace lathe
