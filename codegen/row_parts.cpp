// What a kernel does that is one of several of a group whose rows are cut into
// pieces (row_pieces.h): one phase's loops over a piece, or the join of what
// was found in the pieces of a row; and what these kernels leave for each
// other.

#include <algorithm>

#include "codegen/row_lowering.h"
#include "codegen/row_pieces.h"
#include "spec/text.h"

namespace lathe {

RowLowering& RowLowering::with_part(const RowPart& part,
                                    RowHandover& handover) {
  part_ = part;
  handover_ = &handover;
  return *this;
}

// Whether this kernel stores what stage s is.
bool RowLowering::stores_in_part(int s) const {
  const int p = plan_.phase_of[size_t(s)];
  if (plan_.accumulates(s) && !plan_.phases[size_t(p)].extents.empty()) {
    return p == part_.joined;
  }
  return p == part_.loop ||
         (size_t(p) >= part_.first && size_t(p) < part_.last);
}

// Whether this kernel computes something of what `slot` of the group holds.
bool RowLowering::reads_in_part(int slot) const {
  for (size_t r = 0; r < plan_.forms.size(); ++r) {
    const int p = plan_.phase_of[r];
    const bool here =
        p == part_.loop || (size_t(p) >= part_.first && size_t(p) < part_.last);
    if (!here && plan_.keep[r] != Keep::kAgain) continue;
    for (const Expr& e : loads_of(body_of(group_.stage(int(r))))) {
      if (std::get<Load>(e->node).slot == slot) return true;
    }
  }
  return false;
}

// Whether this kernel stores to output s, for its own stage or one that is
// kept there.
bool RowLowering::stores_output_in_part(int s) const {
  for (int r = 0; r < static_cast<int>(plan_.forms.size()); ++r) {
    const bool there = r == s || plan_.lender[size_t(r)] == s;
    if (there && stores_in_part(r)) return true;
  }
  return false;
}

bool RowLowering::reads_output_in_part(int s) const {
  for (int r = 0; r < static_cast<int>(plan_.forms.size()); ++r) {
    const bool there = (r == s && plan_.keep[size_t(r)] == Keep::kOutput) ||
                       plan_.lender[size_t(r)] == s;
    if (there && reads_in_part(group_.slot_of_stage(r))) return true;
  }
  return false;
}

int RowLowering::add_scratch(int index, bool writable) {
  const Scratch& scratch = handover_->scratch[size_t(index)];
  result_.kernel.buffers.push_back({scratch.name, scratch.dtype, writable});
  result_.bindings.push_back({BufferSource::kScratch, index});
  return static_cast<int>(result_.kernel.buffers.size()) - 1;
}

// A new array for stage s; its shape is known later.
int RowLowering::hand_over(std::map<int, int>& numbers, const char* name, int s,
                           NumType type) {
  numbers[s] = static_cast<int>(handover_->scratch.size());
  handover_->scratch.push_back(
      {cat({name, s}), storage_type(type), {numel(plan_.rows)}});
  return add_scratch(numbers[s], true);
}

void RowLowering::bind_handover() {
  const size_t behind = std::max<size_t>(part_.last, size_t(part_.loop + 1));
  for (const auto& [s, number] : handover_->value) {
    if (!reads_in_part(group_.slot_of_stage(s))) continue;
    value_slot_[s] = add_scratch(number, false);
  }
  for (int s = 0; s < static_cast<int>(plan_.forms.size()); ++s) {
    const size_t at = size_t(s);
    const NumType type = body_of(group_.stage(s))->type;
    const bool found =
        plan_.accumulates(s) &&
        !plan_.phases[size_t(plan_.phase_of[at])].extents.empty();
    if (found && plan_.phase_of[at] == part_.loop) {
      found_slot_[s] = hand_over(handover_->found, "found", s, type);
      const Reduce& reduce = *plan_.forms[at].reduce;
      if (is_arg(reduce.op)) {
        extreme_slot_[s] =
            hand_over(handover_->extreme, "extreme", s, reduce.body->type);
      }
    } else if (found && plan_.phase_of[at] == part_.joined) {
      found_slot_[s] = add_scratch(handover_->found.at(s), false);
      auto extreme = handover_->extreme.find(s);
      if (extreme != handover_->extreme.end()) {
        extreme_slot_[s] = add_scratch(extreme->second, false);
      }
    }
    const bool scalar = plan_.forms[at].own.empty();
    if (scalar && stores_in_part(s) && is_read_after(s, behind - 1)) {
      value_slot_[s] = hand_over(handover_->value, "value", s, type);
    }
  }
  if (!target_.gpu || part_.loop < 0 || part_.joined < 0) return;
  auto& buffers = result_.kernel.buffers;
  counts_ = static_cast<int>(buffers.size());
  buffers.push_back({"arrivals", DType::kInt32, true});
  result_.bindings.push_back({BufferSource::kCounts, int(kMostGpuRows)});
}

Expr RowLowering::row_number() const {
  return numel(plan_.rows) == 1 ? int_literal(0) : var(row_number_);
}

void RowLowering::cut_pieces() {
  const Dim rows = numel(plan_.rows);
  row_number_ = make_var("row");
  ranges_.add(row_number_, rows);
  row_ = decode(var(row_number_), plan_.rows, ranges_);
  // The item's number is that of the piece where there is one row.
  piece_ = rows == 1 ? item_ : make_var("piece");
  divided_ = {row_number_.get(), piece_.get()};
  result_.items = rows;
}

std::vector<Stmt> RowLowering::body_of_part(std::vector<Stmt>& first) {
  std::vector<Stmt> values, out;
  for (const auto& [s, slot] : value_slot_) {
    if (stores_in_part(s)) continue;
    const DType dtype = result_.kernel.dtype_of(slot);
    Var v = make_var(cat({"v", s}), body_of(group_.stage(s))->type);
    values.push_back(let(v, flat_load(slot, dtype, row_number())));
    value_[size_t(s)] = var(v);
  }
  if (part_.loop < 0) {
    if (!(result_.items == 1)) first.push_back(let(row_number_, var(item_)));
    if (part_.joined >= 0) {
      const size_t p = size_t(part_.joined);
      declare_accumulators(p, out);
      out.push_back(join_found(p, int_literal(0), 1));
    }
    finish_part(out);
  } else {
    const size_t p = size_t(part_.loop);
    out.push_back(workers_ > 1 ? piece_of_workers(p) : piece_of_phase(p));
    const Dim& pieces = handover_->pieces[p];
    if (!(result_.items == 1)) {
      const Expr item = index_of_item();
      first.push_back(let(row_number_, item / size_of(pieces)));
      first.push_back(let(piece_, item % size_of(pieces)));
    }
    result_.items *= pieces;
    for (auto* numbers : {&handover_->found, &handover_->extreme}) {
      for (const auto& [s, number] : *numbers) {
        if (plan_.phase_of[size_t(s)] != part_.loop) continue;
        handover_->scratch[size_t(number)].shape.push_back(pieces);
      }
    }
  }
  first.insert(first.end(), values.begin(), values.end());
  return out;
}

// One of two ways to cut a phase's loops, of which those from `split` on are
// one: that one into pieces, for each step of those before; or the first one
// into runs of steps, where what is inside of it is short.
RowLowering::PieceLoops RowLowering::cut_loops(const Shape& extents,
                                               size_t split, const Var& flat) {
  const auto middle = extents.begin() + static_cast<int64_t>(split);
  const Shape outer(extents.begin(), middle), inner(middle, extents.end());
  const Dim length = numel(inner);
  ranges_.add(flat, length);
  PieceLoops cut;
  const auto piece_from = [&](const Expr& number, const Dim& size,
                              const Dim& all) {
    const Expr begin = simplify(number * size_of(size), ranges_);
    if (mod(all, size) == 0) {
      return Span{begin, simplify(begin + size_of(size), ranges_), size};
    }
    Var end = make_var("end");
    cut.bounds.push_back(let(end, min(begin + size_of(size), size_of(all))));
    return Span{begin, var(end), size};
  };
  if (split > 0 && length.is_static() && length.value() < kPiece) {
    const Shape behind(extents.begin() + 1, extents.end());
    const Dim step =
        max(Dim(1), floordiv(Dim(kPiece), max(numel(behind), Dim(1))));
    cut.pieces = ceildiv(extents[0], step);
    ranges_.add(piece_, cut.pieces);
    const Span steps = piece_from(var(piece_), step, extents[0]);
    Var i = make_var("i");
    ranges_.add(i, extents[0]);
    const Nest nest =
        nest_of(Shape(outer.begin() + 1, outer.end()), "i", ranges_);
    cut.at = {var(i)};
    cut.at.insert(cut.at.end(), nest.at.begin(), nest.at.end());
    cut.span = all_of(length);
    cut.around = [=](const Stmt& body) {
      return for_loop(i, steps.begin, steps.end, nest.around(body));
    };
  } else {
    const Dim parts = ceildiv(length, Dim(kPiece));
    cut.pieces = numel(outer) * parts;
    ranges_.add(piece_, cut.pieces);
    cut.at = decode(var(piece_) / size_of(parts), outer, ranges_);
    cut.span = piece_from(var(piece_) % size_of(parts), Dim(kPiece), length);
    cut.around = [](const Stmt& body) { return body; };
  }
  for (const Expr& index : decode(var(flat), inner, ranges_)) {
    cut.at.push_back(index);
  }
  return cut;
}

Stmt RowLowering::piece_of_phase(size_t p) {
  const Shape& extents = plan_.phases[p].extents;
  std::vector<Stmt> out;
  declare_accumulators(p, out);
  const auto hoisted = std::tuple(hoisted_, divisions_, divided_);
  for (size_t split = 0;; ++split) {
    std::tie(hoisted_, divisions_, divided_) = hoisted;
    Var flat = make_var("i");
    const PieceLoops cut = cut_loops(extents, split, flat);
    const std::vector<PointOp> ops = ops_of_phase(p, cut.at);
    if (split + 1 < extents.size() && !all_affine(ops, flat)) continue;
    handover_->pieces[p] = cut.pieces;
    InnerLoop loop = inner_loop(ops, flat, cut.span);
    out.insert(out.end(), cut.bounds.begin(), cut.bounds.end());
    out.insert(out.end(), loop.before.begin(), loop.before.end());
    out.push_back(cut.around(block(std::move(loop.inside))));
    out.insert(out.end(), loop.after.begin(), loop.after.end());
    break;
  }
  out.push_back(store_found(p));
  return block(std::move(out));
}

// What reductions found in the piece goes to where the join finds it.
Stmt RowLowering::store_found(size_t p) const {
  std::vector<Stmt> stores;
  for (int s : plan_.phases[p].stages) {
    if (!plan_.accumulates(s)) continue;
    stores.push_back(
        store(found_slot_.at(s), var(item_), var(accumulator_[size_t(s)])));
    if (!best_[size_t(s)]) continue;
    stores.push_back(
        store(extreme_slot_.at(s), var(item_), var(best_[size_t(s)])));
  }
  return block(std::move(stores));
}

// Into the accumulators, from piece `first` on.
Stmt RowLowering::join_found(size_t p, const Expr& first, int64_t step) const {
  const auto& kernel = result_.kernel;
  const Dim& pieces = handover_->pieces[p];
  Var piece = make_var("piece");
  const Expr at = row_number() * size_of(pieces) + var(piece);
  const auto read = [&](int slot) {
    return flat_load(slot, kernel.dtype_of(slot), simplify(at, ranges_));
  };
  std::vector<PointOp> ops;
  for (int s : plan_.phases[p].stages) {
    if (!plan_.accumulates(s)) continue;
    const ReduceOp op = plan_.forms[size_t(s)].reduce->op;
    const Expr found = read(found_slot_.at(s));
    const Var& total = accumulator_[size_t(s)];
    if (const Var& best = best_[size_t(s)]) {
      const Expr extreme = read(extreme_slot_.at(s));
      ops.push_back(PointArg{op, best, total, extreme, found});
    } else {
      ops.push_back(PointAccumulate{op, total, found});
    }
  }
  return for_loop(piece, first, size_of(pieces), scalar_point(ops),
                  LoopKind::kSerial, step);
}

// Results of reductions, phases without loops, and what others read of them.
void RowLowering::finish_part(std::vector<Stmt>& out) {
  if (part_.joined >= 0) finish_accumulators(size_t(part_.joined), out);
  for (size_t p = part_.first; p < part_.last; ++p) {
    phase_without_loops(p, out);
  }
  std::vector<PointOp> ops;
  for (const auto& [s, slot] : value_slot_) {
    if (!stores_in_part(s)) continue;
    ops.push_back(PointStore{slot, row_number(), value_[size_t(s)]});
  }
  if (!ops.empty()) out.push_back(workers_ > 1 ? once(ops) : scalar_point(ops));
}

Dim RowLowering::cost_of_part() const {
  Dim cost = 0;
  for (int s = 0; s < static_cast<int>(plan_.forms.size()); ++s) {
    const size_t p = size_t(plan_.phase_of[size_t(s)]);
    if (int(p) == part_.loop || (p >= part_.first && p < part_.last)) {
      cost += cost_of_stage(s);
    }
  }
  if (part_.loop >= 0 || part_.joined < 0) return cost;
  return cost + numel(plan_.rows) * handover_->pieces[size_t(part_.joined)];
}

}  // namespace lathe
