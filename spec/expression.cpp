#include "spec/expression.h"

#include <algorithm>

#include "spec/check.h"
#include "spec/expression_parser.h"

namespace lathe {
namespace {

// Runs `read` and turns a SyntaxError into a message.
template <typename Read>
auto guarded(const YamlNode& node, Diagnostics& diagnostics,
             std::string_view wanted, Read read)
    -> std::optional<decltype(read())> {
  if (!node.is_scalar()) {
    diagnostics.error(
        "L0205", node.span,
        cat({wanted, " should stand here, not ", kind_name(node.kind)}));
    return std::nullopt;
  }
  try {
    return read();
  } catch (SyntaxError& error) {
    diagnostics.add(std::move(error.diagnostic));
    return std::nullopt;
  }
}

ExprRef string_part(const YamlNode& node, std::string text, size_t begin,
                    size_t end) {
  auto part = std::make_shared<ExprAst>();
  part->kind = AstKind::kString;
  part->text = std::move(text);
  part->span = node.span_of(begin, end);
  return part;
}

// `text` and ${expressions} of a string field, in order.
std::vector<ExprRef> template_parts(const YamlNode& node) {
  std::vector<ExprRef> parts;
  const std::string& text = node.text;
  std::string plain;
  size_t plain_begin = 0;
  size_t i = 0;
  auto flush = [&](size_t end) {
    if (!plain.empty()) {
      parts.push_back(string_part(node, std::move(plain), plain_begin, end));
    }
    plain.clear();
  };
  while (i < text.size()) {
    if (text.compare(i, 3, "$${") == 0) {
      plain += "${";
      i += 3;
    } else if (text.compare(i, 2, "${") == 0) {
      flush(i);
      ExpressionParser parser(node, i + 2);
      if (parser.at_end()) {
        parser.lexer().fail("L0306", i, i + 2, "this `${` is not closed");
      }
      ExprRef value = parser.expression();
      if (!parser.at("}")) {
        if (!parser.at_end()) parser.unexpected("`}`");
        parser.lexer().fail("L0306", i, i + 2, "this `${` is not closed");
      }
      parts.push_back(std::move(value));
      // The token behind the brace is text, not part of an expression.
      i = parser.token().end;
      plain_begin = i;
    } else {
      plain += text[i++];
    }
  }
  flush(text.size());
  return parts;
}

}  // namespace

std::vector<DimAst> ExpressionParser::dims(const Token& opening) {
  std::vector<DimAst> out;
  while (!at("]")) {
    DimAst dim;
    size_t begin = token_.begin;
    if (take("...")) {
      dim.ellipsis = true;
      dim.span = span(begin, last_end_);
      for (const DimAst& other : out) {
        if (other.ellipsis) {
          lexer_.fail("L0307", begin, last_end_,
                      "a tensor type has at most one `...`");
        }
      }
    } else {
      dim.expr = expression();
      dim.span = dim.expr->span;
    }
    out.push_back(std::move(dim));
    if (!take(",")) break;
  }
  close("]", opening);
  return out;
}

Name ExpressionParser::plain_name(const std::string& role) {
  if (!at_name()) {
    bool word = token_.kind == TokenKind::kOperator && is_reserved(token_.text);
    if (word) {
      lexer_.fail("L0303", token_.begin, token_.end,
                  cat({backquoted(token_.text), " is a reserved word"}));
    }
    unexpected(role);
  }
  if (is_reserved(token_.text)) {
    lexer_.fail("L0303", token_.begin, token_.end,
                cat({backquoted(token_.text), " is a reserved word"}));
  }
  if (!is_identifier(token_.text)) {
    lexer_.fail("L0302", token_.begin, token_.end,
                cat({backquoted(token_.text), " cannot be assigned"}),
                "assigned names have no dots");
  }
  Token token = advance();
  return {token.text, span(token.begin, token.end)};
}

ExprRef parse_expression(const YamlNode& node, Diagnostics& diagnostics) {
  auto read = [&node] {
    ExpressionParser parser(node, 0);
    ExprRef value = parser.expression();
    parser.expect_end();
    return value;
  };
  return guarded(node, diagnostics, "an expression", read).value_or(nullptr);
}

ExprRef parse_expression(std::string_view text, Diagnostics& diagnostics) {
  SourceRef file = make_source("the command line", std::string(text));
  YamlRef node = make_scalar(std::string(text),
                             {file, 0, static_cast<uint32_t>(text.size())});
  return parse_expression(*node, diagnostics);
}

ExprRef parse_template(const YamlNode& node, Diagnostics& diagnostics) {
  auto read = [&node]() -> ExprRef {
    std::vector<ExprRef> parts = template_parts(node);
    if (parts.empty()) return string_part(node, "", 0, node.text.size());
    bool plain = parts.size() == 1 && parts[0]->kind == AstKind::kString;
    if (plain && node.text.find("${") == std::string::npos) return parts[0];
    auto whole = std::make_shared<ExprAst>();
    whole->kind = AstKind::kTemplate;
    whole->span = node.span;
    for (const ExprRef& part : parts) {
      whole->depth = std::max(whole->depth, part->depth + 1);
    }
    whole->args = std::move(parts);
    return whole;
  };
  return guarded(node, diagnostics, "text", read).value_or(nullptr);
}

std::optional<TensorTypeAst> parse_tensor_type(const YamlNode& node,
                                               Diagnostics& diagnostics) {
  auto read = [&node] {
    ExpressionParser parser(node, 0);
    TensorTypeAst type;
    if (!parser.at_name() || is_reserved(parser.token().text)) {
      parser.unexpected("a dtype");
    }
    Token name = parser.advance();
    type.dtype = name.text;
    type.dtype_span = parser.span(name.begin, name.end);
    if (!parser.at("[")) {
      if (!parser.at_end()) parser.unexpected("`[`");
      parser.lexer().fail(
          "L0307", name.begin, name.end, "the dims of this tensor are missing",
          cat({"write `", name.text, "[...]` with the dims in brackets, `",
               name.text, "[]` for a single value"}));
    }
    Token opening = parser.advance();
    type.dims = parser.dims(opening);
    type.optional = parser.take("?");
    type.span = node.span_of(0, node.text.size());
    if (!parser.at_end()) parser.unexpected("the end of the type");
    return type;
  };
  return guarded(node, diagnostics, "a tensor type", read);
}

std::optional<AssignAst> parse_assignment(const YamlNode& node,
                                          Diagnostics& diagnostics) {
  AssignAst assign;
  assign.span = node.span;
  auto read = [&node, &assign] {
    // Without `=` outside of brackets, the text is no assignment at all.
    Lexer lexer(node, 0);
    int depth = 0;
    bool assigns = false;
    for (Token t = lexer.next(); t.kind != TokenKind::kEnd; t = lexer.next()) {
      if (t.kind != TokenKind::kOperator) continue;
      if (t.text == "(" || t.text == "[") ++depth;
      if (t.text == ")" || t.text == "]") --depth;
      if (t.text.back() == '=' && depth == 0) assigns = true;
    }
    if (!assigns) {
      lexer.fail("L0310", 0, node.text.size(), "this statement assigns nothing",
                 "write `name = expression`");
    }
    ExpressionParser parser(node, 0);
    do {
      assign.targets.push_back(parser.plain_name("a name to assign"));
    } while (parser.take(","));
    if (!parser.take("=")) parser.unexpected("`=` or `,`");
    ExprRef value = parser.expression();
    parser.expect_end();
    assign.value = std::move(value);
    return true;
  };
  guarded(node, diagnostics, "a statement", read);
  if (assign.targets.empty()) return std::nullopt;
  return assign;
}

bool is_reserved(std::string_view text) {
  constexpr std::string_view kWords[] = {"and",  "or",   "not",   "in",
                                         "if",   "else", "true",  "false",
                                         "none", "True", "False", "None"};
  return std::find(std::begin(kWords), std::end(kWords), text) !=
         std::end(kWords);
}

}  // namespace lathe
