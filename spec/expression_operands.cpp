// The operands of operators: literals, names, lists, and what follows them
// (calls, indices, fields).
#include "spec/check.h"
#include "spec/expression_parser.h"

namespace lathe {

ExprRef ExpressionParser::postfix() {
  ExprRef value = primary();
  while (true) {
    if (at("(")) {
      value = call(std::move(value));
    } else if (at("[")) {
      value = index(std::move(value));
    } else if (at(".")) {
      advance();
      if (!at_name()) unexpected("the name of a field");
      size_t begin = token_.begin;
      for (const std::string& part : split(advance().text, '.')) {
        ExprAst node;
        node.kind = AstKind::kField;
        node.text = part;
        node.operator_span = span(begin, begin + part.size());
        begin += part.size() + 1;
        SourceSpan whole = join(value->span, node.operator_span);
        node.args = {std::move(value)};
        value = finish(std::move(node), whole);
      }
    } else {
      return value;
    }
  }
}

ExprRef ExpressionParser::primary() {
  size_t begin = token_.begin;
  ExprAst node;
  switch (token_.kind) {
    case TokenKind::kInt:
      if (token_.integer > static_cast<uint64_t>(INT64_MAX)) {
        lexer_.fail("L0305", token_.begin, token_.end,
                    cat({backquoted(token_.text),
                         " is beyond the largest integer, 2^63 - 1"}));
      }
      node.kind = AstKind::kInt;
      node.integer = static_cast<int64_t>(advance().integer);
      return finish(std::move(node), begin);
    case TokenKind::kFloat:
      node.kind = AstKind::kFloat;
      node.number = advance().number;
      return finish(std::move(node), begin);
    case TokenKind::kString:
      node.kind = AstKind::kString;
      node.text = advance().text;
      return finish(std::move(node), begin);
    case TokenKind::kName: {
      std::string name = advance().text;
      bool truth = name == "true" || name == "True";
      if (truth || name == "false" || name == "False") {
        node.kind = AstKind::kBool;
        node.integer = truth ? 1 : 0;
      } else if (name == "none" || name == "None") {
        node.kind = AstKind::kNone;
      } else {
        node.kind = AstKind::kName;
        node.text = std::move(name);
      }
      return finish(std::move(node), begin);
    }
    case TokenKind::kOperator:
      break;
    case TokenKind::kEnd:
      unexpected("a value");
  }
  if (at("[")) return list();
  if (!at("(")) unexpected("a value");
  Token opening = advance();
  ExprRef inner = expression();
  close(")", opening);
  return inner;
}

ExprRef ExpressionParser::list() {
  Token opening = advance();
  ExprAst node;
  node.kind = AstKind::kList;
  while (!at("]")) {
    node.args.push_back(expression());
    if (!take(",")) break;
  }
  close("]", opening);
  return finish(std::move(node), opening.begin);
}

ExprRef ExpressionParser::call(ExprRef callee) {
  Token opening = advance();
  ExprAst node;
  node.kind = AstKind::kCall;
  SourceSpan start = callee->span;
  node.args.push_back(std::move(callee));
  while (!at(")")) {
    bool single = at_name();
    Token first = token_;
    ExprRef value = expression();
    if (at("=") && single && value->kind == AstKind::kName) {
      advance();
      if (!is_identifier(value->text)) {
        lexer_.fail("L0302", first.begin, first.end,
                    cat({backquoted(value->text),
                         " cannot be the name of an argument"}));
      }
      for (const KeywordArg& earlier : node.keywords) {
        if (earlier.name == value->text) {
          lexer_.fail("L0301", first.begin, first.end,
                      cat({"the argument `", value->text, "` is given twice"}));
        }
      }
      node.keywords.push_back({value->text, value->span, expression()});
    } else if (!node.keywords.empty()) {
      lexer_.fail("L0301", first.begin, last_end_,
                  "an argument without a name follows one with a name");
    } else {
      node.args.push_back(std::move(value));
    }
    if (!take(",")) break;
  }
  close(")", opening);
  return finish(std::move(node), join(start, span(opening.begin, last_end_)));
}

ExprRef ExpressionParser::index(ExprRef base) {
  Token opening = advance();
  ExprAst node;
  node.kind = AstKind::kIndex;
  SourceSpan start = base->span;
  node.args.push_back(std::move(base));
  while (!at("]")) {
    node.args.push_back(index_item());
    if (!take(",")) break;
  }
  if (node.args.size() == 1 && at("]")) unexpected("an index");
  close("]", opening);
  return finish(std::move(node), join(start, span(opening.begin, last_end_)));
}

// An expression, `...`, or a slice `a:b:c` of which any part may be missing.
ExprRef ExpressionParser::index_item() {
  size_t begin = token_.begin;
  ExprAst node;
  if (take("...")) {
    node.kind = AstKind::kEllipsis;
    return finish(std::move(node), begin);
  }
  ExprRef first;
  if (!at(":")) first = expression();
  if (!at(":")) return first;
  node.kind = AstKind::kSlice;
  node.args.push_back(std::move(first));
  while (node.args.size() < 3 && take(":")) {
    bool empty = at(":") || at(",") || at("]");
    node.args.push_back(empty ? nullptr : expression());
  }
  node.args.resize(3);
  return finish(std::move(node), begin);
}

}  // namespace lathe
