#include "spec/expression_parser.h"

#include <algorithm>
#include <map>

#include "spec/check.h"

namespace lathe {
namespace {

constexpr std::string_view kComparisons[] = {
    "==", "!=", "<", "<=", ">", ">=", "in", "not in"};

// What people write in other languages, and how it is written here.
std::string help_for(std::string_view op) {
  if (op == "=" || op == "is") return "`==` compares";
  if (op == "&&") return "write `and`";
  if (op == "||") return "write `or`";
  if (op == "!") return "write `not`";
  if (op == "?") return "write `a if condition else b`";
  if (op == "+=" || op == "-=" || op == "*=" || op == "/=") {
    return "write it out: `x = x + 1`";
  }
  return "";
}

// Several words and nothing else.
bool is_prose(std::string_view text) {
  bool blank = false;
  for (char c : text) {
    blank |= c == ' ';
    if (c != ' ' && !is_identifier(std::string_view(&c, 1))) return false;
  }
  return blank;
}

}  // namespace

int binary_precedence(std::string_view op) {
  static const std::map<std::string_view, int> table = {
      {"or", kPrecOr},     {"and", kPrecAnd},   {"|", kPrecBitOr},
      {"^", kPrecBitXor},  {"&", kPrecBitAnd},  {"<<", kPrecShift},
      {">>", kPrecShift},  {"+", kPrecSum},     {"-", kPrecSum},
      {"*", kPrecProduct}, {"/", kPrecProduct}, {"//", kPrecProduct},
      {"%", kPrecProduct}, {"@", kPrecProduct}, {"**", kPrecPower}};
  for (std::string_view comparison : kComparisons) {
    if (op == comparison) return kPrecComparison;
  }
  auto found = table.find(op);
  return found == table.end() ? 0 : found->second;
}

Token ExpressionParser::advance() {
  Token taken = std::move(token_);
  last_end_ = taken.end;
  token_ = lexer_.next();
  return taken;
}

bool ExpressionParser::take(std::string_view op) {
  if (!at(op)) return false;
  advance();
  return true;
}

void ExpressionParser::close(std::string_view bracket, const Token& opening) {
  if (take(bracket)) return;
  const YamlNode& node = lexer_.node();
  if (at(",")) {
    lexer_.fail("L0301", token_.begin, token_.end,
                cat({"`,` stands where `", bracket, "` should"}),
                "a list is `[a, b]`");
  }
  if (!at_end()) unexpected(cat({"`,` or `", bracket, "`"}));
  bool cut = node.flow && node.style == YamlStyle::kPlain;
  lexer_.fail("L0301", opening.begin, opening.end,
              cat({"this `", opening.text, "` is not closed"}),
              cut ? "put the text in quotes: inside [ ] and { } a comma or "
                    "bracket ends it"
                  : "");
}

void ExpressionParser::unexpected(const std::string& wanted) const {
  if (at_end()) {
    const YamlNode& node = lexer_.node();
    bool cut = node.flow && node.style == YamlStyle::kPlain;
    size_t last = std::min(last_end_, node.text.size());
    lexer_.fail("L0301", last, last,
                cat({"the text ends where ", wanted, " should stand"}),
                cut ? "put the text in quotes: inside [ ] and { } a comma or "
                      "bracket ends it"
                    : "");
  }
  const std::string& text = lexer_.node().text;
  std::string help = help_for(token_.text);
  if (help.empty() && is_prose(text)) {
    help = cat({"a text in an expression has quotes of its own: `\"'",
                text.size() > 40 ? "..." : text, "'\"`"});
  }
  lexer_.fail("L0301", token_.begin, token_.end,
              cat({backquoted(std::string_view(text).substr(
                       token_.begin, token_.end - token_.begin)),
                   " stands where ", wanted, " should"}),
              help);
}

void ExpressionParser::expect_end() const {
  if (!at_end()) unexpected("an operator or the end");
}

ExprRef ExpressionParser::finish(ExprAst node, const SourceSpan& span) const {
  node.span = span;
  for (const ExprRef& arg : node.args) {
    if (arg != nullptr) node.depth = std::max(node.depth, arg->depth + 1);
  }
  for (const KeywordArg& keyword : node.keywords) {
    node.depth = std::max(node.depth, keyword.value->depth + 1);
  }
  if (node.depth > kMaxExpressionDepth) {
    throw SyntaxError{{.code = "L0309",
                       .message = cat({"the expression is nested more than ",
                                       kMaxExpressionDepth, " levels deep"}),
                       .span = node.span,
                       .help = "give parts of it a name of their own"}};
  }
  return std::make_shared<ExprAst>(std::move(node));
}

ExprRef ExpressionParser::finish(ExprAst node, size_t begin) const {
  return finish(std::move(node), span(begin, last_end_));
}

ExprRef ExpressionParser::make_binary(const Token& op, std::string text,
                                      ExprRef left, ExprRef right) const {
  ExprAst node;
  node.kind = AstKind::kBinary;
  node.text = std::move(text);
  node.operator_span = span(op.begin, op.end);
  SourceSpan whole = join(left->span, right->span);
  node.args = {std::move(left), std::move(right)};
  return finish(std::move(node), whole);
}

// The depth of the tree is checked where nodes are made; this bounds the
// recursion on the way there.
void ExpressionParser::enter() {
  if (++nesting_ <= kMaxExpressionDepth) return;
  lexer_.fail("L0309", token_.begin, token_.end,
              cat({"the expression is nested more than ", kMaxExpressionDepth,
                   " levels deep"}),
              "give parts of it a name of their own");
}

ExprRef ExpressionParser::expression() {
  enter();
  ExprRef value = binary(kPrecOr);
  if (take("if")) {
    ExprAst node;
    node.kind = AstKind::kConditional;
    ExprRef condition = binary(kPrecOr);
    if (!take("else")) unexpected("`else`");
    ExprRef other = expression();
    SourceSpan whole = join(value->span, other->span);
    node.args = {std::move(condition), std::move(value), std::move(other)};
    value = finish(std::move(node), whole);
  }
  --nesting_;
  return value;
}

ExprRef ExpressionParser::binary(int lowest) {
  ExprRef left = unary();
  while (token_.kind == TokenKind::kOperator) {
    int precedence = binary_precedence(token_.text);
    if (token_.text == "not") precedence = kPrecComparison;  // `not in`
    if (precedence < lowest || precedence == kPrecPower) break;
    if (precedence == 0) break;
    if (precedence == kPrecComparison) {
      left = comparison_chain(std::move(left));
      continue;
    }
    Token op = advance();
    ExprRef right = binary(precedence + 1);
    left = make_binary(op, op.text, std::move(left), std::move(right));
  }
  return left;
}

std::string ExpressionParser::comparison_operator() {
  Token op = advance();
  if (op.text != "not") return op.text;
  if (!take("in")) unexpected("`in`");
  return "not in";
}

// a < b < c means a < b and b < c.
ExprRef ExpressionParser::comparison_chain(ExprRef left) {
  ExprRef all;
  Token joint;
  do {
    Token op = token_;
    std::string text = comparison_operator();
    ExprRef right = binary(kPrecComparison + 1);
    ExprRef one = make_binary(op, text, std::move(left), right);
    all = all == nullptr ? one : make_binary(op, "and", all, one);
    left = std::move(right);
  } while (token_.kind == TokenKind::kOperator &&
           (at("not") || binary_precedence(token_.text) == kPrecComparison));
  return all;
}

ExprRef ExpressionParser::unary() {
  bool is_not = at("not");
  if (!is_not && !at("-") && !at("+") && !at("~")) return power();
  enter();
  Token op = advance();
  if (op.text == "-" && token_.kind == TokenKind::kInt &&
      token_.integer == uint64_t{1} << 63) {
    --nesting_;
    return lowest_integer(op);
  }
  ExprRef operand = is_not ? binary(kPrecNot) : unary();
  --nesting_;
  ExprAst node;
  bool literal = operand->kind == AstKind::kInt && operand->integer >= 0;
  if (op.text == "-" && (literal || operand->kind == AstKind::kFloat)) {
    node.kind = operand->kind;
    node.integer = -operand->integer;
    node.number = -operand->number;
    return finish(std::move(node), op.begin);
  }
  node.kind = AstKind::kUnary;
  node.text = op.text;
  node.operator_span = span(op.begin, op.end);
  node.args = {std::move(operand)};
  return finish(std::move(node), op.begin);
}

// -2^63, whose magnitude is no integer; it stands alone, not before `**`.
ExprRef ExpressionParser::lowest_integer(const Token& minus) {
  Token digits = advance();
  if (at("**")) {
    lexer_.fail("L0305", digits.begin, digits.end,
                cat({backquoted(digits.text),
                     " is beyond the largest integer, 2^63 - 1"}));
  }
  ExprAst node;
  node.kind = AstKind::kInt;
  node.integer = INT64_MIN;
  return finish(std::move(node), minus.begin);
}

ExprRef ExpressionParser::power() {
  ExprRef base = postfix();
  if (!at("**")) return base;
  enter();
  Token op = advance();
  ExprRef exponent = unary();
  --nesting_;
  return make_binary(op, op.text, std::move(base), std::move(exponent));
}

}  // namespace lathe
