#include "interpreter/plain_expression.h"

#include <doctest/doctest.h>

#include "tests/support/elaborate_text.h"

namespace lathe {
namespace {

// The value of an expression, as the model's param or as a message.
std::string value_of(const std::string& expression) {
  const std::string graph = graph_of(
      "values:\n  v: \"" + expression +
      "\"\ninputs: {x: \"float32[2]\"}\nbody:\n  - y = x + v\n");
  const size_t begin = graph.find("y=");
  if (begin == std::string::npos) return graph.substr(0, graph.find('\n'));
  return graph.substr(begin + 2, graph.find(')', begin) - begin - 2);
}

}  // namespace

TEST_CASE("expressions: integers are exact, `/` gives a float") {
  CHECK_EQ(value_of("7 // 2 * 2 + 7 % 2"), "7");
  CHECK_EQ(value_of("-7 // 2"), "-4");
  CHECK_EQ(value_of("-7 % 3"), "2");
  CHECK_EQ(value_of("2 ** 62"), "4611686018427387904");
  CHECK_EQ(value_of("7 / 2"), "3.5");
  CHECK_EQ(value_of("(6 | 1) ^ 2 & 3"), "5");
  CHECK_EQ(value_of("1 << 4 >> 1"), "8");
}

TEST_CASE("expressions: functions take numbers and lists") {
  CHECK_EQ(value_of("min(3, 1, 2) + max([4, 5])"), "6");
  CHECK_EQ(value_of("align(13, 8) + ceil(0.5) + floor(-0.5)"), "16");
  CHECK_EQ(value_of("len(range(2, 10, 3)) + abs(-3)"), "6");
  CHECK_EQ(value_of("sqrt(16) + log2(8)"), "7");
}

TEST_CASE("expressions: ops of numbers alone are numbers, in float64") {
  CHECK_EQ(value_of("clamp(5, max=3)"), "3");
  CHECK_EQ(value_of("clamp(2.5, 0, 1)"), "1");
  CHECK_EQ(value_of("gelu(1.0)"), "0.841344746068543");
  CHECK_EQ(value_of("activation(1.0, 'silu')"), "0.7310585786300049");
  CHECK_EQ(value_of("[4, 5, 6][clamp(9, 0, 2)]"), "6");
  CHECK_EQ(value_of("sum(3)"),
           "error[L0335]: the op `sum` can be called in a body only");
}

TEST_CASE("expressions: infinity and NaN have names") {
  CHECK_EQ(value_of("-inf"), "-inf");
  CHECK_EQ(value_of("min(inf, 3)"), "3");
  CHECK_EQ(value_of("1 / inf"), "0");
  CHECK_EQ(value_of("1 if nan != nan and inf > 1e308 else 2"), "1");
  CHECK_EQ(value_of("ceil(inf)"),
           "error[L0333]: the integer is too large: inf");
}

TEST_CASE("expressions: conditions and texts") {
  CHECK_EQ(value_of("1 if 'a' in ['a', 'b'] and not 3 < 2 else 2"), "1");
  CHECK_EQ(value_of("1 if 'silu' + '!' == 'silu!' else 2"), "1");
  CHECK_EQ(value_of("[1, 2, 3][-1]"), "3");
  CHECK_EQ(value_of("1 if none == none and 1 == 1.0 else 2"), "1");
}

TEST_CASE("expressions: what does not fit 64 bits is an error") {
  CHECK_EQ(value_of("9223372036854775807 + 1"),
           "error[L0333]: the integer is beyond 64 bits");
  CHECK_EQ(value_of("3 ** 50"), "error[L0333]: the integer is beyond 64 bits");
  CHECK_EQ(value_of("1 % 0"), "error[L0338]: division by zero");
  CHECK_EQ(value_of("sqrt(-1)"), "error[L0336]: no square root: -1");
}

}  // namespace lathe
