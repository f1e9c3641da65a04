#pragma once
// The expression language: Python's operators and precedence over numbers,
// params, dims and tensors. This file has the tree and its readers; meaning is
// given where names are known (interpreter).

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "spec/diagnostic.h"
#include "spec/source.h"
#include "spec/yaml.h"

namespace lathe {

enum class AstKind : uint8_t {
  kInt,          // integer; a minus before a number is part of it
  kFloat,        // number; likewise
  kString,       // text
  kBool,         // integer (0 or 1)
  kNone,         // none, None
  kName,         // text: "x", or a dotted reference "block.mlp.weight"
  kUnary,        // text: "-" "+" "not" "~"; args: operand
  kBinary,       // text: "+" ... "@" "**" "==" "in" "not in" "and"; args: 2.
                 // `a < b < c` is `a < b and b < c`.
  kConditional,  // `a if c else b`; args: c, a, b
  kList,         // args: items
  kIndex,        // `x[i, j]`; args: x, then one per index
  kSlice,        // `a:b:c` inside an index; args: 3, null where left out
  kEllipsis,     // `...` inside an index
  kCall,         // args: callee, then positional; keywords: named arguments
  kField,        // `f(x).name`, text: name; args: base. Dots after a name are
                 // part of the kName.
  kTemplate,     // text with ${...}: args: kString and expressions in order
};

struct ExprAst;
using ExprRef = std::shared_ptr<const ExprAst>;

// `name=value` in a call.
struct KeywordArg {
  std::string name;
  SourceSpan span;  // of the name
  ExprRef value;
};

// An immutable node. Which members mean something: see AstKind.
struct ExprAst {
  AstKind kind = AstKind::kNone;
  SourceSpan span;
  std::string text;
  int64_t integer = 0;
  double number = 0;
  std::vector<ExprRef> args;
  std::vector<KeywordArg> keywords;
  SourceSpan operator_span;  // of a binary operator, or a field's name
  int depth = 1;             // levels of the tree from here down
};

// Limit on ExprAst::depth.
inline constexpr int kMaxExpressionDepth = 200;

// Reads a scalar as an expression. Adds errors (L03xx) and returns null if it
// is none, or if `node` is not a scalar.
ExprRef parse_expression(const YamlNode& node, Diagnostics& diagnostics);

// Reads a piece of text that stands in no file (the command line, a test).
ExprRef parse_expression(std::string_view text, Diagnostics& diagnostics);

// Reads a string field: `${...}` interpolates, `$${` is a plain `${`. Gives a
// kString if nothing is interpolated, else a kTemplate.
ExprRef parse_template(const YamlNode& node, Diagnostics& diagnostics);

// One dim of a tensor type: `...`, or an expression.
struct DimAst {
  bool ellipsis = false;
  ExprRef expr;  // null for an ellipsis
  SourceSpan span;
};

// `dtype[dims]`, with `?` behind it where it may be absent.
struct TensorTypeAst {
  std::string dtype;  // a dtype, a class (float, int, any) or a param's name
  SourceSpan dtype_span;
  std::vector<DimAst> dims;
  bool optional = false;
  SourceSpan span;
};

// Reads a tensor type; nothing after an error.
std::optional<TensorTypeAst> parse_tensor_type(const YamlNode& node,
                                               Diagnostics& diagnostics);

// A name with its place.
struct Name {
  std::string text;
  SourceSpan span;
};

// `a, b = expression`.
struct AssignAst {
  std::vector<Name> targets;
  ExprRef value;
  SourceSpan span;
};

// Reads an assignment. After an error there is no value, and nothing at all if
// it is not known what would be assigned.
std::optional<AssignAst> parse_assignment(const YamlNode& node,
                                          Diagnostics& diagnostics);

// Canonical text, which parses back to an equal tree: single spaces, the fewest
// parentheses, strings in single quotes.
std::string to_string(const ExprAst& expr);
std::string to_string(const TensorTypeAst& type);
std::string to_string(const AssignAst& assign);

// True if `text` is one of the reserved words: and or not in if else true false
// none, and Python's True False None.
bool is_reserved(std::string_view text);

}  // namespace lathe
