// Tensor cores multiply 16 x 16 by 16 x 8 numbers; a thread has two neighbours
// in each of two rows of such a product. The scores' cells are what the second
// product wants of its left side, so that weights never leave the registers.

#include <utility>

#include "codegen/cuda/gpu_sizes.h"
#include "codegen/cuda/warp_tile.h"

namespace lathe::cuda {

WarpTile::WarpTile(KernelBuilder& kernel, WarpOperands operands)
    : operands_(std::move(operands)) {
  static_assert(kWarpQueries == 16, "of 16 cells above another a lane has half");
  scores_ = kernel.local("scores", DType::kFloat32, operands_.most_keys / 2);
  sums_ = kernel.local("sums", DType::kFloat32, operands_.columns / 2);
}

namespace {

constexpr int64_t kLong = 8;  // steps that are not unrolled

class MmaTile : public WarpTile {
 public:
  MmaTile(KernelBuilder& kernel, WarpOperands operands, DType dtype, bool fine)
      : WarpTile(kernel, std::move(operands)),
        bf16_(dtype == DType::kBFloat16),
        fine_(fine) {
    a_ = kernel.local("a_part", DType::kInt32, 4);
    b_ = kernel.local("b_part", DType::kInt32, 4);
    if (fine_) rest_ = kernel.local("a_rest", DType::kInt32, 4);
  }

  int64_t rows() const override { return 2; }
  Stmt bind() const override {
    return block({let(row_, var(operands_.lane) / int_literal(4)),
                  let(pair_, var(operands_.lane) % int_literal(4) *
                                 int_literal(2))});
  }
  Expr query(const Expr& r) const override {
    return var(row_) + r * int_literal(8);
  }
  Expr key(const Expr& j) const override { return column(j); }
  Expr column(const Expr& j) const override {
    return j / int_literal(2) * int_literal(8) + var(pair_) +
           j % int_literal(2);
  }
  Expr score_cell(const Expr& r, const Expr& j) const override {
    return j / int_literal(2) * int_literal(4) + r * int_literal(2) +
           j % int_literal(2);
  }
  Expr sum_cell(const Expr& r, const Expr& j) const override {
    return score_cell(r, j);
  }

  Stmt multiply(const Expr& query, const Expr& key,
                int64_t count) const override {
    Var c = make_var("c"), s = make_var("s"), t = make_var("t");
    Expr k = var(s) * int_literal(kMmaDepth);
    const SharedLines& q = operands_.queries;
    const SharedLines& keys = operands_.keys;
    Expr first = key + var(t) * int_literal(16);
    Stmt pair = block({
        intrinsic(IntrinsicOp::kLoadTwo8x16,
                  {at(b_, 0), {keys.slot(), keys.at(first, k)}},
                  keys.distance()),
        products(scores_, var(t) * int_literal(8), a_),
    });
    Stmt step = block({intrinsic(IntrinsicOp::kLoad16x16,
                                 {at(a_, 0), {q.slot(), q.at(query, k)}},
                                 q.distance()),
                       unrolled(t, count / 16, pair)});
    const int64_t steps = operands_.depth / kMmaDepth;
    Stmt clear = unrolled(
        c, count / 2,
        store(scores_, var(c), float_literal(0, NumType::kFloat32)));
    return block({clear, for_loop(s, int_literal(0), int_literal(steps), step,
                                  steps > kLong ? LoopKind::kSerial
                                                : LoopKind::kUnroll)});
  }

  Stmt add_values(const Expr&, const Expr& key, int64_t count) const override {
    Var s = make_var("s"), t = make_var("t");
    const SharedLines& values = operands_.values;
    Expr line = key + var(s) * int_literal(kMmaDepth);
    Intrinsic::Address weights{scores_, var(s) * int_literal(8)};
    std::vector<Stmt> step = {
        intrinsic(bf16_ ? IntrinsicOp::kPackBf16 : IntrinsicOp::kPackF16,
                  {at(a_, 0), weights})};
    std::vector<Stmt> pair = {
        intrinsic(IntrinsicOp::kLoad16x16Across,
                  {at(b_, 0),
                   {values.slot(),
                    values.at(line, var(t) * int_literal(16))}},
                  values.distance()),
        products(sums_, var(t) * int_literal(8), a_)};
    if (fine_) {
      step.push_back(intrinsic(
          bf16_ ? IntrinsicOp::kPackRestBf16 : IntrinsicOp::kPackRestF16,
          {at(rest_, 0), weights}));
      pair.push_back(products(sums_, var(t) * int_literal(8), rest_));
    }
    step.push_back(
        unrolled(t, operands_.columns / 16, block(std::move(pair))));
    return unrolled(s, count / kMmaDepth, block(std::move(step)));
  }

 private:
  static Intrinsic::Address at(int slot, int64_t index) {
    return {slot, int_literal(index)};
  }
  // The left side times both right sides in b_part.
  Stmt products(int out, const Expr& cell, int left) const {
    IntrinsicOp op = bf16_ ? IntrinsicOp::kMmaBf16 : IntrinsicOp::kMmaF16;
    return block(
        {intrinsic(op, {{out, cell}, at(left, 0), at(b_, 0)}),
         intrinsic(op, {{out, cell + int_literal(4)}, at(left, 0), at(b_, 2)})});
  }

  bool bf16_, fine_;
  Var row_ = make_var("row"), pair_ = make_var("pair");
  int a_ = -1, b_ = -1, rest_ = -1;
};

}  // namespace

std::unique_ptr<WarpTile> make_mma_tile(KernelBuilder& kernel,
                                        WarpOperands operands, DType dtype,
                                        bool fine) {
  return std::make_unique<MmaTile>(kernel, std::move(operands), dtype, fine);
}

}  // namespace lathe::cuda
