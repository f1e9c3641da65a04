#pragma once
// What an op's definition sees of one call: its arguments by name, and the
// means to add stages and outputs.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/op.h"

namespace lathe {

// An operand of the definition: a tensor argument, an earlier stage, or a
// weak number. Indexing it gives the element.
struct Operand {
  int slot = -1;       // -1: a number, held in `number`
  DType dtype = DType::kFloat32;
  Shape shape;
  Expr number;

  int rank() const { return static_cast<int>(shape.size()); }
  NumType num_type() const { return compute_type(dtype); }
  // Element at `index` (one expression per axis; a number ignores it).
  Expr operator()(const std::vector<Expr>& index) const;
  // Element for output index `index` under NumPy broadcasting: right-aligned,
  // dims of size 1 are read at 0.
  Expr broadcast(const std::vector<Expr>& index) const;
};

using Index = std::vector<Expr>;

// The variables as expressions.
Index to_index(const std::vector<Var>& axes);

class OpBuilder {
 public:
  // Arguments. `name` must be in the signature (InternalError otherwise).
  bool has(std::string_view name) const;  // given, or has a default
  bool written(std::string_view name) const;  // stands in the user's file
  Operand tensor(std::string_view name);  // a weak number: slot -1
  std::vector<Operand> tensors(std::string_view name);
  Dim dim(std::string_view name) const;              // int, maybe symbolic
  int64_t integer(std::string_view name) const;      // must be static
  std::vector<Dim> dims(std::string_view name) const;
  std::vector<int64_t> integers(std::string_view name) const;
  double number(std::string_view name) const;
  bool flag(std::string_view name) const;
  std::string text(std::string_view name) const;
  DType dtype(std::string_view name) const;
  // The argument as it was given, for kinds that have no form above.
  const OpArg& argument(std::string_view name) const;

  // Axis argument normalised to [0, rank); L0406 when out of range.
  int axis(std::string_view name, int rank) const;
  // A list of axes, normalised and sorted; L0406 for one named twice.
  std::vector<int> axes(std::string_view name, int rank) const;

  // Result dtype of operands under the promotion rule of two tensors
  // (lossless both ways or L0403) and weak numbers, which must be values of it
  // (L0404) unless it is a float type. Numbers alone are int64, float32, bool.
  DType promote(const std::vector<Operand>& operands) const;
  // NumPy broadcast of shapes; symbolic dims are never stretched (L0401).
  Shape broadcast(const std::vector<Operand>& operands);
  // Requires that two dims are equal: error `code` with `message` when they
  // provably differ, a run-time constraint when it depends on symbols.
  void require_equal(const Dim& a, const Dim& b, const std::string& code,
                     const std::string& message);
  // Requires that `a` is a multiple of `b`, in the same way.
  void require_multiple(const Dim& a, const Dim& b, const std::string& code,
                        const std::string& message);

  // Name of the op, for stages and messages.
  const std::string& op_name() const;

  // Adds a stage whose element at `index` is body(index).
  Operand stage(const std::string& name, DType dtype, const Shape& shape,
                const std::function<Expr(const Index&)>& body);
  Operand stage(Stage stage);
  // Adds a stage that applies `body` to each element of the operands, which
  // are promoted and broadcast. Comparisons give bool.
  Operand map(const std::string& name, const std::vector<Operand>& operands,
              const std::function<Expr(const std::vector<Expr>&)>& body);
  // A literal tensor as a further operand. Requires: no stages yet.
  Operand constant(std::shared_ptr<const Tensor> tensor);
  // Fresh variables for the axes of a stage.
  std::vector<Var> make_axes(int rank) const;
  // Fresh reduction variable over [0, extent).
  ReduceAxis reduce_axis(const std::string& name, const Dim& extent) const;
  // Declares a stage to be the next output of the op. By default the last
  // stage is the only output.
  void output(const Operand& stage);

  // Checks a data-dependent index against an extent at run time (L08).
  Expr checked(const Expr& index, const Dim& extent) const;

  // Fails with `code` at the argument `name` (or at the call when empty).
  [[noreturn]] void fail(const std::string& code, const std::string& message,
                         std::string_view name = {},
                         const std::string& help = {}) const;

  // Names the operands in messages: "x is float32[B, T], made by `up_proj`".
  std::vector<std::string> operand_notes() const;

  struct Impl;  // op_builder.cpp

 private:
  friend std::vector<ValueId> apply_op(Graph&, const OpCall&);
  explicit OpBuilder(Impl* impl) : impl_(impl) {}
  Impl* impl_;
};

}  // namespace lathe
