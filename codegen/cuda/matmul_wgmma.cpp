#include "codegen/cuda/matmul_wgmma.h"

#include <algorithm>

#include "codegen/cuda/code_words.h"
#include "codegen/rewrite.h"
#include "spec/check.h"

namespace lathe::cuda {
namespace {

constexpr int64_t kWarp = 32, kGroupThreads = 128;
// The threads that multiply, and the first that does not.
constexpr int64_t kMultiplying = 256;
// Of a group: rows; of a thread for each part: results, by eight columns.
constexpr int64_t kGroupRows = 64, kSums = 64, kCells = 4;
constexpr int64_t kTiles = kSums / kCells, kTileColumns8 = 8;
constexpr int64_t kTileBytes = MatmulWgmma::kRows * kTileLine;
// Swizzled tiles repeat every eight lines.
constexpr int64_t kTileAlignment = 8 * kTileLine;
constexpr size_t kMostParts = 2, kMostMaps = 8;
// More stages under way do not help; shared memory for all but the tiles.
constexpr int64_t kMostStages = 6, kOtherBytes = 4096;
// Of 65536 registers 168 are there for each thread; who fetches needs few.
constexpr int64_t kFewRegisters = 24, kManyRegisters = 240;

static_assert(MatmulWgmma::kRows == MatmulWgmma::kColumns,
              "tiles of both sides have the same bytes");

Intrinsic::Address at(int slot, const Expr& index) { return {slot, index}; }

IntrinsicOp product_of(const MatmulPlan& plan) {
  if (!plan.float8) {
    return *plan.exact == DType::kBFloat16 ? IntrinsicOp::kTileBf16
                                           : IntrinsicOp::kTileF16;
  }
  const bool left = plan.left_piece() == DType::kFloat8E4M3FN;
  const bool right = plan.right_piece() == DType::kFloat8E4M3FN;
  if (left) {
    return right ? IntrinsicOp::kTileE4M3E4M3 : IntrinsicOp::kTileE4M3E5M2;
  }
  return right ? IntrinsicOp::kTileE5M2E4M3 : IntrinsicOp::kTileE5M2E5M2;
}

Expr clamped(const Expr& index, const Dim& size) {
  return min(index, size_of(size) - int_literal(1));
}

}  // namespace

std::optional<TileViews> MatmulWgmma::views(MatmulParts& parts) {
  const MatmulPlan& plan = parts.plan();
  if (!plan.exact || static_cast<size_t>(parts.most_parts()) > kMostParts ||
      plan.form.parts.size() >= kMostMaps) {
    return std::nullopt;
  }
  if (plan.cut && plan.cut->term.get()) return std::nullopt;
  // Factors of every step, and totals of two parts, are too many registers.
  if (plan.group != 0 && parts.most_parts() > 1) return std::nullopt;
  const int64_t depth = kTileLine / size_of(plan.left_piece());
  if (plan.group % depth != 0) return std::nullopt;
  return tile_views(parts, kRows, kColumns);
}

MatmulWgmma::MatmulWgmma(MatmulParts& parts, const TileViews& views,
                         int64_t shared_bytes)
    : parts_(parts), depth_(views.left.tile_depth) {
  const MatmulPlan& plan = parts.plan();
  KernelBuilder& kernel = parts.kernel();
  const int64_t most = parts.most_parts();
  stages_ = std::min(kMostStages, (shared_bytes - kOtherBytes) /
                                      (kTileBytes * (1 + most)));
  by_step_ = plan.float8 || plan.group != 0;
  left_map_ = kernel.tensor_map("left_view", views.left);
  for (const TensorView& view : views.right) {
    right_maps_.push_back(kernel.tensor_map("right_view", view));
  }
  left_ = kernel.shared("left", plan.left_piece(), stages_ * kRows * depth_,
                        kTileAlignment);
  right_ = kernel.shared("right", plan.right_piece(),
                         stages_ * most * kColumns * depth_, kTileAlignment);
  full_ = kernel.shared("full", DType::kInt64, stages_);
  empty_ = kernel.shared("empty", DType::kInt64, stages_);
  sums_ = kernel.local("sums", DType::kFloat32,
                       by_step_ ? kSums : most * kSums);
  totals_ = by_step_ ? kernel.local("totals", DType::kFloat32, most * kSums)
                     : sums_;
  if (by_step_ && plan.group != 0 && plan.left_factor.get()) {
    left_factors_ = kernel.local("left_factors", DType::kFloat32, 2);
  }
  kernel.keep_blocks(1);
}

Expr MatmulWgmma::steps() const {
  return size_of(ceildiv(parts_.form().depth, Dim(depth_)));
}

Expr MatmulWgmma::first_left(const Expr& stage) const {
  return stage * int_literal(kRows * depth_);
}
Expr MatmulWgmma::first_right(const Expr& stage, size_t part) const {
  return (stage * int_literal(parts_.most_parts()) +
          int_literal(static_cast<int64_t>(part))) *
         int_literal(kColumns * depth_);
}

// Two neighbours in each of two rows, for every eight columns.
Expr MatmulWgmma::row_of(const Expr& cell) const {
  Expr lane = var(parts_.worker()) % int_literal(kWarp);
  return var(parts_.worker()) / int_literal(kWarp) * int_literal(16) +
         lane / int_literal(4) + cell / int_literal(2) * int_literal(8);
}
Expr MatmulWgmma::column_of(const Expr& t, const Expr& cell) const {
  Expr lane = var(parts_.worker()) % int_literal(kWarp);
  return t * int_literal(kTileColumns8) +
         lane % int_literal(4) * int_literal(2) + cell % int_literal(2);
}

// --- the ring ---

Stmt MatmulWgmma::start_ring() const {
  Var s = make_var("s");
  Stmt start = unrolled(
      s, stages_,
      block({intrinsic(IntrinsicOp::kStartBarrier, {at(full_, var(s))}, 1),
             intrinsic(IntrinsicOp::kStartBarrier, {at(empty_, var(s))},
                       kMultiplying / kWarp)}));
  return block({if_then(equal(var(parts_.worker()), int_literal(0)),
                        block({start, intrinsic(IntrinsicOp::kFenceBarriers)})),
                barrier(kThreads)});
}

Stmt MatmulWgmma::end_ring() const {
  Var s = make_var("s");
  return block(
      {barrier(kThreads),
       if_then(equal(var(parts_.worker()), int_literal(0)),
               unrolled(s, stages_,
                        block({intrinsic(IntrinsicOp::kEndBarrier,
                                         {at(full_, var(s))}),
                               intrinsic(IntrinsicOp::kEndBarrier,
                                         {at(empty_, var(s))})})))});
}

// One thread keeps the stages full.
Stmt MatmulWgmma::fetch(const Place& place) const {
  const auto& parts = place.section.parts;
  const int64_t bytes = kTileBytes * (1 + static_cast<int64_t>(parts.size()));
  Var number = make_var("number"), stage = make_var("stage"),
      k0 = make_var("k0");
  // The stage was used before: its last phase counts from 0 too.
  Expr parity = (var(number) / stages() + int_literal(1)) % int_literal(2);
  Intrinsic::Address full = at(full_, var(stage));
  std::vector<Stmt> stmts = {
      let(stage, stage_of(var(number))),
      let(k0, var(number) * int_literal(depth_)),
      if_then(var(number) >= stages(),
              intrinsic(IntrinsicOp::kAwaitPhase, {at(empty_, var(stage))}, 0,
                        {parity})),
      intrinsic(IntrinsicOp::kExpectBytes, {full}, bytes),
      intrinsic(IntrinsicOp::kFetchTile,
                {at(left_, first_left(var(stage))),
                 at(left_map_, int_literal(0)), full},
                0, {var(k0), var(place.m0)})};
  for (size_t p = 0; p < parts.size(); ++p) {
    stmts.push_back(intrinsic(
        IntrinsicOp::kFetchTile,
        {at(right_, first_right(var(stage), p)),
         at(right_maps_[size_t(parts[p])], int_literal(0)), full},
        0, {var(k0), var(place.n0)}));
  }
  return for_loop(number, int_literal(0), steps(), block(std::move(stmts)));
}

// A warp has done with the stage.
Stmt MatmulWgmma::release(const Expr& stage) const {
  Expr lane = var(parts_.worker()) % int_literal(kWarp);
  return if_then(equal(lane, int_literal(0)),
                 intrinsic(IntrinsicOp::kArrive, {at(empty_, stage)}));
}

// --- products ---

Stmt MatmulWgmma::part_products(
    const Expr& stage, size_t part, const Expr& sums,
    const std::function<Expr(const Expr& s)>& keep) const {
  const int64_t step = parts_.plan().step();
  Var s = make_var("s");
  Expr group = var(parts_.worker()) / int_literal(kGroupThreads);
  Expr k = var(s) * int_literal(step);
  Expr left = first_left(stage) + group * int_literal(kGroupRows * depth_) + k;
  return unrolled(s, depth_ / step,
                  intrinsic(product_of(parts_.plan()),
                            {at(sums_, sums), at(left_, left),
                             at(right_, first_right(stage, part) + k)},
                            0, {keep(var(s))}));
}

// The stage before is free when its products are done; those of this one go
// on.
Stmt MatmulWgmma::step_of_sums(const Place& place, const Var& number) const {
  Var stage = make_var("stage");
  std::vector<Stmt> stmts = {
      let(stage, stage_of(var(number))),
      intrinsic(IntrinsicOp::kAwaitPhase, {at(full_, var(stage))}, 0,
                {var(number) / stages() % int_literal(2)}),
      intrinsic(IntrinsicOp::kBeginProducts)};
  for (size_t p = 0; p < place.section.parts.size(); ++p) {
    stmts.push_back(part_products(
        var(stage), p, int_literal(static_cast<int64_t>(p) * kSums),
        [](const Expr&) { return int_literal(1); }));
  }
  stmts.push_back(intrinsic(IntrinsicOp::kGroupProducts));
  stmts.push_back(intrinsic(IntrinsicOp::kAwaitProducts, {}, 1));
  stmts.push_back(if_then(var(number) > int_literal(0),
                          release(stage_of(var(number) - int_literal(1)))));
  return block(std::move(stmts));
}

Stmt MatmulWgmma::step_of_totals(const Place& place, const Var& number) {
  Var stage = make_var("stage"), k0 = make_var("k0");
  std::vector<Stmt> stmts = {let(stage, stage_of(var(number))),
                             let(k0, var(number) * int_literal(depth_)),
                             read_left_factors(place, var(k0)),
                             intrinsic(IntrinsicOp::kAwaitPhase,
                                       {at(full_, var(stage))}, 0,
                                       {var(number) / stages() %
                                        int_literal(2)})};
  const size_t count = place.section.parts.size();
  for (size_t p = 0; p < count; ++p) {
    stmts.push_back(intrinsic(IntrinsicOp::kBeginProducts));
    stmts.push_back(part_products(var(stage), p, int_literal(0),
                                  [](const Expr& s) { return s; }));
    stmts.push_back(intrinsic(IntrinsicOp::kGroupProducts));
    stmts.push_back(intrinsic(IntrinsicOp::kAwaitProducts, {}, 0));
    if (p + 1 == count) stmts.push_back(release(var(stage)));
    stmts.push_back(add_to_totals(place, p, var(k0)));
  }
  return block(std::move(stmts));
}

Stmt MatmulWgmma::clear(const Place& place) const {
  const auto parts = static_cast<int64_t>(place.section.parts.size());
  Var c = make_var("c");
  return unrolled(c, parts * kSums, store(totals_, var(c), parts_.zero()));
}

Stmt MatmulWgmma::multiply(const Place& place) {
  Var number = make_var("number");
  // Of unrolled steps ptxas may let one product wait for the one before.
  std::vector<Stmt> stmts = {
      clear(place), for_loop(number, int_literal(0), steps(),
                             by_step_ ? step_of_totals(place, number)
                                      : step_of_sums(place, number),
                             LoopKind::kRolled)};
  if (!by_step_) {
    stmts.push_back(intrinsic(IntrinsicOp::kAwaitProducts, {}, 0));
  }
  stmts.push_back(store_results(place));
  return block(std::move(stmts));
}

// --- factors ---

Stmt MatmulWgmma::read_left_factors(const Place& place, const Expr& k0) {
  if (left_factors_ < 0) return block({});
  const MatmulForm& form = parts_.form();
  Var r = make_var("r");
  Expr row = var(place.m0) + row_of(var(r) * int_literal(2));
  Expr factor = substitute(parts_.left_factor(),
                           {{form.m.get(), clamped(row, form.rows)},
                            {form.k.get(), k0}});
  return unrolled(r, 2, store(left_factors_, var(r), factor));
}

Expr MatmulWgmma::column_factor(const Place& place, size_t part, const Expr& n,
                                const Expr& k) const {
  if (!parts_.plan().cut) return {};
  return parts_.stored()->factor(place.section.parts[part], n, k);
}

// The factor that all columns of a tile share; empty if they do not.
Expr MatmulWgmma::tile_factor(const Place& place, size_t part,
                              const Expr& k) const {
  Var tile = make_var("tile"), inside = make_var("inside");
  Ranges ranges;
  ranges.add(tile, ceildiv(place.section.columns, Dim(kColumns)));
  ranges.add(inside, Dim(kColumns));
  Expr n = var(tile) * int_literal(kColumns) + var(inside);
  Expr factor = column_factor(place, part, n, k);
  if (!factor.get()) return {};
  factor = simplify(factor, ranges);
  if (depends_on(factor, inside.get())) return {};
  return substitute(factor, {{tile.get(), var(place.tile)}});
}

// The sums of a step, times its factors.
Stmt MatmulWgmma::add_to_totals(const Place& place, size_t part,
                                const Expr& k0) {
  const bool has_factors = parts_.plan().group != 0;
  Var t = make_var("t"), c = make_var("c");
  Var shared = make_var("factor", NumType::kFloat32);
  std::vector<Stmt> stmts;
  Expr sum = flat_load(sums_, DType::kFloat32,
                       var(t) * int_literal(kCells) + var(c));
  Expr n = clamped(var(place.n0) + column_of(var(t), var(c)),
                   place.section.columns);
  Expr own = column_factor(place, part, n, k0);
  if (has_factors && own.get()) {
    if (Expr same = tile_factor(place, part, k0); same.get()) {
      stmts.push_back(let(shared, same));
      own = var(shared);
    }
    sum = sum * own;
  }
  if (left_factors_ >= 0) {
    sum = sum * flat_load(left_factors_, DType::kFloat32,
                          var(c) / int_literal(2));
  }
  Expr to = int_literal(static_cast<int64_t>(part) * kSums) +
            var(t) * int_literal(kCells) + var(c);
  Expr total = flat_load(totals_, DType::kFloat32, to) + sum;
  stmts.push_back(
      unrolled(t, kTiles, unrolled(c, kCells, store(totals_, to, total))));
  return block(std::move(stmts));
}

// --- results ---

Stmt MatmulWgmma::store_results(const Place& place) {
  const MatmulForm& form = parts_.form();
  Var t = make_var("t"), c = make_var("c");
  Expr row = var(place.m0) + row_of(var(c));
  Expr column = var(place.n0) + column_of(var(t), var(c));
  Stmt one = parts_.finish(
      place.section, row, column, [&](size_t part) {
        Expr sum = flat_load(totals_, DType::kFloat32,
                             int_literal(static_cast<int64_t>(part) * kSums) +
                                 var(t) * int_literal(kCells) + var(c));
        if (parts_.plan().group != 0) return sum;
        Expr zero = int_literal(0);
        if (Expr own = column_factor(place, part, var(form.n), zero);
            own.get()) {
          sum = sum * own;
        }
        if (Expr left = parts_.left_factor(); left.get()) {
          sum = sum * substitute(left, {{form.k.get(), zero}});
        }
        return sum;
      });
  Expr inside =
      row < size_of(form.rows) && column < size_of(place.section.columns);
  return unrolled(t, kTiles, unrolled(c, kCells, if_then(inside, one)));
}

Stmt MatmulWgmma::tile(const MatmulSection& section, const Expr& row,
                       const Expr& column_tile) {
  Place place{section, make_var("m0"), make_var("tile"), make_var("n0")};
  // Their sum is what the processor has.
  static_assert(kGroupThreads * (kFewRegisters + 2 * kManyRegisters) <= 65536,
                "registers of all groups");
  const int64_t held = kSums * parts_.most_parts() + (by_step_ ? kSums : 0);
  // Otherwise ptxas spills some of what it had room for.
  const bool shifts = held > 2 * kSums || parts_.plan().group != 0;
  auto registers = [&](IntrinsicOp op, int64_t number) {
    return shifts ? intrinsic(op, {}, number) : block({});
  };
  Expr worker = var(parts_.worker());
  return block(
      {let(place.m0, row), let(place.tile, column_tile),
       let(place.n0, var(place.tile) * int_literal(kColumns)), start_ring(),
       if_then(worker >= int_literal(kMultiplying),
               block({registers(IntrinsicOp::kFewerRegisters, kFewRegisters),
                      if_then(equal(worker, int_literal(kMultiplying)),
                              fetch(place))}),
               block({registers(IntrinsicOp::kMoreRegisters, kManyRegisters),
                      multiply(place)})),
       end_ring()});
}

}  // namespace lathe::cuda
