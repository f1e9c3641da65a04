#pragma once
// Ops: each defined once, by a row in the registry with its name, manual,
// signature, definition and samples. Definitions are index expressions, so
// the shape rule, the reference result and every kernel come from here.
//
// An op is registered before main by a RegisterOp at namespace scope in
// layers/ (linked whole). Everything else looks ops up by name and never
// branches on one.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "interpreter/expr.h"
#include "interpreter/graph.h"
#include "spec/source.h"

namespace lathe {

// An argument of a call. Integers and dims are both Dim; an Expr is a number
// computed from dims. A tensor parameter also takes a number, a dim or a bool:
// then it is weak and takes the dtype of the tensors beside it.
struct TensorArg {
  ValueId value = -1;
};
struct OpArg;
using OpArgs = std::vector<OpArg>;
struct OpArg {
  // monostate: none, or left out
  std::variant<std::monostate, bool, Dim, double, Expr, std::string, DType,
               TensorArg, OpArgs>
      value;
  SourceSpan span;
};

// What a parameter takes; from the signature string.
enum class OpParamKind : uint8_t {
  kTensor,   // x: float[*s]
  kTensors,  // xs: any[...]...   (a list of tensors)
  kInt,      // axis: int
  kInts,     // dims: ints        (a list, or one integer)
  kFloat,
  kBool,
  kString,
  kDType,
  kNumbers,  // a number, or a (nested) list of numbers
};

struct OpParam {
  std::string name;
  OpParamKind kind = OpParamKind::kTensor;
  std::string type_text;    // as written: "float[*s]"
  std::string dtype_class;  // of tensors: any float int bool number, or a dtype
  bool optional = false;
  std::optional<OpArg> default_value;
  std::vector<std::string> choices;  // kString: approximate: none|tanh|quick
};

// Written as "x: float[*s], axis: int = -1 -> float[*s]". The class before a
// bracket is checked; the dims in it are for the reader. `?` makes a parameter
// optional (none where left out), `a|b|c` lists the texts that it takes.
struct OpSignature {
  std::vector<OpParam> params;
  std::string result_text;
};

// Throws InternalError where the text is not a signature.
OpSignature parse_signature(std::string_view text);

class OpBuilder;  // op_builder.h: what a definition sees of one call

struct OpDef {
  std::string name;
  std::string doc;        // one line, then details
  std::string signature;  // "x: float[*s], axis: int = -1 -> float[*s]"
  // Elementwise ops: the result for one element of each (broadcast) argument.
  // Usable on plain numbers too.
  std::function<Expr(const std::vector<Expr>&)> map;
  // All other ops: reads the arguments from the builder, checks them, and
  // adds stages and outputs. Exactly one of map and define is set.
  std::function<void(OpBuilder&)> define;
  // Calls run against the reference on every device and dtype:
  // "x: [4, 7], axis: 0". See tests/interpreter/op_samples.
  std::vector<std::string> samples;
  // The operator of the spec language that this op is: "@", "+", "==", "and".
  // Indexing is three of them: "[:]" takes (x, axis, start, stop, step), where
  // start and stop may be none or symbolic; "[i]" takes (x, axis, index) and
  // drops the axis; "[none]" takes (x, axis) and inserts an axis of size 1.
  std::string infix;
  std::string prefix;  // "-", "not"
  // The block dtype whose values this op reads out of stored bytes: it takes
  // uint8[..., bytes of a row] and gives float32[..., values of a row].
  std::optional<DType> decodes;
};

// The op as it is called: "softmax(x: float[*s], axis: int = -1) -> float[*s]".
std::string signature_text(const OpDef& op);

// All registered ops by name.
class OpRegistry {
 public:
  static OpRegistry& instance();
  void add(OpDef def);  // InternalError on a duplicate or a bad signature
  const OpDef* find(std::string_view name) const;
  const OpDef* find_infix(std::string_view symbol) const;
  const OpDef* find_prefix(std::string_view symbol) const;
  // The op that decodes a block dtype.
  const OpDef* find_decoder(DType dtype) const;
  const OpSignature& signature(const OpDef& def) const;
  const std::map<std::string, OpDef, std::less<>>& all() const { return ops_; }

 private:
  std::map<std::string, OpDef, std::less<>> ops_;
  std::map<std::string, OpSignature, std::less<>> signatures_;
};

struct RegisterOp {
  explicit RegisterOp(OpDef def) { OpRegistry::instance().add(std::move(def)); }
};

// A call as the elaborator makes it: positional and keyword arguments.
struct OpCall {
  const OpDef* op = nullptr;
  std::vector<OpArg> positional;
  std::vector<std::pair<std::string, OpArg>> keywords;
  SourceSpan span;
  std::string path;  // enclosing layer's path
};

// Appends the call to the graph and returns its results. Throws SpecError:
// L0320 argument names, counts and kinds, L04 shapes and dtypes.
std::vector<ValueId> apply_op(Graph& graph, const OpCall& call);

// An elementwise op on numbers of which some are only known when sizes are
// bound: an expression in float64, or in int64 where all arguments are
// integers and the op is closed on them. Requires: op.map.
Expr fold_op_of_sizes(const OpDef& op, const std::vector<Expr>& args);

// The value of an elementwise op on plain numbers, in float64 (exactly in
// int64 where all arguments are integers and the op is closed on them).
// Requires: op.map.
std::variant<bool, int64_t, double> fold_op(
    const OpDef& op,
    const std::vector<std::variant<bool, int64_t, double>>& args);

// The same for a call of any op whose operands are numbers and whose result is
// one, such as clamp(5, max=3). Nothing for other calls, also for those that
// name a dtype: they make tensors.
std::optional<std::variant<bool, int64_t, double>> fold_call(
    const OpCall& call);

}  // namespace lathe
