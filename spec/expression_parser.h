#pragma once
// The Pratt parser behind spec/expression.h. Internal to spec/expression*.

#include "spec/expression.h"
#include "spec/lexer.h"

namespace lathe {

// How strongly an operator binds; larger binds tighter. Python's order.
enum Precedence : int {
  kPrecConditional = 1,
  kPrecOr,
  kPrecAnd,
  kPrecNot,
  kPrecComparison,
  kPrecBitOr,
  kPrecBitXor,
  kPrecBitAnd,
  kPrecShift,
  kPrecSum,
  kPrecProduct,
  kPrecUnary,
  kPrecPower,
  kPrecPostfix,
};

// The precedence of a binary operator, or 0 if it is none.
int binary_precedence(std::string_view op);

// Reads from one scalar. All members throw SyntaxError.
class ExpressionParser {
 public:
  ExpressionParser(const YamlNode& node, size_t begin) : lexer_(node, begin) {
    advance();
  }

  // An expression; stops before the first token that cannot continue it.
  ExprRef expression();

  // Whether the next token is this operator.
  bool at(std::string_view op) const {
    return token_.kind == TokenKind::kOperator && token_.text == op;
  }
  bool at_end() const { return token_.kind == TokenKind::kEnd; }
  bool at_name() const { return token_.kind == TokenKind::kName; }
  const Token& token() const { return token_; }

  // Takes the next token. `take(op)` only if it is the operator.
  Token advance();
  bool take(std::string_view op);

  // Takes the bracket that closes the one at `opening`.
  void close(std::string_view bracket, const Token& opening);

  // Throws about the next token, which cannot stand where it does.
  [[noreturn]] void unexpected(const std::string& wanted) const;

  // Requires that nothing follows.
  void expect_end() const;

  // A dim list behind the opening bracket, up to the closing one.
  std::vector<DimAst> dims(const Token& opening);

  // A name without dots that is not reserved.
  Name plain_name(const std::string& role);

  SourceSpan span(size_t begin, size_t end) const {
    return lexer_.node().span_of(begin, end);
  }
  const Lexer& lexer() const { return lexer_; }

 private:
  ExprRef binary(int lowest);
  ExprRef comparison_chain(ExprRef left);
  ExprRef unary();
  ExprRef lowest_integer(const Token& minus);
  ExprRef power();
  ExprRef postfix();
  ExprRef primary();
  ExprRef call(ExprRef callee);
  ExprRef index(ExprRef base);
  ExprRef index_item();
  ExprRef list();
  std::string comparison_operator();
  void enter();
  ExprRef finish(ExprAst node, size_t begin) const;
  ExprRef finish(ExprAst node, const SourceSpan& span) const;
  ExprRef make_binary(const Token& op, std::string text, ExprRef left,
                      ExprRef right) const;

  Lexer lexer_;
  Token token_;          // the next one
  size_t last_end_ = 0;  // end of the last one taken
  int nesting_ = 0;
};

}  // namespace lathe
