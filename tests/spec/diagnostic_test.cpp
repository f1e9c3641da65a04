#include "spec/diagnostic.h"

#include <doctest/doctest.h>

#include "spec/suggest.h"

namespace lathe {
namespace {

// The span of the first `part` in the file.
SourceSpan find(const SourceRef& file, const std::string& part) {
  auto at = static_cast<uint32_t>(file->text.find(part));
  return {file, at, at + static_cast<uint32_t>(part.size())};
}

const SourceRef kFile = make_source(
    "model.yaml",
    "lathe: 1\nmodel: m\nlayers:\n  fc: {type: Linear, in_dim: 512}\n");

}  // namespace

TEST_CASE("diagnostic: a message shows the line, notes and help") {
  Diagnostics list;
  list.error("L0101", find(kFile, "512"),
             "`fc` wants 512 features and gets 256", "`in_dim: 256`",
             {"x is float32[B, 256], declared at model.yaml:4", "in: fc"});
  CHECK_EQ(render(list.sorted()),
           "error[L0101]: `fc` wants 512 features and gets 256\n"
           "  --> model.yaml:4:30\n"
           "   |\n"
           " 4 |   fc: {type: Linear, in_dim: 512}\n"
           "   |                              ^^^ here\n"
           "   = x is float32[B, 256], declared at model.yaml:4\n"
           "   = in: fc\n"
           "   = help: `in_dim: 256`\n");
}

TEST_CASE("diagnostic: without a place only the texts are shown") {
  Diagnostic warning = {.code = "L0101",
                        .message = "weights are narrowed",
                        .notes = {"12 tensors"},
                        .severity = Severity::kWarning};
  CHECK_EQ(render(warning),
           "warning[L0101]: weights are narrowed\n   = 12 tensors\n");
  CHECK_EQ(place_of({}), "the command line");
}

TEST_CASE("diagnostic: gutters fit line numbers, carets fit characters") {
  std::string text(1234, '\n');
  SourceRef file = make_source("m.yaml", text + "\t\xC3\xA9\xC3\xA9 abc\n");
  Diagnostic d = {.code = "L0101", .message = "m", .span = find(file, "abc")};
  CHECK_EQ(render(d),
           "error[L0101]: m\n"
           "    --> m.yaml:1235:5\n"
           "     |\n"
           "1235 |  \xC3\xA9\xC3\xA9 abc\n"
           "     |     ^^^ here\n");
}

TEST_CASE("diagnostic: long lines are cut around the place") {
  std::string line = std::string(300, 'a') + "XYZ" + std::string(300, 'b');
  SourceRef file = make_source("m.yaml", line);
  Diagnostic d = {.code = "L0101", .message = "m", .span = find(file, "XYZ")};
  std::string expected =
      "..." + std::string(60, 'a') + "XYZ" + std::string(97, 'b') + "...";
  CHECK_EQ(render(d), "error[L0101]: m\n  --> m.yaml:1:301\n   |\n 1 | " +
                          expected + "\n   | " + std::string(63, ' ') +
                          "^^^ here\n");
}

TEST_CASE("diagnostic: bytes that are no text do not reach the terminal") {
  SourceRef file = make_source("m.yaml", "a\x1b[31m\xFF b");
  Diagnostic d = {.code = "L0101", .message = "m", .span = find(file, "b")};
  CHECK_NE(render(d).find(" 1 | a?[31m? b\n"), std::string::npos);
  CHECK_EQ(backquoted("a\x1b[0m\nb"), "`a?[0m b`");
}

TEST_CASE("diagnostic: color only adds escapes") {
  Diagnostic d = {.code = "L0101", .message = "m", .span = find(kFile, "512")};
  std::string colored = render(d, Color::kYes);
  std::string plain;
  for (size_t i = 0; i < colored.size(); ++i) {
    if (colored[i] == '\x1b') {
      i = colored.find('m', i);
    } else {
      plain += colored[i];
    }
  }
  CHECK_NE(colored, plain);
  CHECK_EQ(plain, render(d));
}

TEST_CASE("diagnostic: sorted by file and place, repetitions once") {
  SourceRef other = make_source("other.yaml", "x y z");
  Diagnostics list;
  list.error("L0101", find(other, "y"), "one");
  list.error("L0101", find(kFile, "model"), "two");
  list.error("L0101", find(other, "x"), "three");
  list.error("L0101", find(kFile, "lathe"), "four");
  list.error("L0101", find(other, "y"), "one");
  std::string order;
  for (const Diagnostic& d : list.sorted()) order += d.message + " ";
  CHECK_EQ(order, "three one four two ");
  CHECK(list.has_errors());
  CHECK_THROWS_AS(list.throw_if_errors(), SpecError);
}

TEST_CASE("diagnostic: context is added while unwinding") {
  std::string text;
  try {
    try {
      fail("L0101", {}, "wrong");
    } catch (SpecError& error) {
      error.add_note("in: model.layers.0");
      throw;
    }
  } catch (const SpecError& error) {
    text = render(error.diagnostics());
  }
  CHECK_EQ(text, "error[L0101]: wrong\n   = in: model.layers.0\n");
}

TEST_CASE("diagnostic: JSON for editors") {
  Diagnostic d = {.code = "L0101",
                  .message = "a \"b\"\n\x01",
                  .span = find(kFile, "512"),
                  .notes = {"n"},
                  .help = "h"};
  CHECK_EQ(to_json(d),
           "{\"code\": \"L0101\", \"severity\": \"error\", \"message\": "
           "\"a \\\"b\\\"\\n\\u0001\", \"file\": \"model.yaml\", \"line\": 4, "
           "\"column\": 30, \"end_line\": 4, \"end_column\": 33, \"notes\": "
           "[\"n\"], \"help\": \"h\"}");
}

TEST_CASE("diagnostic: codes are in the table, in order and explained") {
  std::string last;
  for (const ErrorCode& row : error_codes()) {
    CAPTURE(row.code);
    CHECK_LT(last, row.code);
    CHECK_GE(row.explanation.size(), 30);
    CHECK_EQ(row.explanation.back(), '.');
    last = row.code;
  }
  CHECK_THROWS_AS(fail("L9999", {}, "m"), InternalError);
}

TEST_CASE("check: a failed check says where and why") {
  std::string text;
  try {
    LATHE_CHECK(1 > 2, "found ", 3, " in ", std::string("x"));
  } catch (const InternalError& error) {
    text = error.what();
  }
  CHECK_NE(text.find("diagnostic_test.cpp"), std::string::npos);
  CHECK_NE(text.find(": 1 > 2: found 3 in x"), std::string::npos);
}

TEST_CASE("suggest: near names, and only those") {
  const std::vector<std::string> names = {"hidden", "head_dim", "heads",
                                          "feed_forward_length", "in_dim"};
  CHECK_EQ(nearest("hiden", names), "hidden");
  CHECK_EQ(nearest("hdiden", names), "hidden");
  CHECK_EQ(nearest("Heads", names), "heads");
  CHECK_EQ(nearest("head", names), "heads");
  CHECK_EQ(nearest("indim", names), "in_dim");
  CHECK_EQ(nearest("feed_forward", names), "feed_forward_length");
  CHECK_EQ(nearest("dropout", names), "");
  CHECK_EQ(nearest("x", names), "");
  CHECK_EQ(did_you_mean("hidde", names), "did you mean `hidden`?");
  CHECK_EQ(edit_distance("abc", "acb"), 1);
  CHECK_EQ(edit_distance("", "abc"), 3);
}

}  // namespace lathe
