#include "runtime/compare.h"

#include <doctest/doctest.h>

#include <cmath>

#include "runtime/cli/table.h"
#include "runtime/cli/yaml_tensor.h"
#include "tests/support/error_text.h"

namespace lathe {
namespace {

Tensor vector_of(const std::vector<double>& values) {
  Tensor out(DType::kFloat64, {static_cast<int64_t>(values.size())});
  for (size_t i = 0; i < values.size(); ++i) {
    out.set(static_cast<int64_t>(i), values[i]);
  }
  return out;
}

// The tensor in a YAML text, or the first line of the message.
std::string yaml_tensor(const std::string& text, DType dtype) {
  std::string out;
  std::string error = error_of([&] {
    Diagnostics diagnostics;
    YamlDocument document =
        parse_yaml(make_source("t.yaml", text), diagnostics);
    out = to_string(tensor_from_yaml(*document.root, dtype));
  });
  return error == "no error" ? out : error.substr(0, error.find('\n'));
}

}  // namespace

TEST_CASE("compare: the largest difference and where it is") {
  Difference d =
      measure_difference(vector_of({1, 2, 10}), vector_of({1, 4, 11}));
  CHECK_EQ(d.largest, 2);
  CHECK_EQ(d.position, 1);
  CHECK_EQ(d.relative, 2.0 / 11);
  CHECK_EQ(measure_difference(vector_of({0.5}), vector_of({0.25})).relative,
           0.25);
  CHECK_EQ(measure_difference(vector_of({}), vector_of({})).largest, 0);
}

TEST_CASE("compare: NaN and infinity are equal to themselves alone") {
  CHECK_EQ(
      measure_difference(vector_of({NAN, INFINITY}), vector_of({NAN, INFINITY}))
          .largest,
      0);
  CHECK_EQ(measure_difference(vector_of({NAN}), vector_of({1})).largest,
           INFINITY);
  CHECK_EQ(measure_difference(vector_of({1}), vector_of({NAN})).largest,
           INFINITY);
  CHECK_EQ(
      measure_difference(vector_of({INFINITY}), vector_of({-INFINITY})).largest,
      INFINITY);
  CHECK_EQ(measure_difference(vector_of({1}), vector_of({1, 2})).largest,
           INFINITY);
}

TEST_CASE("compare: positions count in the last axis first") {
  CHECK_EQ(position_text({2, 3, 4}, 23), "[1, 2, 3]");
  CHECK_EQ(position_text({2, 3, 4}, 5), "[0, 1, 1]");
  CHECK_EQ(position_text({}, 0), "[]");
}

TEST_CASE("table: columns line up, numbers to the right") {
  Table table({"NAME", ">N"});
  table.add({"a", "10"});
  table.add({"longer", "5"});
  CHECK_EQ(table.text(), "NAME     N\na       10\nlonger   5\n");
}

TEST_CASE("table: numbers are short") {
  CHECK_EQ(bytes_text(0), "0 B");
  CHECK_EQ(bytes_text(1536), "1.5 KiB");
  CHECK_EQ(bytes_text(int64_t{3} << 30), "3.0 GiB");
  CHECK_EQ(count_text(999), "999");
  CHECK_EQ(count_text(7'000'000'000), "7.0 B");
  CHECK_EQ(seconds_text(850e-9), "850 ns");
  CHECK_EQ(seconds_text(12.34e-6), "12.3 us");
  CHECK_EQ(seconds_text(0.00456), "4.56 ms");
  CHECK_EQ(seconds_text(12), "12.00 s");
}

TEST_CASE("yaml tensor: lists of numbers, nan and inf included") {
  CHECK_EQ(yaml_tensor("[[1, 2.5], [nan, -inf]]", DType::kFloat32),
           "float32[2, 2] [[1, 2.5], [nan, -inf]]");
  CHECK_EQ(yaml_tensor("[true, false]", DType::kBool), "bool[2] [true, false]");
  CHECK_EQ(yaml_tensor("[1.5]", DType::kInt64),
           "error[L0404]: a number stands where int64 is wanted");
  CHECK_EQ(yaml_tensor("[one]", DType::kInt64),
           "error[L0205]: `one` is not a number, true or false");
  CHECK_EQ(yaml_tensor("[{a: 1}]", DType::kInt64),
           "error[L0205]: a mapping stands where a list is wanted");
}

}  // namespace lathe
