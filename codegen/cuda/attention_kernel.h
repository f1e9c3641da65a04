#pragma once
// Attention on a GPU as one streaming kernel: a block of 4 warps does the
// queries of an item while keys and values pass by in shared memory (online
// softmax, Milakov and Gimelshein 2018; FlashAttention, Dao et al. 2022).
//
// Many queries: a warp has 16 of them and sees all keys of a step. Few, such as
// the heads that share a key while decoding: all warps have the same queries
// and split the keys of a step; what they have added up is joined at the end.
//
// Where queries alone make too few items, the keys are split between items,
// which leave parts of the sums. Of few queries, the last block to do so joins
// them (attention_few.cpp), else a kernel of its own (attention_join.h).

#include <functional>
#include <memory>
#include <optional>

#include "codegen/cuda/attention_shape.h"
#include "codegen/cuda/attention_softmax.h"
#include "codegen/cuda/shared_lines.h"
#include "codegen/key_limit.h"

namespace lathe::cuda {

class AttentionKernel {
 public:
  enum class Rows : uint8_t { kFew, kMany };
  // Requires: all of these outlive it.
  AttentionKernel(const Group& group, const AttentionForm& form,
                  const AttentionShape& shape, const AttentionItems& items,
                  Rows rows);

  LoweredGroup lower();

 private:
  // From step `begin` to `end` of those in the order in which they are taken.
  struct Steps {
    Expr begin, end;
  };

  void bind_buffers();
  void add_arrays();

  Stmt position(const Var& item) const;
  Stmt work();
  Stmt all_steps();
  Steps part_of(const Expr& first, const Expr& count) const;
  Expr key_of_step(const Expr& number) const;
  Stmt steps(const Steps& steps);
  Stmt softmax();
  Stmt note_unseen(const Var& unseen) const;

  // The ends of an item.
  Stmt finish_many();
  Stmt finish_few();
  Stmt join_warps();
  Stmt join_parts();
  Stmt fade_parts() const;
  Stmt add_parts(const Expr& row, const Expr& pack);
  Stmt whole_or_part(const std::function<Stmt(bool whole)>& store) const;
  Stmt store_sum(bool whole, const Expr& sum, const Expr& inverse);
  Stmt store_row(const Expr& chosen, const Expr& top, const Expr& total) const;
  Expr is_first_of_row() const;

  Expr element(int slot, const Expr& index) const {
    return flat_load(slot, DType::kFloat32, index);
  }
  Expr last_query() const;
  // Of the warp, in the item and in a step.
  Expr first_query() const;
  Expr first_key() const;

  const AttentionForm& form_;
  const AttentionShape& shape_;
  const AttentionItems& items_;
  const bool is_few_;
  int64_t lines_ = 0;      // queries of an item
  int64_t warp_keys_ = 0;  // that a warp sees of a step
  KernelBuilder kernel_;
  Ranges ranges_;
  Var worker_;
  LineOperand query_, key_, value_;
  Expr score_;
  std::optional<KeyLimits> limits_;

  SharedLines queries_, keys_, values_;
  std::unique_ptr<WarpTile> tile_;
  WarpSoftmax softmax_;
  int parts_ = -1;                                  // scratch
  int few_sums_ = -1, few_tops_ = -1, few_totals_ = -1;  // shared
  int counts_ = -1;                            // blocks that have left a part
  int blocks_before_ = -1;                     // shared
  int part_pack_ = -1, part_sums_ = -1;        // of a thread

  Var lane_ = make_var("lane"), warp_ = make_var("warp");
  Var m0_ = make_var("m0"), n0_ = make_var("n0"), s0_ = make_var("s0");
  Var split_ = make_var("split"), splits_ = make_var("splits");
  Var whole_ = make_var("whole");  // the number of the item's parts together
  Var steps_ = make_var("steps"), first_step_ = make_var("first_step");
  Var rows_ = make_var("rows"), key_count_ = make_var("key_count");
};

}  // namespace lathe::cuda
