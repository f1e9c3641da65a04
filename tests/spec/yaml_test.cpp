#include "spec/yaml.h"

#include <doctest/doctest.h>

#include <random>

#include "spec/diagnostic.h"
#include "spec/text.h"

namespace lathe {
namespace {

// One line: texts in angle brackets, so that blanks show.
std::string tree_text(const YamlNode& node) {
  std::vector<std::string> parts;
  if (node.is_scalar()) return cat({"<", node.text, ">"});
  for (const YamlRef& item : node.items) parts.push_back(tree_text(*item));
  for (const YamlEntry& entry : node.entries) {
    parts.push_back(cat({entry.key, ": ", tree_text(*entry.value)}));
  }
  std::string inner = join(parts, ", ");
  return node.is_sequence() ? "[" + inner + "]" : "{" + inner + "}";
}

std::string tree_of(const std::string& text) {
  Diagnostics diagnostics;
  YamlDocument document = parse_yaml(make_source("t.yaml", text), diagnostics);
  if (!diagnostics.empty()) return render(diagnostics.sorted());
  return tree_text(*document.root);
}

// "CODE line:column" of each error.
std::string codes_of(const std::string& text) {
  Diagnostics diagnostics;
  parse_yaml(make_source("t.yaml", text), diagnostics);
  std::vector<std::string> out;
  for (const Diagnostic& d : diagnostics.sorted()) {
    out.push_back(cat({d.code, " ", d.span.line(), ":", d.span.column()}));
  }
  return join(out, ", ");
}

// The only scalar below the key `a`.
YamlRef scalar_of(const std::string& text) {
  Diagnostics diagnostics;
  YamlDocument document = parse_yaml(make_source("t.yaml", text), diagnostics);
  REQUIRE_EQ(render(diagnostics.sorted()), "");
  return document.root->find("a")->value;
}

// What stands in the file at the place of every character of the scalar.
std::string places_of(const std::string& text) {
  YamlRef node = scalar_of(text);
  std::string out;
  for (size_t i = 0; i < node->text.size(); ++i) {
    SourceSpan span = node->span_of(i, i + 1);
    out += span.begin < text.size() ? text[span.begin] : '$';
  }
  return out;
}

}  // namespace

TEST_CASE("yaml: texts, lists and mappings keep their order") {
  CHECK_EQ(tree_of("b: 1\na: [x, {c: d}]\n"), "{b: <1>, a: [<x>, {c: <d>}]}");
  CHECK_EQ(tree_of("- 1\n- - 2\n  - 3\n"), "[<1>, [<2>, <3>]]");
  CHECK_EQ(tree_of("a:\n- 1\nb: 2\n"), "{a: [<1>], b: <2>}");
  CHECK_EQ(tree_of("just text\n"), "<just text>");
  CHECK_EQ(tree_of("--- \na: 1\n...\n# end\n"), "{a: <1>}");
  CHECK_EQ(tree_of("? a\n: b\n"), "{a: <b>}");
  CHECK_EQ(tree_of("{}"), "{}");
}

TEST_CASE("yaml: scalars are texts, whatever YAML would guess") {
  CHECK_EQ(tree_of("a: null\nb: ~\nc:\nd: no\ne: 1e-5\n"),
           "{a: <null>, b: <~>, c: <>, d: <no>, e: <1e-5>}");
  CHECK_EQ(tree_of("a:\nnull: 3\n~: 4\n"), "{a: <>, null: <3>, ~: <4>}");
  CHECK_EQ(tree_of("- \n- null\n-\n"), "[<>, <null>, <>]");
  CHECK_EQ(tree_of("{a: , b: null, c}"), "{a: <>, b: <null>, c: <>}");
  CHECK(scalar_of("a: ~\n")->is_empty());
  CHECK(scalar_of("a:\n")->is_empty());
  CHECK_FALSE(scalar_of("a: \"\"\n")->is_empty());
  CHECK_FALSE(scalar_of("a: null\n")->is_empty());
}

TEST_CASE("yaml: a question mark is part of a plain text") {
  CHECK_EQ(tree_of("{a: int?, b: x?y, c: [u?, v ? w, ?z]}"),
           "{a: <int?>, b: <x?y>, c: [<u?>, <v ? w>, <?z>]}");
  CHECK_EQ(tree_of("a: int?\n# why?\nb: 'c?'\n"), "{a: <int?>, b: <c?>}");
  CHECK_EQ(tree_of("{? a? : b, ?  c: \"d?\"}"), "{a?: <b>, c: <d?>}");
  CHECK_EQ(places_of("{a: int?}"), "int?");
  CHECK_EQ(tree_of("a: \"\\x01?\"\n"), "{a: <\x01?>}");
}

TEST_CASE("yaml: styles of text") {
  CHECK_EQ(tree_of("a: one\n  two\n\n  three\nb: 1\n"),
           "{a: <one two\nthree>, b: <1>}");
  CHECK_EQ(tree_of("a: |\n  one\n   two\nb: >-\n  one\n  two\n"),
           "{a: <one\n two\n>, b: <one two>}");
  CHECK_EQ(tree_of("a: 'it''s'\nb: \"x\\n\\u00e9 \\x41\"\n"),
           "{a: <it's>, b: <x\n\xC3\xA9 A>}");
  CHECK_EQ(tree_of("a: \"one\n  two\n\n  three\\\n  four\"\n"),
           "{a: <one two\nthreefour>}");
  CHECK_EQ(tree_of("a: x # comment\nb: y#z\n"), "{a: <x>, b: <y#z>}");
  CHECK_EQ(tree_of("a: |\n  \tif (x)\n"), "{a: <\tif (x)\n>}");
  CHECK_EQ(scalar_of("a: |\n  x\n")->style, YamlStyle::kBlock);
  CHECK_EQ(scalar_of("a: 'x'\n")->style, YamlStyle::kQuoted);
  CHECK_EQ(scalar_of("a: x\n")->style, YamlStyle::kPlain);
}

TEST_CASE("yaml: line ends of Windows and a byte order mark are fine") {
  CHECK_EQ(tree_of("a: 1\r\nb:\r\n  - x\r\n  - \"p\r\n    q\"\r\n"),
           "{a: <1>, b: [<x>, <p q>]}");
  CHECK_EQ(tree_of("\xEF\xBB\xBF"
                   "a: {b: c}\n"),
           "{a: {b: <c>}}");
}

TEST_CASE("yaml: anchors repeat nodes") {
  CHECK_EQ(tree_of("a: &x {p: 1}\nb: *x\nc: [*x, 2]\n"),
           "{a: {p: <1>}, b: {p: <1>}, c: [{p: <1>}, <2>]}");
  CHECK_EQ(tree_of("&k a: 1\nb: *k\n"), "{a: <1>, b: <a>}");
  YamlRef alias = scalar_of("b: &x some text\na: *x\n");
  CHECK_EQ(alias->span_of(5, 9).text(), "*x");
  CHECK_EQ(alias->span_of(5, 9).line(), 2);
}

TEST_CASE("yaml: every character of a text knows its place") {
  CHECK_EQ(places_of("a: plain text\n"), "plain text");
  CHECK_EQ(places_of("a: one\n    two\n"), "one\ntwo");
  CHECK_EQ(places_of("a: 'it''s'\n"), "it's");
  CHECK_EQ(places_of("a: \"x\\ny \\u0041z\"\n"), "x\\y \\z");
  CHECK_EQ(places_of("a: \"one\n  two\"\n"), "one\ntwo");
  CHECK_EQ(places_of("a: |\n   one\n    two\n\n   three\n"),
           "one\n\ntwo\n\nthree\n");
  CHECK_EQ(places_of("a: >-\n  one\n  two\n\n  three\n"), "one\ntwo\nthree");
}

TEST_CASE("yaml: nodes know where they begin and end") {
  const std::string text = "a:\n  b: [1, {c: d}]  # e\n  f: 'g'\nh: {i: j }\n";
  Diagnostics diagnostics;
  YamlRef root = parse_yaml(make_source("t.yaml", text), diagnostics).root;
  YamlRef a = root->find("a")->value;
  CHECK_EQ(a->span.text(), "b: [1, {c: d}]  # e\n  f: 'g'");
  CHECK_EQ(a->find("b")->value->span.text(), "[1, {c: d}]");
  CHECK_EQ(a->find("b")->value->items[1]->span.text(), "{c: d}");
  CHECK_EQ(a->find("f")->value->span.text(), "'g'");
  CHECK_EQ(a->find("f")->key_span.text(), "f");
  CHECK_EQ(root->find("h")->value->span.text(), "{i: j }");
}

TEST_CASE("yaml: what libraries let pass is an error") {
  CHECK_EQ(codes_of("a: 1\na: 2\na: 3\n"), "L0102 2:1, L0102 3:1");
  CHECK_EQ(codes_of("a: {b: 1, b: 2}\n"), "L0102 1:11");
  CHECK_EQ(codes_of("a: \"x\nb: 1\n"), "L0106 1:4");
  CHECK_EQ(codes_of("a: 'x\n"), "L0106 1:4");
  CHECK_EQ(codes_of("a: 1\n---\nb: 1\n"), "L0105 2:1");
  CHECK_EQ(codes_of("a: 1\n...\nb: 1\n"), "L0105 2:1");
  CHECK_EQ(codes_of("[a]\nb: 1\n"), "L0111 2:1");
  CHECK_EQ(codes_of("{a: 1} b\n"), "L0111 1:8");
  CHECK_EQ(codes_of("a: [1,, 2]\n"), "L0101 1:7");
  CHECK_EQ(codes_of("a: [, 2]\n"), "L0101 1:5");
  CHECK_EQ(codes_of("a: [1, 2, ]\n"), "");
  CHECK_EQ(codes_of("a: b\n\xFF"), "L0104 2:1");
  CHECK_EQ(codes_of("a: b\n\xC0\x80"), "L0104 2:1");
  CHECK_EQ(codes_of("a: \xED\xA0\x80\n"), "L0104 1:4");
  CHECK_EQ(codes_of("a: b\rc: d\n"), "L0104 1:5");
  CHECK_EQ(codes_of("a:\n  - b\n\t- c\n"), "L0103 3:1");
  CHECK_EQ(codes_of("a: [b,\n\tc]\n"), "L0103 2:1");
  CHECK_EQ(codes_of("a: b\n\t\nd: e\n"), "L0103 2:1");
  CHECK_EQ(codes_of("a: !!str b\n"), "L0110 1:4");
  CHECK_EQ(codes_of("<<: {a: 1}\n'<<': {a: 1}\n"), "L0110 1:1");
  CHECK_EQ(codes_of("? [a, b]\n: 1\n"), "L0107 1:3");
  CHECK_EQ(codes_of(""), "L0112 1:1");
}

TEST_CASE("yaml: limits hold") {
  auto nested = [](size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']') + "\n";
  };
  CHECK_EQ(codes_of(nested(64)), "");
  CHECK_EQ(codes_of(nested(65)), "L0109 1:65");
  CHECK_EQ(codes_of(nested(100000)), "L0109 1:65");
  std::string list = "a: &a [";
  for (int i = 0; i < 499; ++i) list += "1, ";
  CHECK_EQ(codes_of(list + "1]\nb: *a\n"), "");
  CHECK_EQ(codes_of(list + "1]\nb: *a\nc: *a\n"), "L0109 3:4");
  CHECK_EQ(codes_of("a: &a " + nested(63) + "b: [*a]\n"), "L0109 2:5");
  CHECK_EQ(codes_of("a: b\n#" + std::string(size_t{16} << 20, 'x')),
           "L0109 1:1");
}

namespace {

YamlRef random_tree(std::mt19937& random, int depth) {
  const std::vector<std::string> texts = {
      "a",        "x = y", "- a",         "",       "~",      "null",
      "a: b",     "a #b",  "it's",        "\"q\"",  "a\\b",   "line\nline\n",
      "[1, 2]",   "{a}",   "a, b",        " lead",  "trail ", "a\tb",
      "*x",       "&x",    "!x",          "%x",     "@x",     "`x",
      "?",        "? x",   "int?",  "a ? b",  "a -?b", ":",           "x:",     "---",    "\x01\x7f",
      "#",        "- ",    "-1",          "a\n\nb", "a \nb",  "\n",
      "\xC3\xA9", "1e-5",  "'",           "'\"",    "| x",    "> x",
      "a\n b\n",  "x\n\n", "http://x:8/", "..."};
  auto node = std::make_shared<YamlNode>();
  auto pick = [&random](size_t n) { return random() % n; };
  size_t kind = depth == 0 ? 0 : pick(3);
  if (kind == 0) {
    return make_scalar(texts[pick(texts.size())]);
  }
  size_t count = pick(5);
  node->kind = kind == 1 ? YamlKind::kSequence : YamlKind::kMapping;
  for (size_t i = 0; i < count; ++i) {
    YamlRef child = random_tree(random, depth - 1);
    if (kind == 1) {
      node->items.push_back(child);
    } else {
      std::string key = texts[pick(texts.size())] + std::to_string(i);
      node->entries.push_back({key, {}, child});
    }
  }
  return node;
}

// The tree with plain `~` and nothing being the same.
std::string normal_text(const YamlNode& node) {
  std::string text = tree_text(node);
  for (size_t at; (at = text.find("<~>")) != std::string::npos;) {
    text.replace(at, 3, "<>");
  }
  return text;
}

}  // namespace

TEST_CASE("yaml: what is written reads back the same") {
  std::mt19937 random(7);
  for (int i = 0; i < 3000; ++i) {
    YamlRef tree = random_tree(random, 4);
    if (tree->is_scalar()) continue;
    std::string text = to_yaml(*tree);
    CAPTURE(text);
    Diagnostics diagnostics;
    YamlRef back = parse_yaml(make_source("t.yaml", text), diagnostics).root;
    REQUIRE_EQ(render(diagnostics.sorted()), "");
    REQUIRE_EQ(normal_text(*back), normal_text(*tree));
  }
}

TEST_CASE("yaml: canonical text is short and readable") {
  auto canonical = [](const std::string& text) {
    Diagnostics diagnostics;
    return to_yaml(*parse_yaml(make_source("t", text), diagnostics).root);
  };
  CHECK_EQ(canonical("a:   {b: 1,\n c: 'x'}\nd:\n- 'y: z'\n- w\n"),
           "a: {b: 1, c: x}\nd: [\"y: z\", w]\n");
  CHECK_EQ(canonical("a: \"one\\ntwo\\n\"\n"), "a: |\n  one\n  two\n");
  std::string wide = "a:\n  - " + std::string(50, 'x') + "\n  - " +
                     std::string(50, 'y') + "\n";
  CHECK_EQ(canonical(wide), wide);
}

}  // namespace lathe
