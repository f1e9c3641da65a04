// Packs of stored codes in the registers of a thread.

#include <algorithm>
#include <utility>

#include "codegen/cuda/code_words.h"
#include "codegen/cuda/stored_codes.h"
#include "spec/text.h"

namespace lathe::cuda {

void StoredCodes::add_registers(int64_t count) {
  for (size_t f = 0; f < cut().fields.size(); ++f) {
    registers_.emplace_back();
    if (!cut().fields[f].is_fine()) continue;
    for (const Lines& lines : fields_[0][f]) {
      registers_.back().push_back(kernel_.local(
          cat({"codes", f}),
          lines.dtype, count * size_in_pack(lines)));
    }
  }
}

Stmt StoredCodes::read(int part, const Expr& n, const Expr& number,
                       const Expr& to) const {
  std::vector<Stmt> moves;
  for (size_t f = 0; f < cut().fields.size(); ++f) {
    for (size_t i = 0; i < registers_[f].size(); ++i) {
      const Lines& lines = fields_[size_t(part)][f][i];
      const int64_t size = size_in_pack(lines);
      const int64_t bytes = std::min(kMostMove, size * size_of(lines.dtype));
      const int64_t step = bytes / size_of(lines.dtype);
      for (int64_t first = 0; first < size; first += step) {
        Expr at = number * int_literal(size) + int_literal(first);
        moves.push_back(intrinsic(
            IntrinsicOp::kMove,
            {{registers_[f][i], to * int_literal(size) + int_literal(first)},
             {lines.slot, element(lines, n, at)}},
            bytes));
      }
    }
  }
  return block(std::move(moves));
}

Stmt StoredCodes::clear(const Expr& to) const {
  std::vector<Stmt> stmts;
  for (size_t f = 0; f < cut().fields.size(); ++f) {
    for (size_t i = 0; i < registers_[f].size(); ++i) {
      const Lines& lines = fields_[0][f][i];
      const int64_t size = size_in_pack(lines);
      Var c = make_var("c");
      Expr zero =
          lathe::convert(compute_type(lines.dtype), int_literal(0));
      stmts.push_back(unrolled(
          c, size,
          store(registers_[f][i], to * int_literal(size) + var(c), zero)));
    }
  }
  return block(std::move(stmts));
}

Expr StoredCodes::value_in_pack(int part, const Expr& n, const Expr& number,
                                const Expr& to, const Expr& j) const {
  Substitution numbers;
  Expr k = number * int_literal(plan_.pack) + j;
  for (size_t f = 0; f < cut().fields.size(); ++f) {
    const RightField& field = cut().fields[f];
    if (!depends_on(cut().value, field.name.get())) continue;
    if (!field.is_fine()) {
      numbers[field.name.get()] = field_at(f, part, n, k);
      continue;
    }
    Expr all;
    for (size_t i = 0; i < registers_[f].size(); ++i) {
      const Lines& lines = fields_[size_t(part)][f][i];
      Expr at = to * int_literal(size_in_pack(lines)) +
                j / int_literal(lines.codes);
      Expr own = flat_load(registers_[f][i], lines.dtype, at);
      if (lines.bits > 0) {
        own = bit_and(shift_right(own, bit_of(j, lines.bits)),
                      (int64_t{1} << lines.bits) - 1);
        own = shift_left(own, int_literal(lines.low));
      }
      all = i == 0 ? own : bit_or(all, own);
    }
    if (!field.planes.empty()) all = all + int_literal(field.least);
    numbers[field.name.get()] = lathe::convert(NumType::kFloat32, all);
  }
  return substitute(cut().value, numbers);
}

// --- packs of 16-bit floats ---

void StoredCodes::add_halves() {
  const size_t f = static_cast<size_t>(*cut().code);
  const RightField& field = code_field();
  const int registers = registers_[f][0];
  if (field.planes.empty() && field.dtype == *plan_.exact) {
    halves_ = registers;
    return;
  }
  const int64_t size = size_in_pack(fields_[0][f][0]);
  const LoopKernel& loops = kernel_.loops();
  const int64_t packs =
      loops.locals[size_t(registers) - loops.buffers.size()].size / size;
  if (!field.planes.empty()) {
    pairs_ = kernel_.local("pairs", DType::kInt32, plan_.pack / 2);
  }
  halves_ = kernel_.local("halves", *plan_.exact, packs * plan_.pack);
}

Stmt StoredCodes::convert(const Expr& to) const {
  const size_t f = static_cast<size_t>(*cut().code);
  const RightField& field = code_field();
  if (halves_ == registers_[f][0]) return block({});
  if (!field.planes.empty()) return convert_bits(to);
  Expr first = to * int_literal(plan_.pack);
  Var i = make_var("i");
  if (field.dtype == DType::kFloat8E4M3FN) {
    const IntrinsicOp widen = *plan_.exact == DType::kBFloat16
                                  ? IntrinsicOp::kWidenE4M3Bf16
                                  : IntrinsicOp::kWidenE4M3F16;
    Expr at = first + var(i) * int_literal(4);
    return unrolled(
        i, plan_.pack / 4,
        intrinsic(widen, {{halves_, at}, {registers_[f][0], at}}));
  }
  Expr at = first + var(i);
  Expr number = lathe::convert(NumType::kFloat32,
                               flat_load(registers_[f][0], field.dtype, at));
  return unrolled(i, plan_.pack, store(halves_, at, number));
}

// Two neighbours at once, as halves of a word.
Stmt StoredCodes::convert_bits(const Expr& to) const {
  const size_t f = static_cast<size_t>(*cut().code);
  Var i = make_var("i");
  Expr both;
  for (size_t p = 0; p < registers_[f].size(); ++p) {
    const Lines& lines = fields_[0][f][p];
    Expr at = to * int_literal(size_in_pack(lines)) +
              var(i) / int_literal(lines.codes / 2);
    Expr shift =
        var(i) % int_literal(lines.codes / 2) * int_literal(lines.bits);
    const int64_t mask = (int64_t{1} << lines.bits) - 1;
    Expr own = bit_and(
        shift_right(flat_load(registers_[f][p], lines.dtype, at), shift),
        mask | mask << (kWordBits / 2));
    both = bit_or(both, shift_left(own, int_literal(lines.low)));
  }
  const IntrinsicOp small = *plan_.exact == DType::kBFloat16
                                ? IntrinsicOp::kSmallBf16
                                : IntrinsicOp::kSmallF16;
  Expr half = to * int_literal(plan_.pack) + var(i) * int_literal(2);
  return unrolled(
      i, plan_.pack / 2,
      block({store(pairs_, var(i), both),
             intrinsic(small, {{halves_, half}, {pairs_, var(i)}},
                       code_field().least)}));
}

std::vector<StoredCodes::Plane> StoredCodes::planes(int part) const {
  const size_t f = static_cast<size_t>(*cut().code);
  std::vector<Plane> planes;
  for (size_t i = 0; i < fields_[size_t(part)][f].size(); ++i) {
    const Lines& lines = fields_[size_t(part)][f][i];
    planes.push_back({lines.slot, lines.dtype, size_in_pack(lines),
                      registers_.empty() ? -1 : registers_[f][i]});
  }
  return planes;
}

Expr StoredCodes::address(int part, size_t i, const Expr& n,
                          const Expr& number) const {
  const size_t f = static_cast<size_t>(*cut().code);
  const Lines& lines = fields_[size_t(part)][f][i];
  return element(lines, n, number * int_literal(size_in_pack(lines)));
}

}  // namespace lathe::cuda
