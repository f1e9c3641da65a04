#include "codegen/cuda/matmul_mma.h"

#include "codegen/cuda/code_words.h"
#include "codegen/rewrite.h"

namespace lathe::cuda {
namespace {

constexpr int64_t kTile = 64;    // rows and columns
constexpr int64_t kDepth = 32;   // of a step
constexpr int64_t kPack = 8;     // elements of 16 bytes
// Lines of shared memory are longer than what is read of them, so that eight
// of them begin in different banks.
constexpr int64_t kLine = kDepth + kPack;
constexpr int64_t kPiece = kTile * kLine;
constexpr int64_t kWarp = 32;
// What one instruction multiplies: 16 x 16 by 16 x 8.
constexpr int64_t kRows = 16, kColumns = 8, kStep = 16;
constexpr int64_t kWarpColumns = 32;
constexpr int64_t kTiles = kWarpColumns / kColumns;  // of a warp, per part
constexpr int64_t kCells = 4;                        // of a thread, per tile

static_assert(kTile * kDepth / kPack == kMatmulThreads,
              "a thread moves one pack of a piece");
static_assert(kTile / kRows * (kTile / kWarpColumns) * kWarp ==
                  kMatmulThreads,
              "the warps' tiles are the block's");

// The load that `e` is, but for casts that change nothing.
const Load* plain_load(const Expr& e) {
  if (auto* to = std::get_if<Cast>(&e->node)) {
    return to->dtype == DType::kFloat32 ? plain_load(to->arg) : nullptr;
  }
  return std::get_if<Load>(&e->node);
}

// Whether `dtype` holds every number of a load of `from`.
bool holds(DType dtype, DType from) {
  return from == dtype || from == DType::kFloat8E4M3FN ||
         from == DType::kFloat8E5M2;
}

}  // namespace

std::optional<DType> MatmulMma::exact_dtype(MatmulParts& parts) {
  if (parts.dtype() != DType::kFloat32) return std::nullopt;
  std::vector<Expr> sides = {parts.left()};
  for (const MatmulSection& section : parts.form().sections) {
    for (size_t p = 0; p < section.parts.size(); ++p) {
      sides.push_back(parts.right(section, p));
    }
  }
  for (DType dtype : {DType::kBFloat16, DType::kFloat16}) {
    bool all = true;
    for (const Expr& side : sides) {
      const Load* load = plain_load(side);
      all = all && load && holds(dtype, load->dtype);
    }
    if (all) return dtype;
  }
  return std::nullopt;
}

MatmulMma::MatmulMma(MatmulParts& parts, DType dtype)
    : parts_(parts), dtype_(dtype) {
  KernelBuilder& kernel = parts.kernel();
  left_ = kernel.shared("left", dtype, kPiece);
  right_ = kernel.shared("right", dtype, kPiece * parts.most_parts());
  sums_ = kernel.local("sums", DType::kFloat32,
                       kTiles * kCells * parts.most_parts());
  a_ = kernel.local("a_part", DType::kInt32, 4);
  b_ = kernel.local("b_part", DType::kInt32, 2);
}

Expr MatmulMma::warp() const {
  return var(parts_.worker()) / int_literal(kWarp);
}
Expr MatmulMma::lane() const {
  return var(parts_.worker()) % int_literal(kWarp);
}

// Lines of the piece, k after k; what lies outside counts as zero.
Stmt MatmulMma::fill(const Piece& piece, const Var& k0) const {
  const MatmulForm& form = parts_.form();
  const Load* load = plain_load(piece.value);
  Var kp = make_var("kp");
  if (load->dtype == dtype_) {
    Ranges ranges = parts_.ranges();
    ranges.add(piece.line, piece.lines);
    auto address = parts_.pack_address(load->index[0], ranges, kp, kPack);
    if (address) return move_packs(piece, k0, load->slot, *address, kp);
  }
  Var u = make_var("u"), cell = make_var("cell");
  Expr line = var(cell) / int_literal(kDepth);
  Expr k = var(cell) % int_literal(kDepth);
  Expr inside = var(piece.line) < size_of(piece.lines) &&
                var(form.k) < size_of(form.depth);
  return unrolled(
      u, kPack,
      block({let(cell, var(parts_.worker()) +
                           var(u) * int_literal(kMatmulThreads)),
             let(piece.line, piece.begin + line), let(form.k, var(k0) + k),
             store(piece.array, piece.first + line * int_literal(kLine) + k,
                   select(inside, piece.value, parts_.zero()))}));
}

Stmt MatmulMma::move_packs(const Piece& piece, const Var& k0, int slot,
                           const Expr& address, const Var& kp) const {
  constexpr int64_t kPacks = kDepth / kPack;
  Expr worker = var(parts_.worker());
  Expr line = worker / int_literal(kPacks);
  Expr pack = worker % int_literal(kPacks);
  Var j = make_var("j");
  Expr mine = piece.begin + line;
  Expr mine_kp = var(k0) / int_literal(kPack) + pack;
  Expr to = piece.first + line * int_literal(kLine) +
            pack * int_literal(kPack);
  Expr inside =
      mine < size_of(piece.lines) &&
      mine_kp * int_literal(kPack) < size_of(parts_.form().depth);
  Stmt move = block(
      {let(piece.line, mine), let(kp, mine_kp),
       intrinsic(IntrinsicOp::kMove, {{piece.array, to}, {slot, address}},
                 16)});
  Stmt clear = unrolled(
      j, kPack, store(piece.array, to + var(j), parts_.zero()));
  return if_then(inside, move, clear);
}

Stmt MatmulMma::multiply(const MatmulSection& section) const {
  Var s = make_var("s"), t = make_var("t");
  Expr k = var(s) * int_literal(kStep);
  Expr row = warp() % int_literal(kTile / kRows) * int_literal(kRows);
  Expr column =
      warp() / int_literal(kTile / kRows) * int_literal(kWarpColumns);
  auto at = [](int slot, const Expr& index) {
    return Intrinsic::Address{slot, index};
  };
  IntrinsicOp product = dtype_ == DType::kBFloat16 ? IntrinsicOp::kMmaBf16
                                                   : IntrinsicOp::kMmaF16;
  std::vector<Stmt> step = {
      intrinsic(IntrinsicOp::kLoad16x16,
                {at(a_, int_literal(0)),
                 at(left_, row * int_literal(kLine) + k)},
                kLine)};
  for (size_t p = 0; p < section.parts.size(); ++p) {
    const auto part = static_cast<int64_t>(p);
    Expr line = column + var(t) * int_literal(kColumns);
    Expr sum = (var(t) + int_literal(part * kTiles)) * int_literal(kCells);
    step.push_back(unrolled(
        t, kTiles,
        block({intrinsic(IntrinsicOp::kLoad8x16,
                         {at(b_, int_literal(0)),
                          at(right_, int_literal(part * kPiece) +
                                         line * int_literal(kLine) + k)},
                         kLine),
               intrinsic(product, {at(sums_, sum), at(a_, int_literal(0)),
                                   at(b_, int_literal(0))})})));
  }
  return unrolled(s, kDepth / kStep, block(std::move(step)));
}

// A thread has two neighbours in each of two rows of a tile.
Stmt MatmulMma::store_results(const MatmulSection& section, const Var& m0,
                              const Var& n0) {
  const MatmulForm& form = parts_.form();
  Var t = make_var("t"), c = make_var("c");
  Expr row = var(m0) +
             warp() % int_literal(kTile / kRows) * int_literal(kRows) +
             lane() / int_literal(4) + var(c) / int_literal(2) * int_literal(8);
  Expr column = var(n0) +
                warp() / int_literal(kTile / kRows) *
                    int_literal(kWarpColumns) +
                var(t) * int_literal(kColumns) +
                lane() % int_literal(4) * int_literal(2) +
                var(c) % int_literal(2);
  Stmt one = parts_.finish(section, row, column, [&](size_t part) {
    Expr tile = var(t) + int_literal(static_cast<int64_t>(part) * kTiles);
    return flat_load(sums_, DType::kFloat32,
                     tile * int_literal(kCells) + var(c));
  });
  Expr inside = row < size_of(form.rows) && column < size_of(section.columns);
  return unrolled(t, kTiles, unrolled(c, kCells, if_then(inside, one)));
}

Stmt MatmulMma::tile(const MatmulSection& section, const Expr& row,
                     const Expr& column) {
  const MatmulForm& form = parts_.form();
  const auto count = static_cast<int64_t>(section.parts.size());
  Var m0 = make_var("m0"), n0 = make_var("n0"), k0 = make_var("k0");
  Var c = make_var("c");
  // Others may still read the pieces of the step before.
  std::vector<Stmt> step = {
      barrier(kMatmulThreads),
      fill({left_, int_literal(0), parts_.left(), form.m, var(m0), form.rows},
           k0)};
  for (size_t p = 0; p < section.parts.size(); ++p) {
    step.push_back(fill({right_, int_literal(static_cast<int64_t>(p) * kPiece),
                         parts_.right(section, p), form.n, var(n0),
                         section.columns},
                        k0));
  }
  step.push_back(barrier(kMatmulThreads));
  step.push_back(multiply(section));
  Stmt clear = unrolled(c, count * kTiles * kCells,
                        store(sums_, var(c), parts_.zero()));
  return block({let(m0, row), let(n0, column), clear,
                for_loop(k0, int_literal(0), size_of(form.depth),
                         block(std::move(step)), LoopKind::kSerial, kDepth),
                store_results(section, m0, n0)});
}

}  // namespace lathe::cuda
