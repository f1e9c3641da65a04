#include "codegen/cuda/matmul_wgmma.h"

#include <algorithm>

#include "codegen/cuda/code_words.h"
#include "codegen/rewrite.h"
#include "spec/check.h"

namespace lathe::cuda {
namespace {

constexpr int64_t kGroupThreads = 128;
// The threads that multiply, and the first that does not.
constexpr int64_t kMultiplying = 256;
// Of a group: rows; of a thread for each part: results, by eight columns.
constexpr int64_t kGroupRows = 64, kSums = 64, kTileColumns8 = 8;
constexpr int64_t kTileBytes = MatmulWgmma::kRows * kTileLine;
// Swizzled tiles repeat every eight lines.
constexpr int64_t kTileAlignment = 8 * kTileLine;
constexpr size_t kMostParts = 2, kMostMaps = 8;
// Of 65536 registers 168 are there for each thread; who fetches needs few.
constexpr int64_t kFewRegisters = 24, kManyRegisters = 240;
// More stages under way do not help; shared memory for all but the tiles.
constexpr int64_t kMostStages = 6, kBesideTiles = 4096;

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

bool sums_by_step(const MatmulPlan& plan) {
  return plan.float8 || plan.group != 0;
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
  const int64_t depth = kTileLine / size_of(plan.left_piece());
  if (plan.group % depth != 0) return std::nullopt;
  const bool shared_tile = sums_by_step(plan) && parts.most_parts() > 1;
  return tile_views(parts, kRows, shared_tile ? kColumns / 2 : kColumns);
}

MatmulWgmma::MatmulWgmma(MatmulParts& parts, const TileViews& views,
                         int64_t shared_bytes)
    : parts_(parts), depth_(views.left.tile_depth) {
  const MatmulPlan& plan = parts.plan();
  KernelBuilder& kernel = parts.kernel();
  const int64_t most = parts.most_parts();
  by_step_ = sums_by_step(plan);
  shared_tile_ = by_step_ && most > 1;
  right_tiles_ = shared_tile_ ? 1 : most;
  stages_ = std::min(kMostStages, (shared_bytes - kBesideTiles) /
                                      (kTileBytes * (1 + right_tiles_)));
  left_map_ = kernel.tensor_map("left_view", views.left);
  for (const TensorView& view : views.right) {
    right_maps_.push_back(kernel.tensor_map("right_view", view));
  }
  left_ = kernel.shared("left", plan.left_piece(), stages_ * kRows * depth_,
                        kTileAlignment);
  right_ = kernel.shared("right", plan.right_piece(),
                         stages_ * right_tiles_ * kColumns * depth_, kTileAlignment);
  full_ = kernel.shared("full", DType::kInt64, stages_);
  empty_ = kernel.shared("empty", DType::kInt64, stages_);
  const int64_t sums = right_tiles_ * kSums;
  sums_ = kernel.local("sums", DType::kFloat32, sums);
  totals_ = by_step_ ? kernel.local("totals", DType::kFloat32, sums) : sums_;
  if (by_step_ && plan.group != 0 && plan.left_factor.get()) {
    left_factors_ = kernel.local("left_factors", DType::kFloat32, 2);
  }
  LATHE_CHECK(sums * kMultiplying * int64_t{sizeof(float)} <=
                  stages_ * right_tiles_ * kTileBytes,
              "results have no room");
  results_.emplace(parts, sums * kMultiplying, right_);
  kernel.keep_blocks(1);
}

int64_t MatmulWgmma::columns(const MatmulSection& section) const {
  const bool halves = shared_tile_ && section.parts.size() > 1;
  return halves ? kColumns / 2 : kColumns;
}

Expr MatmulWgmma::steps() const {
  return size_of(ceildiv(parts_.form().depth, Dim(depth_)));
}

Expr MatmulWgmma::first_left(const Expr& stage) const {
  return stage * int_literal(kRows * depth_);
}
Expr MatmulWgmma::first_right(const Expr& stage, size_t tile) const {
  return (stage * int_literal(right_tiles_) +
          int_literal(static_cast<int64_t>(tile))) *
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
Expr MatmulWgmma::sum_at(const Place& place, size_t part, const Expr& t,
                         const Expr& cell) const {
  const int64_t first = static_cast<int64_t>(part) * eights(place);
  return (int_literal(first) + t) * int_literal(kCells) + cell;
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
  Var number = make_var("number"), stage = make_var("stage"),
      k0 = make_var("k0");
  // The stage was used before: its last phase counts from 0 too.
  Expr parity = (var(number) / stages() + int_literal(1)) % int_literal(2);
  Intrinsic::Address full = at(full_, var(stage));
  std::vector<Stmt> moves;
  auto move = [&](const Intrinsic::Address& to, int map, const Expr& line) {
    moves.push_back(intrinsic(IntrinsicOp::kFetchTile,
                              {to, at(map, int_literal(0)), full}, 0,
                              {var(k0), line}));
  };
  move(at(left_, first_left(var(stage))), left_map_, var(place.m0));
  int64_t tiles = 1;
  auto map_of = [&](size_t p) { return right_maps_[size_t(parts[p])]; };
  for (size_t p = 0; p < parts.size() && !shared_tile_; ++p, ++tiles) {
    move(at(right_, first_right(var(stage), p)), map_of(p), var(place.n0));
  }
  // Of a part alone the second half is that of the columns.
  constexpr int64_t kHalf = kColumns / 2;
  for (size_t half = 0; half < 2 && shared_tile_; ++half) {
    const bool has_own = parts.size() > 1;
    Expr to = first_right(var(stage), 0) +
              int_literal(static_cast<int64_t>(half) * kHalf * depth_);
    Expr line = half == 1 && !has_own ? var(place.n0) + int_literal(kHalf)
                                      : var(place.n0);
    move(at(right_, to), map_of(has_own ? half : 0), line);
  }
  if (shared_tile_) ++tiles;
  std::vector<Stmt> stmts = {
      let(stage, stage_of(var(number))),
      let(k0, var(number) * int_literal(depth_)),
      if_then(var(number) >= stages(),
              intrinsic(IntrinsicOp::kAwaitPhase, {at(empty_, var(stage))}, 0,
                        {parity})),
      intrinsic(IntrinsicOp::kExpectBytes, {full}, kTileBytes * tiles)};
  stmts.insert(stmts.end(), moves.begin(), moves.end());
  return for_loop(number, int_literal(0), steps(), block(std::move(stmts)),
                  LoopKind::kRolled);
}

// A warp has done with the stage.
Stmt MatmulWgmma::release(const Expr& stage) const {
  Expr lane = var(parts_.worker()) % int_literal(kWarp);
  return if_then(equal(lane, int_literal(0)),
                 intrinsic(IntrinsicOp::kArrive, {at(empty_, stage)}));
}

// --- products ---

Stmt MatmulWgmma::products(
    const Expr& stage, size_t tile,
    const std::function<Expr(const Expr& s)>& keep) const {
  const int64_t step = parts_.plan().step();
  Var s = make_var("s");
  Expr group = var(parts_.worker()) / int_literal(kGroupThreads);
  Expr k = var(s) * int_literal(step);
  Expr left = first_left(stage) + group * int_literal(kGroupRows * depth_) + k;
  Expr sums = int_literal(static_cast<int64_t>(tile) * kSums);
  return unrolled(s, depth_ / step,
                  intrinsic(product_of(parts_.plan()),
                            {at(sums_, sums), at(left_, left),
                             at(right_, first_right(stage, tile) + k)},
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
    stmts.push_back(products(var(stage), p,
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
  std::vector<Stmt> stmts = {
      let(stage, stage_of(var(number))),
      let(k0, var(number) * int_literal(depth_)),
      read_left_factors(place, var(k0)),
      intrinsic(IntrinsicOp::kAwaitPhase, {at(full_, var(stage))}, 0,
                {var(number) / stages() % int_literal(2)}),
      intrinsic(IntrinsicOp::kBeginProducts),
      products(var(stage), 0, [](const Expr& s) { return s; }),
      intrinsic(IntrinsicOp::kGroupProducts),
      intrinsic(IntrinsicOp::kAwaitProducts, {}, 0),
      release(var(stage))};
  for (size_t p = 0; p < place.section.parts.size(); ++p) {
    stmts.push_back(add_to_totals(place, p, var(k0)));
  }
  return block(std::move(stmts));
}

Stmt MatmulWgmma::clear() const {
  Var c = make_var("c");
  return unrolled(c, right_tiles_ * kSums,
                  store(totals_, var(c), parts_.zero()));
}

Stmt MatmulWgmma::multiply(const Place& place) {
  Var number = make_var("number");
  // Of unrolled steps ptxas may let one product wait for the one before; and so
  // it does where sums are touched outside of this branch.
  std::vector<Stmt> stmts = {
      clear(),
      for_loop(number, int_literal(0), steps(),
               by_step_ ? step_of_totals(place, number)
                        : step_of_sums(place, number),
               LoopKind::kRolled)};
  if (!by_step_) {
    stmts.push_back(intrinsic(IntrinsicOp::kAwaitProducts, {}, 0));
    stmts.push_back(release(stage_of(steps() - int_literal(1))));
  }
  stmts.push_back(close(place));
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
  const int64_t columns = this->columns(place.section);
  ranges.add(tile, ceildiv(place.section.columns, Dim(columns)));
  ranges.add(inside, Dim(columns));
  Expr n = var(tile) * int_literal(columns) + var(inside);
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
  Expr to = sum_at(place, part, var(t), var(c));
  Expr sum = flat_load(sums_, DType::kFloat32, to);
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
  Expr total = flat_load(totals_, DType::kFloat32, to) + sum;
  stmts.push_back(unrolled(
      t, eights(place), unrolled(c, kCells, store(totals_, to, total))));
  return block(std::move(stmts));
}

Stmt MatmulWgmma::tile(const MatmulSection& section, const Expr& row,
                       const Expr& column_tile) {
  Place place{section, make_var("m0"), make_var("tile"), make_var("n0")};
  // Their sum is what the processor has.
  static_assert(kGroupThreads * (kFewRegisters + 2 * kManyRegisters) <= 65536,
                "registers of all groups");
  // Otherwise ptxas spills some of the factors that it has loaded ahead.
  const bool shifts = parts_.plan().group != 0;
  auto registers = [&](IntrinsicOp op, int64_t number) {
    return shifts ? intrinsic(op, {}, number) : block({});
  };
  Expr worker = var(parts_.worker());
  return block(
      {let(place.m0, row), let(place.tile, column_tile),
       let(place.n0, var(place.tile) * int_literal(columns(section))),
       start_ring(),
       if_then(worker >= int_literal(kMultiplying),
               block({registers(IntrinsicOp::kFewerRegisters, kFewRegisters),
                      if_then(equal(worker, int_literal(kMultiplying)),
                              fetch(place))}),
               block({registers(IntrinsicOp::kMoreRegisters, kManyRegisters),
                      multiply(place)})),
       end_ring()});
}

}  // namespace lathe::cuda
