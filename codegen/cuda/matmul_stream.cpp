#include "codegen/cuda/matmul_stream.h"

#include <algorithm>
#include <numeric>

#include "codegen/cuda/code_words.h"
#include "codegen/cuda/gpu_sizes.h"
#include "codegen/rewrite.h"

namespace lathe::cuda {
namespace {

// Results of a warp for each part.
constexpr int64_t kTileResults = MatmulStream::kRows * MatmulStream::kColumns;

}  // namespace

MatmulStream::MatmulStream(MatmulParts& parts)
    : parts_(parts),
      plan_(parts.plan()),
      stored_(*parts.stored()),
      left_dtype_(left_dtype(plan_)) {
  KernelBuilder& kernel = parts.kernel();
  const int64_t count = parts.most_parts(), pack = plan_.pack;
  const DType exact = *plan_.exact;
  stored_.add_registers(kAhead * count * 2);
  stored_.add_halves();
  left_ = kernel.local("left_pack", left_dtype_, kAhead * pack);
  if (parts.prologue()) add_left_packs();
  left_halves_ = left_dtype_ == exact
                     ? left_
                     : kernel.local("left_halves", exact, kAhead * pack);
  a_ = kernel.local("a_part", DType::kInt32, 4);
  b_ = kernel.local("b_part", DType::kInt32, 2);
  sums_ = kernel.local("sums", DType::kFloat32, count * kMmaCells);
  totals_ = sums_;
  if (plan_.cut->factor.get() || plan_.cut->term.get() ||
      plan_.left_factor.get()) {
    totals_ = kernel.local("totals", DType::kFloat32, count * kMmaCells);
  }
  if (plan_.cut->term.get()) {
    ones_ = kernel.local("ones", DType::kInt32, 4);
    left_sums_ = kernel.local("left_sums", DType::kFloat32, kMmaCells);
  }
  warps_ = kernel.shared("of_warps", DType::kFloat32,
                         kMatmulWarps * count * kTileResults);
}

int64_t MatmulStream::block_size() const { return kLanes * plan_.pack; }

// Whether the depth is made of whole blocks.
bool MatmulStream::in_blocks() const {
  return plan_.form.depth.value() % block_size() == 0;
}

// The number of the pack of column r of a part.
Expr MatmulStream::half(const Expr& u, size_t part, int64_t r) const {
  const int64_t parts = parts_.most_parts();
  return u * int_literal(2 * parts) +
         int_literal(2 * static_cast<int64_t>(part) + r);
}

// --- reading ---

// A lane's packs of one block; zeros where the depth ends before them.
Stmt MatmulStream::read_block(const MatmulSection& section, const Expr& number,
                              const Expr& u) {
  std::vector<Stmt> reads, zeros;
  for (size_t p = 0; p < section.parts.size(); ++p) {
    for (int64_t r = 0; r < 2; ++r) {
      Expr pack = number * int_literal(kLanes) + var(at_.lane);
      reads.push_back(stored_.read(section.parts[p], var(at_.columns[r]), pack,
                                   half(u, p, r)));
      zeros.push_back(stored_.clear(half(u, p, r)));
    }
  }
  if (plan_.in_steps || in_blocks()) {
    reads.push_back(read_left(number, u));
    return block(std::move(reads));
  }
  reads.push_back(read_left(number, u));
  Var c = make_var("c");
  zeros.push_back(unrolled(c, plan_.pack,
                           store(left_, u * int_literal(plan_.pack) + var(c),
                                 float_literal(0, NumType::kFloat32))));
  Expr k = (number * int_literal(kLanes) + var(at_.lane)) *
           int_literal(plan_.pack);
  return if_then(k < size_of(plan_.form.depth), block(std::move(reads)),
                 block(std::move(zeros)));
}

// --- multiplying ---

// The products of 16 k, of which a lane has numbers 4 s to 4 s + 3 of its packs.
Stmt MatmulStream::step(const MatmulSection& section, const Expr& u,
                        const Expr& s) const {
  Expr first = s * int_literal(4);
  std::vector<Stmt> stmts = {intrinsic(
      IntrinsicOp::kMove,
      {{b_, int_literal(0)},
       {left_halves_, u * int_literal(plan_.pack) + first}},
      8)};
  const IntrinsicOp product = *plan_.exact == DType::kBFloat16
                                  ? IntrinsicOp::kMmaBf16
                                  : IntrinsicOp::kMmaF16;
  for (size_t p = 0; p < section.parts.size(); ++p) {
    for (int64_t i = 0; i < 4; ++i) {
      Expr from = half(u, p, i % 2) * int_literal(plan_.pack) + first +
                  int_literal(i / 2 * 2);
      stmts.push_back(intrinsic(
          IntrinsicOp::kMove,
          {{a_, int_literal(i)}, {stored_.halves(), from}}, 4));
    }
    stmts.push_back(intrinsic(
        product, {{sums_, int_literal(static_cast<int64_t>(p) * kMmaCells)},
                  {a_, int_literal(0)},
                  {b_, int_literal(0)}}));
  }
  if (left_sums_ >= 0) {
    stmts.push_back(intrinsic(product, {{left_sums_, int_literal(0)},
                                        {ones_, int_literal(0)},
                                        {b_, int_literal(0)}}));
  }
  return block(std::move(stmts));
}

Stmt MatmulStream::multiply(const MatmulSection& section, const Expr& number,
                            const Expr& u) {
  std::vector<Stmt> stmts = {widen_left(u)};
  for (size_t p = 0; p < section.parts.size(); ++p) {
    for (int64_t r = 0; r < 2; ++r) {
      stmts.push_back(stored_.convert(half(u, p, r)));
    }
  }
  const int64_t steps = plan_.pack / 4;
  Var s = make_var("s");
  if (plan_.group == 0) {
    stmts.push_back(unrolled(s, steps, step(section, u, var(s))));
    return block(std::move(stmts));
  }
  const int64_t group = std::gcd(plan_.group, block_size());
  const int64_t of_group = group / kStep;
  Var g = make_var("g"), k = make_var("k_group");
  Stmt body = block(
      {unrolled(s, of_group,
                step(section, u, var(g) * int_literal(of_group) + var(s))),
       close_group(section, var(k))});
  if (!in_blocks()) body = if_then(var(k) < size_of(plan_.form.depth), body);
  Expr begin = number * int_literal(block_size());
  stmts.push_back(unrolled(
      g, steps / of_group,
      block({let(k, begin + var(g) * int_literal(group)), body})));
  return block(std::move(stmts));
}

// Adds the sums of a group, times its factors, to the totals.
Stmt MatmulStream::close_group(const MatmulSection& section, const Expr& k) {
  if (totals_ == sums_) return block({});
  std::vector<Stmt> stmts;
  std::vector<Expr> of_rows(2);
  if (Expr factor = parts_.left_factor(); factor.get()) {
    for (int64_t c = 0; c < 2; ++c) {
      Expr row = min(var(at_.lane) * int_literal(2) + int_literal(c),
                     size_of(plan_.form.rows) - int_literal(1));
      Var name = make_var("of_row", NumType::kFloat32);
      stmts.push_back(let(name, substitute(factor, {{plan_.form.m.get(), row},
                                                    {plan_.form.k.get(), k}})));
      of_rows[size_t(c)] = var(name);
    }
  }
  for (size_t p = 0; p < section.parts.size(); ++p) {
    for (int64_t r = 0; r < 2; ++r) {
      const int part = section.parts[p];
      Expr n = var(at_.columns[r]);
      Expr factor = stored_.factor(part, n, k), term = stored_.term(part, n, k);
      Var f = make_var("factor", NumType::kFloat32);
      Var t = make_var("term", NumType::kFloat32);
      if (factor.get()) stmts.push_back(let(f, factor));
      if (term.get()) stmts.push_back(let(t, term));
      for (int64_t c = 0; c < 2; ++c) {
        Expr at = int_literal(static_cast<int64_t>(p) * kMmaCells + 2 * r + c);
        Expr sum = flat_load(sums_, DType::kFloat32, at);
        if (factor.get()) sum = sum * var(f);
        if (term.get()) {
          sum = sum + var(t) * flat_load(left_sums_, DType::kFloat32,
                                         int_literal(c));
        }
        if (of_rows[size_t(c)].get()) sum = sum * of_rows[size_t(c)];
        stmts.push_back(
            store(totals_, at, flat_load(totals_, DType::kFloat32, at) + sum));
        stmts.push_back(store(sums_, at, parts_.zero()));
      }
    }
  }
  if (left_sums_ >= 0) {
    Var c = make_var("c");
    stmts.push_back(
        unrolled(c, kMmaCells, store(left_sums_, var(c), parts_.zero())));
  }
  return block(std::move(stmts));
}

// The warps share out the blocks, some at a time.
Stmt MatmulStream::depth_loop(const MatmulSection& section) {
  const int64_t blocks =
      (plan_.form.depth.value() + block_size() - 1) / block_size();
  Var turn = make_var("turn"), u = make_var("u"), v = make_var("u");
  auto number = [&](const Var& i) {
    return var(turn) * int_literal(kAhead) + var(i);
  };
  auto guarded = [&](const Var& i, const Stmt& body) {
    if (blocks % kAhead == 0) return body;
    return if_then(number(i) < int_literal(blocks), body);
  };
  Stmt reads = unrolled(
      u, kAhead, guarded(u, read_block(section, number(u), var(u))));
  Stmt products =
      unrolled(v, kAhead, guarded(v, multiply(section, number(v), var(v))));
  return for_loop(turn, var(at_.warp),
                  int_literal((blocks + kAhead - 1) / kAhead),
                  block({reads, products}), LoopKind::kSerial, kMatmulWarps);
}

// --- results ---

// A thread for each of them, which adds up what the warps have.
Stmt MatmulStream::add_up(const MatmulSection& section, const Expr& column) {
  const int64_t parts = parts_.most_parts();
  Expr mine = var(at_.warp) * int_literal(parts * kTileResults) +
              var(at_.line) + var(at_.lane) * int_literal(2 * kColumns);
  std::vector<Stmt> stmts = {barrier(kMatmulThreads)}, last;
  Var n = make_var("n_own"), m = make_var("m_own");
  std::vector<Expr> sums;
  for (size_t p = 0; p < section.parts.size(); ++p) {
    const int64_t part = static_cast<int64_t>(p);
    for (int64_t c = 0; c < kMmaCells; ++c) {
      Expr at = mine +
                int_literal(part * kTileResults + c / 2 * 8 + c % 2 * kColumns);
      stmts.push_back(store(warps_, at,
                            flat_load(totals_, DType::kFloat32,
                                      int_literal(part * kMmaCells + c))));
    }
    Expr sum;
    for (int64_t w = 0; w < kMatmulWarps; ++w) {
      Expr of_warp =
          flat_load(warps_, DType::kFloat32,
                    var(parts_.worker()) +
                        int_literal((w * parts + part) * kTileResults));
      sum = w == 0 ? of_warp : sum + of_warp;
    }
    Var name = make_var("sum", NumType::kFloat32);
    last.push_back(let(name, sum));
    sums.push_back(var(name));
  }
  stmts.push_back(barrier(kMatmulThreads));
  last.push_back(parts_.finish(section, var(m), var(n),
                               [&](size_t part) { return sums[part]; }));
  Expr worker = var(parts_.worker());
  stmts.push_back(let(n, column + worker % int_literal(kColumns)));
  stmts.push_back(let(m, worker / int_literal(kColumns)));
  Expr inside = var(n) < size_of(section.columns) &&
                var(m) < min(size_of(plan_.form.rows), int_literal(kRows));
  stmts.push_back(if_then(inside, block(std::move(last))));
  return block(std::move(stmts));
}

Stmt MatmulStream::columns(const MatmulSection& section, const Expr& column) {
  at_ = Place();
  Expr worker = var(parts_.worker());
  Expr last = size_of(section.columns) - int_literal(1);
  Expr low = column + var(at_.line);
  std::vector<Stmt> stmts = {
      let(at_.warp, worker / int_literal(kWarp)),
      let(at_.line, worker % int_literal(kWarp) / int_literal(kLanes)),
      let(at_.lane, worker % int_literal(kLanes)),
      let(at_.row, min(var(at_.line),
                       size_of(plan_.form.rows) - int_literal(1))),
      let(at_.columns[0], min(low, last)),
      let(at_.columns[1], min(low + int_literal(8), last))};
  const auto cells = static_cast<int64_t>(section.parts.size()) * kMmaCells;
  for (int slot : {sums_, totals_, left_sums_}) {
    if (slot < 0 || (slot == totals_ && slot == sums_ && stmts.size() > 6)) {
      continue;
    }
    Var c = make_var("c");
    stmts.push_back(unrolled(c, slot == left_sums_ ? kMmaCells : cells,
                             store(slot, var(c), parts_.zero())));
  }
  if (ones_ >= 0) {
    Var c = make_var("c");
    const int64_t one = *plan_.exact == DType::kBFloat16 ? 0x3f80 : 0x3c00;
    stmts.push_back(
        unrolled(c, 4, store(ones_, var(c), int_literal(one | one << 16))));
  }
  stmts.push_back(depth_loop(section));
  if (plan_.group == 0) stmts.push_back(close_group(section, int_literal(0)));
  stmts.push_back(add_up(section, column));
  return block(std::move(stmts));
}

}  // namespace lathe::cuda
