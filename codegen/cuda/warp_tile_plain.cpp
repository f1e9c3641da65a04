// float32: a thread has 4 rows. Keys and columns lie side by side in 8 lanes;
// weights change hands through shared memory, within their warp.

#include <utility>

#include "codegen/cuda/warp_tile.h"

namespace lathe::cuda {
namespace {

constexpr int64_t kOwnRows = 4;
constexpr int64_t kLanes = 8;
constexpr int64_t kPack = 4;

class PlainTile : public WarpTile {
 public:
  PlainTile(KernelBuilder& kernel, WarpOperands operands, int64_t queries,
            int64_t keys)
      : WarpTile(kernel, std::move(operands)), line_(keys + kPack) {
    weights_ = kernel.shared("weights", DType::kFloat32, queries * line_);
    a_ = kernel.local("a_part", DType::kFloat32, kOwnRows * kPack);
    b_ = kernel.local("b_part", DType::kFloat32, kPack);
  }

  int64_t rows() const override { return kOwnRows; }
  Stmt bind() const override {
    Expr lane = var(operands_.lane);
    return block({let(row_, lane / int_literal(kLanes) * int_literal(kOwnRows)),
                  let(across_, lane % int_literal(kLanes))});
  }
  Expr query(const Expr& r) const override { return var(row_) + r; }
  Expr key(const Expr& j) const override {
    return j * int_literal(kLanes) + var(across_);
  }
  // Packs of columns, so that values are read 16 bytes at once.
  Expr column(const Expr& j) const override {
    return j / int_literal(kPack) * int_literal(kLanes * kPack) +
           var(across_) * int_literal(kPack) + j % int_literal(kPack);
  }
  Expr score_cell(const Expr& r, const Expr& j) const override {
    return j * int_literal(kOwnRows) + r;
  }
  Expr sum_cell(const Expr& r, const Expr& j) const override {
    return score_cell(r, j);
  }

  Stmt multiply(const Expr& query, const Expr& key,
                int64_t count) const override {
    Var c = make_var("c"), k = make_var("k"), r = make_var("r");
    Var j = make_var("j"), q = make_var("q"), i = make_var("i");
    const SharedLines& queries = operands_.queries;
    const SharedLines& keys = operands_.keys;
    Expr cell = score_cell(var(q), var(j));
    Expr sum = element(scores_, cell) +
               element(a_, var(q) * int_literal(kPack) + var(i)) *
                   element(b_, var(i));
    Stmt column = block(
        {move(b_, int_literal(0), keys.slot(),
              keys.at(key + this->key(var(j)), var(k))),
         unrolled(q, kOwnRows, unrolled(i, kPack, store(scores_, cell, sum)))});
    Stmt step =
        block({unrolled(r, kOwnRows,
                        move(a_, var(r) * int_literal(kPack), queries.slot(),
                             queries.at(query + this->query(var(r)), var(k)))),
               unrolled(j, cells(count), column)});
    return block({unrolled(c, count / 2,
                           store(scores_, var(c),
                                 float_literal(0, NumType::kFloat32))),
                  for_loop(k, int_literal(0), int_literal(operands_.depth),
                           step, LoopKind::kSerial, kPack)});
  }

  Stmt add_values(const Expr& query, const Expr& key,
                  int64_t count) const override {
    Var r = make_var("r"), j = make_var("j"), t = make_var("t");
    Var i = make_var("i"), p = make_var("p"), q = make_var("q");
    Var c = make_var("c"), r2 = make_var("r");
    const SharedLines& values = operands_.values;
    auto weight_at = [&](const Expr& row, const Expr& k) {
      return (query + this->query(row)) * int_literal(line_) + key + k;
    };
    Stmt hand_over =
        unrolled(r, kOwnRows,
                 unrolled(j, cells(count),
                          store(weights_, weight_at(var(r), this->key(var(j))),
                                element(scores_, score_cell(var(r), var(j))))));
    Expr column = var(p) * int_literal(kPack) + var(c);
    Expr cell = sum_cell(var(q), column);
    Expr sum = element(sums_, cell) +
               element(a_, var(q) * int_literal(kPack) + var(i)) *
                   element(b_, var(c));
    Stmt pack = block(
        {move(b_, int_literal(0), values.slot(),
              values.at(key + var(t) + var(i),
                        this->column(var(p) * int_literal(kPack)))),
         unrolled(q, kOwnRows, unrolled(c, kPack, store(sums_, cell, sum)))});
    Stmt step =
        block({unrolled(r2, kOwnRows,
                        move(a_, var(r2) * int_literal(kPack), weights_,
                             weight_at(var(r2), var(t)))),
               unrolled(i, kPack,
                        unrolled(p, cells(operands_.columns) / kPack, pack))});
    // The lanes of the warp have put down their weights before others read
    // them, and have read them before they are put down again.
    return block({hand_over, barrier(32),
                  for_loop(t, int_literal(0), int_literal(count), step,
                           LoopKind::kSerial, kPack)});
  }

 private:
  static Expr element(int slot, const Expr& index) {
    return flat_load(slot, DType::kFloat32, index);
  }
  static Stmt move(int to, const Expr& to_index, int from,
                   const Expr& from_index) {
    return intrinsic(IntrinsicOp::kMove, {{to, to_index}, {from, from_index}},
                     16);
  }

  int64_t line_;
  Var row_ = make_var("row"), across_ = make_var("across");
  int weights_ = -1;         // shared
  int a_ = -1, b_ = -1;      // of a thread
};

}  // namespace

std::unique_ptr<WarpTile> make_plain_tile(KernelBuilder& kernel,
                                          WarpOperands operands,
                                          int64_t queries, int64_t keys) {
  return std::make_unique<PlainTile>(kernel, std::move(operands), queries,
                                     keys);
}

}  // namespace lathe::cuda
