#pragma once
// Lines of an operand in a block's shared memory: moved beside the threads, 16
// bytes at once, where they lie so in memory, else evaluated element by
// element. What stands outside the operand counts as zero.

#include <functional>
#include <optional>
#include <string>

#include "codegen/kernel_builder.h"

namespace lathe::cuda {

// An operand to be brought there: `value`, lowered, is over `line` and `inner`,
// of which it has `count`.
struct LineOperand {
  Expr value;
  Var line, inner;
  int64_t count = 0;
};

// Whether `dtype` holds every number of `value` exactly.
bool holds_exactly(DType dtype, const Expr& value);

class SharedLines {
 public:
  SharedLines() = default;
  // Adds an array for `lines` lines of `width` elements, a multiple of 16
  // bytes, to the kernel, whose items are shared by `threads`.
  SharedLines(KernelBuilder& kernel, const std::string& name, DType dtype,
              int64_t lines, int64_t width, int threads);

  // The bytes that such an array takes.
  static int64_t bytes(DType dtype, int64_t lines, int64_t width);

  // Fills the first `lines` lines with those of the operand from `first` on, of
  // which `valid` are there, and elements from `inner` on, a multiple of the
  // width. Each thread has to await its moves, and all of them to meet, before
  // the lines are read. `ranges` knows the operand's variables.
  Stmt fill(const LineOperand& operand, const Expr& first, const Expr& valid,
            int64_t lines, const Expr& inner, const Ranges& ranges) const;

  int slot() const { return slot_; }
  // From one line to the next: longer than what is read, so that neighbours
  // begin in different banks.
  int64_t distance() const { return distance_of(dtype_, width_); }
  // The index of an element.
  Expr at(const Expr& line, const Expr& inner) const {
    return line * int_literal(distance()) + inner;
  }

 private:
  static int64_t distance_of(DType dtype, int64_t width);
  int64_t pack() const { return 16 / size_of(dtype_); }
  std::optional<Expr> pack_address(const LineOperand& operand,
                                   const Expr& index, const Var& pack,
                                   Ranges ranges) const;
  Stmt each_cell(int64_t lines, int64_t across, LoopKind kind,
                 const std::function<Stmt(const Expr& line,
                                          const Expr& place)>& body) const;

  DType dtype_ = DType::kFloat32;
  int slot_ = -1;
  int64_t width_ = 0;
  int threads_ = 0;
  Var worker_;
};

}  // namespace lathe::cuda
