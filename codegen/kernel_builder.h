#pragma once
// Collects what a strategy's kernel needs (buffers, locals, packed operands)
// and turns bodies of the group's stages into loop expressions.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "codegen/rewrite.h"
#include "codegen/simplify.h"
#include "codegen/strategy.h"

namespace lathe {

class KernelBuilder {
 public:
  explicit KernelBuilder(const Group& group);

  const Group& group() const { return group_; }
  // The kernel so far.
  const LoopKernel& loops() const { return lowered_.kernel; }

  // Slots of the kernel; an operand or output is bound at its first use.
  // Requires: all of them before the first local.
  int operand(int index);
  // The operand that a slot is; null for other buffers and arrays.
  const GroupOperand* operand_of(int slot) const;
  int output(int index);
  int packed(PackedOperand operand);
  // GPU: `size` numbers as BufferSource::kCounts has them.
  int counts(const std::string& name, int size);
  int scratch(int index, const Scratch& scratch, bool writable);
  int local(const std::string& name, DType dtype, int64_t size, int lanes = 1);
  // GPU: an array that the workers of an item share.
  // It begins at a multiple of `alignment` bytes.
  int shared(const std::string& name, DType dtype, int64_t size,
             int64_t alignment = 128);
  // GPU: a tensor map.
  int tensor_map(const std::string& name, const TensorView& view);
  // GPU: this many threads do an item together; the number of one.
  Var share_items(int workers);
  // GPU: see LoopKernel::blocks.
  void keep_blocks(int blocks) { lowered_.kernel.blocks = blocks; }
  // GPU: operand `index` is no buffer: `value`, over `axes`, is computed where
  // it is read.
  void define(int index, std::vector<Var> axes, Expr value);
  // GPU: operand `index` is no buffer but an array that the workers share. It
  // has a slot once share_operand() has added it, behind all buffers.
  void keep_in_block(int index) { operand_slots_[index] = -1; }
  int share_operand(int index, int64_t size);
  // Binds the operands that `expr` loads.
  void bind_operands(const Expr& expr);

  // Value of stage `stage` at `index`, as a loop expression.
  using StageValue =
      std::function<Expr(int stage, const std::vector<Expr>& index)>;
  // `body` with axes replaced and operands loaded by flat index. `ranges`
  // knows the variables that the replacements mention.
  Expr lower(const Expr& body, const Substitution& axes, const Ranges& ranges,
             const StageValue& stage_value = {});

  // The stages at one point `index` (their axes), each bound to a variable and,
  // if it is an output, stored. `given` has the values of some stages and is
  // empty for the others, which are maps of earlier ones.
  Stmt point(const std::vector<int>& stages, const std::vector<Expr>& index,
             const Ranges& ranges, const std::function<Expr(int)>& given);

  // The kernel that runs `body` for the items [lo(), hi()).
  const Var& lo() const { return lowered_.kernel.lo; }
  const Var& hi() const { return lowered_.kernel.hi; }
  LoweredGroup finish(Stmt body, const Dim& items, const Dim& cost);

 private:
  // What define() says, put into an expression of the group.
  Expr expanded(const Expr& expr) const;
  int output_of(int stage) const;
  int add_buffer(BufferBinding binding, BufferParam param);

  struct Defined {
    std::vector<Var> axes;
    Expr value;
  };
  const Group& group_;
  LoweredGroup lowered_;
  std::map<int, Defined> defined_;  // by operand
  std::map<int, int> operand_slots_, output_slots_;
};

// The position along each of `dims` of flat position `flat`.
std::vector<Expr> unflatten(const Expr& flat, const std::vector<Dim>& dims);

// ceil(a / b) of positive integers.
Expr ceil_div(const Expr& a, const Expr& b);

}  // namespace lathe
