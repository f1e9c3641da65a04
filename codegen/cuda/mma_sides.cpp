#include "codegen/cuda/mma_sides.h"

#include <algorithm>
#include <functional>

#include "codegen/cuda/code_words.h"
#include "codegen/cuda/gpu_sizes.h"
#include "codegen/cuda/result_tile.h"
#include "codegen/rewrite.h"

namespace lathe::cuda {
namespace {

// Neighbours of a lane; see stored_codes.h.
constexpr int64_t kOfLane = 4;
// Bytes of a line and step.
constexpr int64_t kStepBytes = 128;
// Steps under way; more do not help.
constexpr int64_t kMostUnderWay = 4;

}  // namespace

MmaSides::MmaSides(MatmulParts& parts, int64_t shared_bytes)
    : parts_(parts),
      size_(size_of(parts.plan().left_piece())),
      depth_(kStepBytes / size_) {
  const MatmulPlan& plan = parts.plan();
  left_.dtype = plan.left_piece();
  right_.dtype = plan.right_piece();
  left_.pack = right_.pack = kMove / size_;
  right_.parts = parts.most_parts();
  right_.mode = mode_of_right();
  if (right_.mode != Mode::kEach && plan.cut) right_.pack = plan.pack;
  if (right_.mode == Mode::kCodes && plan.in_steps) {
    depth_ = std::max(depth_, kMmaLanes * plan.pack);
  }
  const Expr left = parts.left_code();
  if (lies_in_packs(left_, left, plan.form.m, plan.form.rows)) {
    left_.mode = Mode::kAsItIs;
  }
  // Two blocks are to fit on a multiprocessor.
  int64_t fixed = completes() ? size_ * piece_size() * right_.parts : 0;
  if (right_.mode != Mode::kAsItIs) {
    fixed += ResultTile::bytes(right_.parts, kLines, kLines);
  }
  stages_ = std::clamp<int64_t>(
      (shared_bytes / 2 - fixed) / std::max<int64_t>(1, bytes_of_stage()), 2,
      kMostUnderWay);
  add_arrays();
}

MmaSides::Mode MmaSides::mode_of_right() const {
  const MatmulPlan& plan = parts_.plan();
  if (plan.cut) {
    const RightField& codes = plan.cut->fields[size_t(*plan.cut->code)];
    const bool same = codes.planes.empty() && codes.dtype == right_.dtype;
    return same && !plan.in_steps ? Mode::kAsItIs : Mode::kCodes;
  }
  for (const MatmulSection& section : plan.form.sections) {
    for (size_t p = 0; p < section.parts.size(); ++p) {
      if (!lies_in_packs(right_, parts_.right(section, p), plan.form.n,
                         section.columns)) {
        return Mode::kEach;
      }
    }
  }
  return Mode::kAsItIs;
}

bool MmaSides::lies_in_packs(const Side& side, const Expr& value,
                             const Var& line, const Dim& lines) const {
  const Load& load = *load_of(value);
  if (load.dtype != side.dtype) return false;
  Ranges ranges = parts_.ranges();
  ranges.add(line, lines);
  return parts_.pack_address(load.index[0], ranges, make_var("kp"), side.pack)
      .has_value();
}

bool MmaSides::completes() const {
  return left_.mode == Mode::kEach || right_.mode != Mode::kAsItIs;
}

int64_t MmaSides::bytes_of_stage() const {
  const int64_t piece = size_ * piece_size();
  int64_t bytes = left_.mode == Mode::kAsItIs ? piece : 0;
  if (right_.mode == Mode::kAsItIs) bytes += piece * right_.parts;
  if (right_.mode != Mode::kCodes) return bytes;
  for (const StoredCodes::Plane& plane : parts_.stored()->planes(0)) {
    bytes += plane.bytes() * (depth_ / right_.pack) * kLines * right_.parts;
  }
  return bytes;
}

void MmaSides::add_arrays() {
  KernelBuilder& kernel = parts_.kernel();
  auto add = [&](Side& side, const char* name) {
    const int64_t copies = side.mode == Mode::kAsItIs ? stages_ : 1;
    side.slot =
        kernel.shared(name, side.dtype, copies * side.parts * piece_size());
  };
  add(left_, "left");
  add(right_, "right");
  if (right_.mode != Mode::kCodes) return;
  StoredCodes& stored = *parts_.stored();
  for (const StoredCodes::Plane& plane : stored.planes(0)) {
    raw_.push_back(kernel.shared("stored", plane.dtype,
                                 stages_ * right_.parts * kLines *
                                     (depth_ / right_.pack) * plane.size));
  }
  stored.add_registers(1);
  stored.add_halves();
}

Expr MmaSides::first(const Side& side, const Expr& stage, size_t part) const {
  Expr piece = int_literal(static_cast<int64_t>(part));
  if (side.mode == Mode::kAsItIs) {
    piece = stage * int_literal(side.parts) + piece;
  }
  return piece * int_literal(piece_size());
}

MmaSides::Piece MmaSides::left_piece(const Tile& tile) const {
  const MatmulForm& form = parts_.form();
  return {left_, 0, form.m, var(tile.m0), form.rows};
}
MmaSides::Piece MmaSides::right_piece(const Tile& tile, size_t part) const {
  const MatmulForm& form = parts_.form();
  return {right_, part, form.n, var(tile.n0), tile.section.columns};
}

Expr MmaSides::value(const Tile& tile, const Piece& piece) {
  return &piece.side == &left_ ? parts_.left_code()
                               : parts_.right(tile.section, piece.part);
}

// The threads share out the packs of a piece.
Stmt MmaSides::for_packs(
    int64_t pack,
    const std::function<Stmt(const Expr& line, const Expr& pack)>& body)
    const {
  const int64_t of_line = depth_ / pack, all = of_line * kLines;
  Var u = make_var("u"), cell = make_var("cell");
  Stmt one = body(var(cell) / int_literal(of_line),
                  var(cell) % int_literal(of_line));
  if (all % kMatmulThreads != 0) {
    one = if_then(var(cell) < int_literal(all), one);
  }
  // Single numbers are many: the compiler says how many at once its registers
  // hold.
  return for_loop(u, int_literal(0),
                  int_literal((all + kMatmulThreads - 1) / kMatmulThreads),
                  block({let(cell, var(parts_.worker()) +
                                       var(u) * int_literal(kMatmulThreads)),
                         one}),
                  pack == 1 ? LoopKind::kSerial : LoopKind::kUnroll);
}

// --- moves ---

Stmt MmaSides::begin(const Tile& tile, const Expr& stage, const Var& k0) {
  std::vector<Stmt> stmts;
  if (left_.mode == Mode::kAsItIs) {
    stmts.push_back(move(tile, left_piece(tile), stage, k0));
  }
  for (size_t p = 0; p < tile.section.parts.size(); ++p) {
    const Piece piece = right_piece(tile, p);
    if (right_.mode == Mode::kAsItIs) {
      stmts.push_back(move(tile, piece, stage, k0));
    } else if (right_.mode == Mode::kCodes) {
      stmts.push_back(move_codes(tile, piece, stage, k0));
    }
  }
  return block(std::move(stmts));
}

// What lies outside counts as zero.
Stmt MmaSides::move(const Tile& tile, const Piece& piece, const Expr& stage,
                    const Var& k0) {
  const int64_t size = piece.side.pack;
  const int64_t bytes = size * size_;
  return for_packs(size, [&](const Expr& line, const Expr& pack) {
    Var mine = make_var("mine"), number = make_var("number");
    Intrinsic::Address to{piece.side.slot,
                          first(piece.side, stage, piece.part) +
                              line * int_literal(this->line()) +
                              pack * int_literal(size)};
    Intrinsic::Address from;
    if (&piece.side == &right_ && parts_.stored()) {
      const int part = tile.section.parts[piece.part];
      from = {parts_.stored()->planes(part)[0].slot,
              parts_.stored()->address(part, 0, var(mine), var(number))};
    } else {
      const Expr whole = value(tile, piece);
      const Load& load = *load_of(whole);
      Var kp = make_var("kp");
      Ranges ranges = parts_.ranges();
      ranges.add(piece.line, piece.lines);
      Expr address = *parts_.pack_address(load.index[0], ranges, kp, size);
      from = {load.slot,
              substitute(address, {{piece.line.get(), var(mine)},
                                   {kp.get(), var(number)}})};
    }
    Expr inside =
        var(mine) < size_of(piece.lines) &&
        var(number) * int_literal(size) < size_of(parts_.form().depth);
    return block({let(mine, piece.begin + line),
                  let(number, var(k0) / int_literal(size) + pack),
                  if_then(inside,
                          intrinsic(IntrinsicOp::kMoveAsync, {to, from}, bytes),
                          intrinsic(IntrinsicOp::kClear, {to}, bytes))});
  });
}

Expr MmaSides::raw(const Expr& stage, size_t part, size_t plane,
                   const Expr& line, const Expr& pack) const {
  const int64_t size = parts_.stored()->planes(0)[plane].size;
  Expr piece = stage * int_literal(right_.parts) +
               int_literal(static_cast<int64_t>(part));
  return ((piece * int_literal(kLines) + line) *
              int_literal(depth_ / right_.pack) +
          pack) *
         int_literal(size);
}

Stmt MmaSides::move_codes(const Tile& tile, const Piece& piece,
                          const Expr& stage, const Var& k0) {
  const StoredCodes& stored = *parts_.stored();
  const int part = tile.section.parts[piece.part];
  const auto planes = stored.planes(part);
  // With packs that are mixed, whole blocks are stored.
  const int64_t unit =
      parts_.plan().in_steps ? kMmaLanes * right_.pack : right_.pack;
  const int64_t depth = parts_.form().depth.value();
  const int64_t packs = (depth + unit - 1) / unit * (unit / right_.pack);
  return for_packs(right_.pack, [&](const Expr& line, const Expr& pack) {
    Var mine = make_var("mine"), number = make_var("number");
    std::vector<Stmt> moves, zeros;
    for (size_t i = 0; i < planes.size(); ++i) {
      Intrinsic::Address to{raw_[i], raw(stage, piece.part, i, line, pack)};
      moves.push_back(intrinsic(
          IntrinsicOp::kMoveAsync,
          {to,
           {planes[i].slot, stored.address(part, i, var(mine), var(number))}},
          planes[i].bytes()));
      zeros.push_back(
          intrinsic(IntrinsicOp::kClear, {to}, planes[i].bytes()));
    }
    Expr inside = var(mine) < size_of(piece.lines) &&
                  var(number) < int_literal(packs);
    return block({let(mine, piece.begin + line),
                  let(number, var(k0) / int_literal(right_.pack) + pack),
                  if_then(inside, block(std::move(moves)),
                          block(std::move(zeros)))});
  });
}

// --- completion ---

Stmt MmaSides::complete(const Tile& tile, const Expr& stage, const Var& k0) {
  std::vector<Stmt> stmts;
  if (left_.mode == Mode::kEach) {
    stmts.push_back(evaluate(tile, left_piece(tile), k0));
  }
  for (size_t p = 0; p < tile.section.parts.size(); ++p) {
    const Piece piece = right_piece(tile, p);
    if (right_.mode == Mode::kCodes) stmts.push_back(convert(piece, stage));
    if (right_.mode == Mode::kEach) {
      stmts.push_back(evaluate(tile, piece, k0));
    }
  }
  return block(std::move(stmts));
}

Stmt MmaSides::convert(const Piece& piece, const Expr& stage) {
  const StoredCodes& stored = *parts_.stored();
  const auto planes = stored.planes(0);
  const int64_t size = right_.pack;
  Expr zero = int_literal(0);
  return for_packs(size, [&](const Expr& line, const Expr& pack) {
    std::vector<Stmt> stmts;
    for (size_t i = 0; i < planes.size(); ++i) {
      stmts.push_back(intrinsic(
          IntrinsicOp::kMove,
          {{planes[i].registers, zero},
           {raw_[i], raw(stage, piece.part, i, line, pack)}},
          planes[i].bytes()));
    }
    stmts.push_back(stored.convert(zero));
    Expr to = first(right_, stage, piece.part) +
              line * int_literal(this->line());
    Var s = make_var("s");
    if (parts_.plan().in_steps) {
      Expr k = pack / int_literal(kMmaLanes) * int_literal(kMmaLanes * size) +
               pack % int_literal(kMmaLanes) * int_literal(kOfLane) +
               var(s) * int_literal(kMmaDepth);
      stmts.push_back(unrolled(
          s, size / kOfLane,
          intrinsic(IntrinsicOp::kMove,
                    {{right_.slot, to + k},
                     {stored.halves(), var(s) * int_literal(kOfLane)}},
                    2 * kOfLane)));
    } else {
      const int64_t most = std::min(size, kMove / size_);
      Expr at = var(s) * int_literal(most);
      stmts.push_back(unrolled(
          s, size / most,
          intrinsic(IntrinsicOp::kMove,
                    {{right_.slot, to + pack * int_literal(size) + at},
                     {stored.halves(), at}},
                    2 * most)));
    }
    return block(std::move(stmts));
  });
}

Stmt MmaSides::evaluate(const Tile& tile, const Piece& piece, const Var& k0) {
  const MatmulForm& form = parts_.form();
  Expr number = lathe::convert(NumType::kFloat32, value(tile, piece));
  return for_packs(1, [&](const Expr& line, const Expr& k) {
    Expr inside = var(piece.line) < size_of(piece.lines) &&
                  var(form.k) < size_of(form.depth);
    return block(
        {let(piece.line, piece.begin + line), let(form.k, var(k0) + k),
         store(piece.side.slot,
               first(piece.side, int_literal(0), piece.part) +
                   line * int_literal(this->line()) + k,
               select(inside, number, parts_.zero()))});
  });
}

}  // namespace lathe::cuda
