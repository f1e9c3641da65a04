#include "runtime/json.h"

#include <doctest/doctest.h>

#include <limits>

#include "tests/support/error_text.h"

namespace lathe {
namespace {

SourceRef source(std::string text) {
  return make_source("a.json", std::move(text));
}

std::string rewritten(const std::string& text) {
  return to_json(parse_json(source(text)));
}

std::string json_error(const std::string& text, JsonLimits limits = {}) {
  return error_of([&] { parse_json(source(text), limits); });
}

// The texts that the values of a list or object stand for.
std::string spans_of(const std::string& text) {
  SourceRef file = source(text);
  JsonValue tree = parse_json(file);
  std::string out;
  for (const JsonValue& item : tree.items) {
    out += std::string(span_of(item, file).text()) + "|";
  }
  for (const JsonMember& member : tree.members) {
    out += std::string(span_of(member.value, file).text()) + "|";
  }
  return out;
}

}  // namespace

TEST_CASE("json: what is read is written back") {
  CHECK_EQ(rewritten("null"), "null\n");
  CHECK_EQ(rewritten(" [1, -2.5, 1e300, true, false, null] "),
           "[1, -2.5, 1e+300, true, false, null]\n");
  CHECK_EQ(rewritten(R"({"a": [], "b": {}, "c": "x\n\"\u00e9\\"})"),
           "{\"a\": [], \"b\": {}, \"c\": \"x\\n\\\"\xc3\xa9\\\\\"}\n");
  CHECK_EQ(rewritten(R"({"a": {"b": 1}})"), "{\n  \"a\": {\"b\": 1}\n}\n");
}

TEST_CASE("json: integers are exact, larger ones become floats") {
  CHECK_EQ(parse_json(source("9223372036854775807")).integer, INT64_MAX);
  CHECK_EQ(parse_json(source("-9223372036854775808")).integer, INT64_MIN);
  CHECK(parse_json(source("9223372036854775808")).is(JsonKind::kFloat));
  CHECK(parse_json(source("1000000000000000019884624838656"))
            .is(JsonKind::kFloat));
  CHECK(parse_json(source("1.0")).is(JsonKind::kFloat));
}

TEST_CASE("json: values know their places") {
  CHECK_EQ(spans_of(R"([1, "a\"b", [2, {}], -1.5e3,true])"),
           R"(1|"a\"b"|[2, {}]|-1.5e3|true|)");
  CHECK_EQ(spans_of("{\"a\" : 1 ,\n\"b,\":{\"c\": [ ]} , \"d\":null}"),
           "1|{\"c\": [ ]}|null|");
}

TEST_CASE("json: a mistake is shown in its line") {
  CHECK_EQ(json_error("{\"a\": 1,\n \"b\": tru}"),
           "error[L0514]: not JSON: invalid literal\n"
           "  --> a.json:2:10\n"
           "   |\n"
           " 2 |  \"b\": tru}\n"
           "   |          ^ here\n");
  CHECK_EQ(json_error("{\"a\": 1, \"a\": 2}"),
           "error[L0514]: not JSON: duplicate name `a`\n"
           "  --> a.json:1:10\n"
           "   |\n"
           " 1 | {\"a\": 1, \"a\": 2}\n"
           "   |          ^ here\n");
}

TEST_CASE("json: depth and number of values are limited") {
  const std::string deep(100, '[');
  CHECK(json_error(deep + std::string(100, ']')).find("64 deep") !=
        std::string::npos);
  CHECK(json_error("[1, 2, 3]", {.depth = 4, .values = 2}).find("2 values") !=
        std::string::npos);
  CHECK(json_error("").find("L0514") != std::string::npos);
  CHECK(json_error("1 2").find("L0514") != std::string::npos);
  CHECK(json_error("[\"\xff\"]").find("L0514") != std::string::npos);
}

TEST_CASE("json: floats keep their kind and all their bits") {
  CHECK_EQ(json_number(1), "1.0");
  CHECK_EQ(json_number(0.1), "0.1");
  CHECK_EQ(json_number(std::numeric_limits<double>::infinity()),
           "\"Infinity\"");
  CHECK_EQ(json_number(std::numeric_limits<double>::quiet_NaN()), "\"NaN\"");
}

}  // namespace lathe
