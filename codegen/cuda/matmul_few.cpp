#include "codegen/cuda/matmul_few.h"

#include <algorithm>

#include "codegen/cuda/code_words.h"
#include "codegen/cuda/gpu_sizes.h"
#include "codegen/rewrite.h"
#include "codegen/simplify.h"

namespace lathe::cuda {
namespace {


}  // namespace

MatmulFew::MatmulFew(MatmulParts& parts)
    : parts_(parts), pack_(best_pack(parts)) {
  KernelBuilder& kernel = parts.kernel();
  const int64_t count = parts.most_parts();
  sums_ = kernel.local("row_sums", parts.dtype(), count * kFewRows);
  weights_ = kernel.local("weights", parts.dtype(), count * pack_);
  if (reads_stored()) parts.stored()->add_registers(1);
}

// As many elements as the widest operand has in 16 bytes, or stored packs.
int64_t MatmulFew::best_pack(MatmulParts& parts) {
  const MatmulForm& form = parts.form();
  if (parts.stored()) {
    const int64_t pack = parts.stored()->pack();
    const bool whole = mod(form.depth, pack) == 0 && !parts.plan().in_steps;
    return whole ? pack : 1;
  }
  int64_t widest = 1;
  const Ranges& ranges = parts.ranges();
  auto see = [&](const Expr& side) {
    for (const Expr& e : loads_of(side)) {
      auto& load = std::get<Load>(e->node);
      auto affine = affine_in(load.index[0], form.k, ranges);
      if (!affine || !(affine->stride == 1)) continue;
      widest = std::max<int64_t>(widest, size_of(load.dtype));
    }
  };
  see(parts.left());
  for (const MatmulSection& section : form.sections) {
    for (size_t p = 0; p < section.parts.size(); ++p) {
      see(parts.right(section, p));
    }
  }
  const int64_t pack = kMove / widest;
  return mod(form.depth, pack) == 0 ? pack : 1;
}

bool MatmulFew::reads_stored() const {
  return parts_.stored() != nullptr && pack_ > 1;
}

Expr MatmulFew::sum_at(size_t part, const Expr& row) const {
  return row + int_literal(static_cast<int64_t>(part) * kFewRows);
}

int MatmulFew::pack_array(int buffer) {
  auto [it, inserted] = pack_arrays_.emplace(buffer, -1);
  if (inserted) {
    const DType dtype = parts_.kernel().loops().dtype_of(buffer);
    it->second = parts_.kernel().local(
        parts_.kernel().loops().buffers[size_t(buffer)].name + "_pack", dtype, pack_);
  }
  return it->second;
}

MatmulFew::Side MatmulFew::packed(const Expr& side,
                                  const MatmulSection& section, const Var& kp,
                                  const Expr& j) {
  Side result;
  Ranges ranges = parts_.ranges();
  ranges.add(parts_.form().n, section.columns);
  std::map<int, std::string> moved;  // address by buffer
  Rewriter rewrite([&](const Expr& e) -> Expr {
    auto* load = std::get_if<Load>(&e->node);
    if (!load || pack_ == 1) return {};
    const int64_t bytes = std::min(kMove, pack_ * size_of(load->dtype));
    if (bytes < kLeastMove) return {};
    auto address = parts_.pack_address(load->index[0], ranges, kp, pack_);
    if (!address || !parts_.is_there(side, e, ranges)) return {};
    auto [it, inserted] = moved.emplace(load->slot, to_string(*address));
    // A second place of the same buffer has no array of its own.
    if (!inserted && it->second != to_string(*address)) return {};
    const int array = pack_array(load->slot);
    const int64_t step = bytes / size_of(load->dtype);
    for (int64_t i = 0; inserted && i < pack_; i += step) {
      result.moves.push_back(intrinsic(
          IntrinsicOp::kMove,
          {{array, int_literal(i)}, {load->slot, *address + int_literal(i)}},
          bytes));
    }
    return flat_load(array, load->dtype, j);
  });
  result.value = rewrite(side);
  return result;
}

MatmulFew::Side MatmulFew::right_side(const MatmulSection& section, size_t p,
                                      const Var& kp, const Expr& j) {
  if (!reads_stored()) {
    return packed(parts_.right(section, p), section, kp, j);
  }
  const StoredCodes& stored = *parts_.stored();
  const int part = section.parts[p];
  Expr n = var(parts_.form().n), to = int_literal(0);
  Ranges ranges = parts_.ranges();
  ranges.add(kp, floordiv(parts_.form().depth, Dim(pack_)));
  ranges.add(std::get<VarRef>(j->node).var, Dim(pack_));
  return {simplify(stored.value_in_pack(part, n, var(kp), to, j), ranges),
          {stored.read(part, n, var(kp), to)}};
}

Stmt MatmulFew::depth_loop(const MatmulSection& section, const Var& column) {
  const MatmulForm& form = parts_.form();
  const DType dtype = parts_.dtype();
  Var kp = make_var("kp"), j = make_var("j");
  Stmt k = let(form.k, var(kp) * int_literal(pack_) + var(j));
  std::vector<Stmt> step = {let(form.n, var(column))};
  for (size_t p = 0; p < section.parts.size(); ++p) {
    Side right = right_side(section, p, kp, var(j));
    step.insert(step.end(), right.moves.begin(), right.moves.end());
    Expr at = var(j) + int_literal(static_cast<int64_t>(p) * pack_);
    step.push_back(
        unrolled(j, pack_, block({k, store(weights_, at, right.value)})));
  }
  Var r = make_var("r");
  Side left = packed(parts_.left(), section, kp, var(j));
  std::vector<Stmt> add = {let(form.m, var(r))};
  add.insert(add.end(), left.moves.begin(), left.moves.end());
  Var x = make_var("x", form.type);
  std::vector<Stmt> one = {k, let(x, left.value)};
  for (size_t p = 0; p < section.parts.size(); ++p) {
    Expr weight = flat_load(
        weights_, dtype,
        var(j) + int_literal(static_cast<int64_t>(p) * pack_));
    Expr sum = flat_load(sums_, dtype, sum_at(p, var(r)));
    one.push_back(store(sums_, sum_at(p, var(r)), sum + var(x) * weight));
  }
  add.push_back(unrolled(j, pack_, block(std::move(one))));
  step.push_back(
      unrolled(r, kFewRows,
               if_then(var(r) < size_of(form.rows), block(std::move(add)))));
  Expr lane = var(parts_.worker()) % int_literal(kWarp);
  return for_loop(kp, lane, ceil_div(size_of(form.depth), int_literal(pack_)),
                  block(std::move(step)), LoopKind::kSerial, kWarp);
}

// A lane for each row.
Stmt MatmulFew::store_results(const MatmulSection& section, const Var& n) {
  const MatmulForm& form = parts_.form();
  Var r = make_var("r");
  Expr lane = var(parts_.worker()) % int_literal(kWarp);
  std::vector<Stmt> body;
  std::vector<Expr> sums;
  for (size_t p = 0; p < section.parts.size(); ++p) {
    Var sum = make_var("sum", form.type);
    body.push_back(declare(
        sum, flat_load(sums_, parts_.dtype(), sum_at(p, var(r)))));
    body.push_back(combine_lanes(ReduceOp::kSum, sum, kWarp));
    sums.push_back(var(sum));
  }
  Stmt one = parts_.finish(section, var(r), var(n),
                           [&](size_t part) { return sums[part]; });
  body.push_back(if_then(equal(lane, var(r)), one));
  return unrolled(r, kFewRows,
                  if_then(var(r) < size_of(form.rows), block(body)));
}

Stmt MatmulFew::columns(const MatmulSection& section, const Expr& column) {
  Var n = make_var("column"), c = make_var("c");
  const auto parts = static_cast<int64_t>(section.parts.size());
  Stmt clear = unrolled(c, parts * kFewRows,
                        store(sums_, var(c), parts_.zero()));
  Stmt warp = block({clear, depth_loop(section, n), store_results(section, n)});
  Expr mine = column + var(parts_.worker()) / int_literal(kWarp);
  return block({let(n, mine),
                if_then(var(n) < size_of(section.columns), warp)});
}

}  // namespace lathe::cuda
