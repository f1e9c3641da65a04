// Canonical text of expressions, types and assignments.
#include <charconv>
#include <cmath>

#include "spec/check.h"
#include "spec/expression.h"
#include "spec/expression_parser.h"

namespace lathe {
namespace {

std::string float_text(double value) {
  char buffer[40];
  auto end = std::to_chars(buffer, buffer + sizeof(buffer), value).ptr;
  std::string text(buffer, end);
  bool has_point = text.find_first_of(".en") != std::string::npos;
  return has_point ? text : text + ".0";
}

std::string string_text(const std::string& value) {
  std::string out = "'";
  for (char c : value) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else {
      if (c == '\'' || c == '\\') out += '\\';
      out += c;
    }
  }
  return out + "'";
}

int precedence_of(const ExprAst& expr) {
  switch (expr.kind) {
    case AstKind::kInt:
      return expr.integer < 0 ? kPrecUnary : kPrecPostfix;
    case AstKind::kFloat:
      return std::signbit(expr.number) ? kPrecUnary : kPrecPostfix;
    case AstKind::kUnary:
      return expr.text == "not" ? kPrecNot : kPrecUnary;
    case AstKind::kBinary:
      return binary_precedence(expr.text);
    case AstKind::kConditional:
      return kPrecConditional;
    case AstKind::kString:
    case AstKind::kBool:
    case AstKind::kNone:
    case AstKind::kName:
    case AstKind::kList:
    case AstKind::kIndex:
    case AstKind::kSlice:
    case AstKind::kEllipsis:
    case AstKind::kCall:
    case AstKind::kField:
    case AstKind::kTemplate:
      return kPrecPostfix;
  }
  return kPrecPostfix;
}

// The text, in parentheses if it binds less tightly than `lowest`.
std::string print(const ExprAst& expr, int lowest) {
  std::string text = to_string(expr);
  return precedence_of(expr) < lowest ? "(" + text + ")" : text;
}

std::string print_binary(const ExprAst& expr) {
  int precedence = binary_precedence(expr.text);
  // ** binds to the right; comparisons do not nest without parentheses.
  bool power = expr.text == "**";
  bool chain = precedence == kPrecComparison;
  int left = power ? kPrecPostfix : chain ? precedence + 1 : precedence;
  int right = power ? kPrecUnary : precedence + 1;
  return cat({print(*expr.args[0], left), " ", expr.text, " ",
              print(*expr.args[1], right)});
}

std::string print_items(const ExprAst& expr, size_t first) {
  std::vector<std::string> items;
  for (size_t i = first; i < expr.args.size(); ++i) {
    items.push_back(to_string(*expr.args[i]));
  }
  for (const KeywordArg& keyword : expr.keywords) {
    items.push_back(cat({keyword.name, "=", to_string(*keyword.value)}));
  }
  return join(items, ", ");
}

std::string print_slice(const ExprAst& expr) {
  auto part = [&expr](size_t i) {
    return expr.args[i] == nullptr ? "" : to_string(*expr.args[i]);
  };
  std::string text = cat({part(0), ":", part(1)});
  return expr.args[2] == nullptr ? text : cat({text, ":", part(2)});
}

std::string print_template(const ExprAst& expr) {
  std::string out;
  for (const ExprRef& part : expr.args) {
    if (part->kind != AstKind::kString) {
      out += cat({"${", to_string(*part), "}"});
      continue;
    }
    for (size_t i = 0; i < part->text.size(); ++i) {
      if (part->text.compare(i, 2, "${") == 0) out += '$';
      out += part->text[i];
    }
  }
  return out;
}

}  // namespace

std::string to_string(const ExprAst& expr) {
  switch (expr.kind) {
    case AstKind::kInt:
      return std::to_string(expr.integer);
    case AstKind::kFloat:
      return float_text(expr.number);
    case AstKind::kString:
      return string_text(expr.text);
    case AstKind::kBool:
      return expr.integer != 0 ? "true" : "false";
    case AstKind::kNone:
      return "none";
    case AstKind::kName:
      return expr.text;
    case AstKind::kUnary:
      return expr.text == "not"
                 ? cat({"not ", print(*expr.args[0], kPrecNot)})
                 : cat({expr.text, print(*expr.args[0], kPrecUnary)});
    case AstKind::kBinary:
      return print_binary(expr);
    case AstKind::kConditional:
      return cat({print(*expr.args[1], kPrecOr), " if ",
                  print(*expr.args[0], kPrecOr), " else ",
                  print(*expr.args[2], kPrecConditional)});
    case AstKind::kList:
      return cat({"[", print_items(expr, 0), "]"});
    case AstKind::kIndex:
      return cat(
          {print(*expr.args[0], kPrecPostfix), "[", print_items(expr, 1), "]"});
    case AstKind::kSlice:
      return print_slice(expr);
    case AstKind::kEllipsis:
      return "...";
    case AstKind::kCall:
      return cat(
          {print(*expr.args[0], kPrecPostfix), "(", print_items(expr, 1), ")"});
    case AstKind::kField: {
      // `1.x` would be a number.
      const ExprAst& base = *expr.args[0];
      bool number = base.kind == AstKind::kInt || base.kind == AstKind::kFloat;
      return cat({print(base, number ? kPrecPostfix + 1 : kPrecPostfix), ".",
                  expr.text});
    }
    case AstKind::kTemplate:
      return print_template(expr);
  }
  return "";
}

std::string to_string(const TensorTypeAst& type) {
  std::vector<std::string> dims;
  for (const DimAst& dim : type.dims) {
    dims.push_back(dim.ellipsis ? "..." : to_string(*dim.expr));
  }
  return cat(
      {type.dtype, "[", join(dims, ", "), "]", type.optional ? "?" : ""});
}

std::string to_string(const AssignAst& assign) {
  std::vector<std::string> targets;
  for (const Name& target : assign.targets) targets.push_back(target.text);
  return cat({join(targets, ", "), " = ", to_string(*assign.value)});
}

}  // namespace lathe
