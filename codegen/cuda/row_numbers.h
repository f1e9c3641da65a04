#pragma once
// The beginning of a product's kernel for few rows that makes its left side
// itself (prologue_form.h): the threads of a block go along all rows at once,
// 16 bytes of each at a time, and leave what is kept of them in shared memory.

#include <vector>

#include "codegen/cuda/matmul_parts.h"

namespace lathe::cuda {

class RowNumbers {
 public:
  // Adds its arrays to the kernel. Requires: parts.prologue(); `parts` outlives
  // it.
  explicit RowNumbers(MatmulParts& parts);

  // All of them, for the whole block.
  Stmt compute() const;

 private:
  // A load that is moved, and the array of a thread for it.
  struct Moved {
    Expr load, address;  // of pack number kp_
    int array = -1;
  };
  // One number, in terms of the kernel: at form().m; in a reduction along rows
  // at form().k, in one of all rows at Number::k; a map of groups at group_.
  struct Lowered {
    Expr value;
    int64_t pack = 1;
    std::vector<Moved> moved;
  };

  const PrologueForm::Number& number(size_t i) const {
    return parts_.prologue()->numbers[i];
  }
  bool is_along(size_t i) const {
    return number(i).op && number(i).of != PrologueForm::Of::kAllRows;
  }
  // k of a group, or of all.
  int64_t group_size(size_t i) const;

  Lowered lower(size_t i);
  void choose_pack(size_t i, Lowered& lowered);
  Stmt add_pack(size_t i, const Expr& row) const;
  // What each warp finds of the rows.
  Stmt reduce(size_t i) const;
  // Some threads find that of a group.
  Stmt reduce_groups(size_t i) const;
  // The number of row form().m.
  Stmt finish(size_t i) const;
  Stmt for_each_row(const std::vector<size_t>& numbers) const;
  Stmt for_each_group(size_t i) const;
  Stmt of_all_rows(size_t i) const;

  MatmulParts& parts_;
  Var kp_ = make_var("kp"), group_ = make_var("group");
  std::vector<Lowered> lowered_;
  int found_ = -1;     // of a thread, by row
  int of_warps_ = -1;  // shared, by warp and row
};

}  // namespace lathe::cuda
