#include "spec/expression.h"

#include <doctest/doctest.h>

#include <random>

#include "spec/text.h"

namespace lathe {
namespace {

// The canonical text, or the messages without their places.
std::string canonical(const std::string& text) {
  Diagnostics diagnostics;
  ExprRef expr = parse_expression(text, diagnostics);
  if (expr == nullptr) return diagnostics.sorted().front().message;
  return to_string(*expr);
}

// The tree, fully in parentheses.
std::string ast_text(const ExprAst& expr) {
  std::string out;
  auto all = [](const ExprAst& e, size_t first) {
    std::vector<std::string> parts;
    for (size_t i = first; i < e.args.size(); ++i) {
      parts.push_back(e.args[i] == nullptr ? "_" : ast_text(*e.args[i]));
    }
    for (const KeywordArg& keyword : e.keywords) {
      parts.push_back(cat({keyword.name, "=", ast_text(*keyword.value)}));
    }
    return join(parts, " ");
  };
  switch (expr.kind) {
    case AstKind::kUnary:
    case AstKind::kBinary:
      return cat({"(", expr.text, " ", all(expr, 0), ")"});
    case AstKind::kConditional:
      return cat({"(if ", all(expr, 0), ")"});
    case AstKind::kList:
      return cat({"[", all(expr, 0), "]"});
    case AstKind::kIndex:
      return cat({"(at ", all(expr, 0), ")"});
    case AstKind::kSlice:
      return cat({"(slice ", all(expr, 0), ")"});
    case AstKind::kCall:
      return cat({"(call ", all(expr, 0), ")"});
    case AstKind::kField:
      return cat({"(field ", all(expr, 0), " ", expr.text, ")"});
    case AstKind::kTemplate:
      return cat({"(template ", all(expr, 0), ")"});
    case AstKind::kInt:
    case AstKind::kFloat:
    case AstKind::kString:
    case AstKind::kBool:
    case AstKind::kNone:
    case AstKind::kName:
    case AstKind::kEllipsis:
      return to_string(expr);
  }
  return "";
}

std::string ast_of(const std::string& text) {
  Diagnostics diagnostics;
  ExprRef expr = parse_expression(text, diagnostics);
  if (expr == nullptr) return diagnostics.sorted().front().message;
  return ast_text(*expr);
}

std::string template_of(const std::string& text) {
  Diagnostics diagnostics;
  ExprRef expr = parse_template(*make_scalar(text), diagnostics);
  if (expr == nullptr) return diagnostics.sorted().front().message;
  return ast_text(*expr);
}

std::string type_of(const std::string& text) {
  Diagnostics diagnostics;
  auto type = parse_tensor_type(*make_scalar(text), diagnostics);
  return type ? to_string(*type) : diagnostics.sorted().front().message;
}

std::string assign_of(const std::string& text) {
  Diagnostics diagnostics;
  auto assign = parse_assignment(*make_scalar(text), diagnostics);
  const bool good = assign && assign->value != nullptr;
  return good ? to_string(*assign) : diagnostics.sorted().front().message;
}

}  // namespace

TEST_CASE("expression: operators bind as in Python") {
  const std::pair<std::string, std::string> cases[] = {
      {"1 + 2 * 3", "(+ 1 (* 2 3))"},
      {"1 - 2 - 3", "(- (- 1 2) 3)"},
      {"a * b / c // d % e @ f", "(@ (% (// (/ (* a b) c) d) e) f)"},
      {"2 ** 3 ** 4", "(** 2 (** 3 4))"},
      {"-2 ** 2", "(- (** 2 2))"},
      {"2 ** -1", "(** 2 -1)"},
      {"-x[0]", "(- (at x 0))"},
      {"-2", "-2"},
      {"- 2.5", "-2.5"},
      {"--2", "(- -2)"},
      {"-(2)", "-2"},
      {"not a == b", "(not (== a b))"},
      {"not a and b or c", "(or (and (not a) b) c)"},
      {"a or b and c", "(or a (and b c))"},
      {"a < b < c", "(and (< a b) (< b c))"},
      {"a < b == c in d", "(and (and (< a b) (== b c)) (in c d))"},
      {"a not in b", "(not in a b)"},
      {"a in [1, 2] and b", "(and (in a [1 2]) b)"},
      {"a | b ^ c & d << 1 + 2", "(| a (^ b (& c (<< d (+ 1 2)))))"},
      {"~a + b", "(+ (~ a) b)"},
      {"a if b else c if d else e", "(if b a (if d c e))"},
      {"a + 1 if b or c else d", "(if (or b c) (+ a 1) d)"},
      {"(a if b else c) + 1", "(+ (if b a c) 1)"},
      {"x @ transpose(w) + b", "(+ (@ x (call transpose w)) b)"},
  };
  for (const auto& row : cases) {
    CAPTURE(row.first);
    CHECK_EQ(ast_of(row.first), row.second);
  }
}

TEST_CASE("expression: names, calls, indexing and fields") {
  const std::pair<std::string, std::string> cases[] = {
      {"block.mlp.weight", "block.mlp.weight"},
      {"blocks.0.norm(x)", "(call blocks.0.norm x)"},
      {"name[2](x)", "(call (at name 2) x)"},
      {"x[..., :half]", "(at x ... (slice _ half _))"},
      {"x[1:, ::2, a:b:c]",
       "(at x (slice 1 _ _) (slice _ _ 2) "
       "(slice a b c))"},
      {"x[:, None, none]", "(at x (slice _ _ _) none none)"},
      {"f(x, axis=-1, keepdims=false)", "(call f x axis=-1 keepdims=false)"},
      {"f(x)[0].w.b", "(field (field (at (call f x) 0) w) b)"},
      {"f()", "(call f)"},
      {"f(a,)", "(call f a)"},
      {"[]", "[]"},
      {"[1, [2], 'a',]", "[1 [2] 'a']"},
      {"true == True", "(== true true)"},
      {"'it\\'s' + \"a\\nb\"", "(+ 'it\\'s' 'a\\nb')"},
      {"x.if", "x.if"},
      {"1.5e-3 + .5 + 2. + 1e5", "(+ (+ (+ 0.0015 0.5) 2.0) 1e+05)"},
      {"x[1...]", "`...` stands where `,` or `]` should"},
  };
  for (const auto& row : cases) {
    CAPTURE(row.first);
    CHECK_EQ(ast_of(row.first), row.second);
  }
}

TEST_CASE("expression: canonical text has the fewest parentheses") {
  CHECK_EQ(canonical("((a))+(b*c)"), "a + b * c");
  CHECK_EQ(canonical("(a+b)*c"), "(a + b) * c");
  CHECK_EQ(canonical("a-(b-c)"), "a - (b - c)");
  CHECK_EQ(canonical("(a-b)-c"), "a - b - c");
  CHECK_EQ(canonical("(-2)**2"), "(-2) ** 2");
  CHECK_EQ(canonical("-(2**2)"), "-2 ** 2");
  CHECK_EQ(canonical("-(2)"), "-2");
  CHECK_EQ(canonical("(a<b)==c"), "(a < b) == c");
  CHECK_EQ(canonical("(not a) in b"), "(not a) in b");
  CHECK_EQ(canonical("(a if b else c) if d else e"),
           "(a if b else c) if d else e");
  CHECK_EQ(canonical("( x [ 1 : 2 , ... ] )"), "x[1:2, ...]");
  CHECK_EQ(canonical("f( a , k = 1 if b else 2 )"), "f(a, k=1 if b else 2)");
}

TEST_CASE("expression: limits of numbers") {
  CHECK_EQ(canonical("9223372036854775807"), "9223372036854775807");
  CHECK_EQ(canonical("-9223372036854775808"), "-9223372036854775808");
  CHECK_EQ(canonical("9223372036854775808"),
           "`9223372036854775808` is beyond the largest integer, 2^63 - 1");
  CHECK_EQ(canonical("-9223372036854775808 ** 2"),
           "`9223372036854775808` is beyond the largest integer, 2^63 - 1");
  CHECK_EQ(canonical("0.1"), "0.1");
  CHECK_EQ(canonical("1e300 * 10"), "1e+300 * 10");
  CHECK_EQ(canonical("1e999"), "`1e999` is out of the range of float64");
}

TEST_CASE("expression: depth is limited, not the stack") {
  auto nested = [](int n) {
    return std::string(static_cast<size_t>(n), '(') + "x" +
           std::string(static_cast<size_t>(n), ')');
  };
  CHECK_EQ(canonical(nested(199)), "x");
  const std::string too_deep =
      "the expression is nested more than 200 levels deep";
  CHECK_EQ(canonical(nested(200)), too_deep);
  CHECK_EQ(canonical(nested(100000)), too_deep);
  CHECK_EQ(canonical(std::string(100000, '-') + "x"), too_deep);
  std::string sum = "x";
  for (int i = 0; i < 199; ++i) sum += " + x";
  CHECK_EQ(canonical(sum), sum);
  CHECK_EQ(canonical(sum + " + x"), too_deep);
  std::string powers = "x";
  for (int i = 0; i < 100000; ++i) powers += "**x";
  CHECK_EQ(canonical(powers), too_deep);
}

TEST_CASE("expression: spans point into the file, also from quotes") {
  SourceRef file =
      make_source("t.yaml", "a: \"x +\\\n   foo(\\u0061, 'b')\"\n");
  Diagnostics diagnostics;
  YamlRef node = parse_yaml(file, diagnostics).root->find("a")->value;
  ExprRef expr = parse_expression(*node, diagnostics);
  REQUIRE_EQ(render(diagnostics.sorted()), "");
  CHECK_EQ(expr->span.line(), 1);
  CHECK_EQ(expr->operator_span.text(), "+");
  const ExprAst& call = *expr->args[1];
  CHECK_EQ(call.args[0]->span.text(), "foo");
  CHECK_EQ(call.args[0]->span.line(), 2);
  CHECK_EQ(call.args[1]->text, "a");
  CHECK_EQ(call.args[2]->span.text(), "'b'");
}

TEST_CASE("expression: ${...} puts values into texts") {
  CHECK_EQ(template_of("plain"), "'plain'");
  CHECK_EQ(template_of(""), "''");
  CHECK_EQ(template_of("a ${x + 1} b"), "(template 'a ' (+ x 1) ' b')");
  CHECK_EQ(template_of("${x}"), "(template x)");
  CHECK_EQ(template_of("${x}${y}"), "(template x y)");
  CHECK_EQ(template_of("cost: 5$ or $x"), "'cost: 5$ or $x'");
  CHECK_EQ(template_of("$${x}"), "(template '${x}')");
  CHECK_EQ(template_of("${'}'}"), "(template '}')");
  CHECK_EQ(template_of("${x"), "this `${` is not closed");
  CHECK_EQ(template_of("${}"), "`}` stands where a value should");
  CHECK_EQ(template_of("${x y}"), "`y` stands where `}` should");
}

TEST_CASE("expression: tensor types") {
  CHECK_EQ(type_of("float32[B,T, 64]"), "float32[B, T, 64]");
  CHECK_EQ(type_of("float[..., 2*dim]"), "float[..., 2 * dim]");
  CHECK_EQ(type_of("int64[ ]"), "int64[]");
  CHECK_EQ(type_of("any[...]?"), "any[...]?");
  CHECK_EQ(type_of("cfg.dtype[n]"), "cfg.dtype[n]");
  CHECK_EQ(type_of("float32"), "the dims of this tensor are missing");
  CHECK_EQ(type_of("float32[..., a, ...]"),
           "a tensor type has at most one `...`");
  CHECK_EQ(type_of("[B]"), "`[` stands where a dtype should");
  CHECK_EQ(type_of("none[B]"), "`none` stands where a dtype should");
}

TEST_CASE("expression: assignments") {
  CHECK_EQ(assign_of("y=x"), "y = x");
  CHECK_EQ(assign_of("a , b = split(x,2)"), "a, b = split(x, 2)");
  CHECK_EQ(assign_of("y = a == b"), "y = a == b");
  CHECK_EQ(assign_of("y = f(a=1)"), "y = f(a=1)");
  CHECK_EQ(assign_of("f(a=1)"), "this statement assigns nothing");
  CHECK_EQ(assign_of("y = x = z"),
           "`=` stands where an operator or the end should");
  CHECK_EQ(assign_of("a, = x"), "`=` stands where a name to assign should");
}

namespace {

ExprRef node_of(AstKind kind, std::string text, std::vector<ExprRef> args) {
  auto node = std::make_shared<ExprAst>();
  node->kind = kind;
  node->text = std::move(text);
  node->args = std::move(args);
  return node;
}

ExprRef random_leaf(std::mt19937& random) {
  auto node = std::make_shared<ExprAst>();
  switch (random() % 5) {
    case 0:
      node->kind = AstKind::kInt;
      node->integer = static_cast<int64_t>(random() % 7) - 3;
      break;
    case 1:
      node->kind = AstKind::kFloat;
      node->number = static_cast<double>(random() % 9) / 4 - 1;
      break;
    case 2:
      node->kind = AstKind::kString;
      node->text = random() % 2 ? "a'b\\\n" : "";
      break;
    case 3:
      node->kind = AstKind::kNone;
      break;
    default:
      node->kind = AstKind::kName;
      node->text = random() % 2 ? "x" : "a.b.0";
  }
  return node;
}

ExprRef random_expr(std::mt19937& random, int depth) {
  constexpr const char* kOperators[] = {"or", "and", "==", "<",  "in", "not in",
                                        "|",  "^",   "&",  "<<", "+",  "-",
                                        "*",  "/",   "//", "%",  "@",  "**"};
  if (depth == 0) return random_leaf(random);
  auto child = [&] { return random_expr(random, depth - 1); };
  switch (random() % 8) {
    case 0:
      return node_of(AstKind::kConditional, "", {child(), child(), child()});
    case 1: {
      ExprRef operand = child();
      bool number =
          operand->kind == AstKind::kInt || operand->kind == AstKind::kFloat;
      // A minus before a number is part of it.
      const char* ops[] = {"+", "~", "not", "-"};
      return node_of(AstKind::kUnary, ops[random() % (number ? 3 : 4)],
                     {operand});
    }
    case 2:
      return node_of(AstKind::kList, "", {child(), child()});
    case 3: {
      ExprRef slice =
          node_of(AstKind::kSlice, "",
                  {child(), nullptr, random() % 2 ? child() : nullptr});
      return node_of(AstKind::kIndex, "",
                     {child(), slice, node_of(AstKind::kEllipsis, "", {})});
    }
    case 4:
      return node_of(AstKind::kCall, "", {child(), child()});
    default:
      return node_of(AstKind::kBinary, kOperators[random() % 18],
                     {child(), child()});
  }
}

}  // namespace

TEST_CASE("expression: what is printed parses to the same tree") {
  std::mt19937 random(11);
  for (int i = 0; i < 5000; ++i) {
    ExprRef expr = random_expr(random, 1 + static_cast<int>(random() % 4));
    std::string text = to_string(*expr);
    CAPTURE(text);
    REQUIRE_EQ(ast_of(text), ast_text(*expr));
  }
}

}  // namespace lathe
