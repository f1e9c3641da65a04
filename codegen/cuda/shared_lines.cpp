#include "codegen/cuda/shared_lines.h"

#include <utility>

#include "codegen/cuda/gpu_sizes.h"
#include "codegen/rewrite.h"

namespace lathe::cuda {
namespace {

bool dtype_holds(DType dtype, DType from) {
  return from == dtype || from == DType::kFloat8E4M3FN ||
         from == DType::kFloat8E5M2;
}

}  // namespace

bool holds_exactly(DType dtype, const Expr& value) {
  if (auto* to = std::get_if<Cast>(&value->node)) {
    if (dtype_holds(dtype, to->dtype)) return true;
    return to->dtype == DType::kFloat32 && is_float(to->dtype) &&
           holds_exactly(dtype, to->arg);
  }
  if (auto* from = std::get_if<Load>(&value->node)) {
    return dtype_holds(dtype, from->dtype);
  }
  auto* choice = std::get_if<Call>(&value->node);
  return choice && choice->op == ScalarOp::kSelect &&
         holds_exactly(dtype, choice->args[1]) &&
         holds_exactly(dtype, choice->args[2]);
}

SharedLines::SharedLines(KernelBuilder& kernel, const std::string& name,
                         DType dtype, int64_t lines, int64_t width,
                         int threads)
    : dtype_(dtype),
      slot_(kernel.shared(name, dtype, lines * distance_of(dtype, width))),
      width_(width),
      threads_(threads),
      worker_(kernel.loops().worker) {}

int64_t SharedLines::distance_of(DType dtype, int64_t width) {
  return width + kMove / size_of(dtype);
}

int64_t SharedLines::bytes(DType dtype, int64_t lines, int64_t width) {
  return lines * distance_of(dtype, width) * size_of(dtype);
}

// body(line, place) for the places across all lines, which the threads take in
// turns; each keeps its place where that comes out.
Stmt SharedLines::each_cell(
    int64_t lines, int64_t across, LoopKind kind,
    const std::function<Stmt(const Expr& line, const Expr& place)>& body)
    const {
  Var turn = make_var("turn"), line = make_var("line");
  Var place = make_var("place"), cell = make_var("cell");
  const int64_t turns = (lines * across + threads_ - 1) / threads_;
  Expr width = int_literal(across);
  if (threads_ % across == 0) {
    const int64_t step = threads_ / across;
    Stmt one = body(var(line) + var(turn) * int_literal(step), var(place));
    if (lines % step != 0) {
      one = if_then(var(line) + var(turn) * int_literal(step) <
                        int_literal(lines),
                    one);
    }
    return block({let(line, var(worker_) / width),
                  let(place, var(worker_) % width),
                  for_loop(turn, int_literal(0), int_literal(turns), one,
                           kind)});
  }
  Stmt one = block({let(line, var(cell) / width),
                    let(place, var(cell) % width),
                    body(var(line), var(place))});
  return for_loop(cell, var(worker_), int_literal(lines * across), one,
                  LoopKind::kSerial, threads_);
}

// The address of pack number `pack` of a line in memory, where packs lie one
// behind the other, each aligned to its size.
std::optional<Expr> SharedLines::pack_address(const LineOperand& operand,
                                              const Expr& index,
                                              const Var& number,
                                              Ranges ranges) const {
  if (operand.count % pack() != 0) return std::nullopt;
  ranges.add(number, operand.count / pack());
  auto affine = affine_in(index, operand.inner, ranges);
  if (!affine || affine->stride != 1) return std::nullopt;
  Expr address = substitute(
      index, {{operand.inner.get(), var(number) * int_literal(pack())}});
  if (!is_multiple(address, pack(), ranges)) return std::nullopt;
  return simplify(address, ranges);
}

Stmt SharedLines::fill(const LineOperand& operand, const Expr& first,
                       const Expr& valid, int64_t lines, const Expr& inner,
                       const Ranges& ranges) const {
  const Load* load = plain_load(operand.value);
  Var number = make_var("pack");
  std::optional<Expr> address;
  if (load && load->dtype == dtype_) {
    address = pack_address(operand, load->index[0], number, ranges);
  }
  const bool whole = operand.count % width_ == 0;
  if (!address) {
    auto evaluate = [&](const Expr& line, const Expr& place) {
      Expr inside = line < valid;
      if (!whole) {
        inside = inside && var(operand.inner) < int_literal(operand.count);
      }
      return block({let(operand.line, first + line),
                    let(operand.inner, inner + place),
                    store(slot_, at(line, place),
                          select(inside, operand.value,
                                 float_literal(0, NumType::kFloat32)))});
    };
    return each_cell(lines, width_, LoopKind::kSerial, evaluate);
  }
  return each_cell(
      lines, width_ / pack(), LoopKind::kUnroll,
      [&](const Expr& line, const Expr& place) {
        Intrinsic::Address to{slot_, at(line, place * int_literal(pack()))};
        Expr inside = line < valid;
        if (!whole) {
          inside = inside &&
                   var(number) < int_literal(operand.count / pack());
        }
        Stmt move = block(
            {let(operand.line, first + line),
             intrinsic(IntrinsicOp::kMoveAsync, {to, {load->slot, *address}},
                       kMove)});
        return block({let(number, inner / int_literal(pack()) + place),
                      if_then(inside, move, intrinsic(IntrinsicOp::kClear,
                                                      {to}, kMove))});
      });
}

}  // namespace lathe::cuda
