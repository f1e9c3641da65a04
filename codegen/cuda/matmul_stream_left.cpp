// The left side of a product of few rows, as its tensor cores want it.

#include <algorithm>

#include "codegen/cuda/code_words.h"
#include "codegen/cuda/gpu_sizes.h"
#include "codegen/cuda/matmul_stream.h"
#include "codegen/rewrite.h"

namespace lathe::cuda {
DType MatmulStream::left_dtype(const MatmulPlan& plan) {
  return load_of(plan.left_code)->dtype;
}

bool MatmulStream::reads_left(MatmulParts& parts) {
  const int64_t pack = parts.plan().in_steps ? kLanes : parts.plan().pack;
  Var kp = make_var("kp");
  const Expr code = parts.left_code();
  const std::vector<Expr> loads = loads_of(code);
  return std::all_of(loads.begin(), loads.end(), [&](const Expr& e) {
    const Load& load = std::get<Load>(e->node);
    const Expr& index = load.index[0];
    if (parts.is_number(load)) {
      return parts.same_in_pack(index, parts.ranges(), pack);
    }
    return !depends_on(index, parts.form().k.get()) ||
           (parts.pack_address(index, parts.ranges(), kp, pack) &&
            parts.is_there(code, e, parts.ranges()));
  });
}

// Arrays for what the left side is computed from.
void MatmulStream::add_left_packs() {
  KernelBuilder& kernel = parts_.kernel();
  for (const Expr& e : loads_of(parts_.left_code())) {
    const Load& load = std::get<Load>(e->node);
    const bool known = std::any_of(
        left_packs_.begin(), left_packs_.end(), [&](const auto& moved) {
          return to_string(moved.first) == to_string(e);
        });
    if (known || parts_.is_number(load) ||
        !depends_on(load.index[0], plan_.form.k.get())) {
      continue;
    }
    const std::string& name = kernel.loops().buffers[size_t(load.slot)].name;
    left_packs_.emplace_back(
        e, kernel.local(name + "_pack", load.dtype, plan_.pack));
  }
}

// Moves pack `number`, of `count` elements, of what `load` reads along k.
Stmt MatmulStream::move_pack(const Load& load, const Expr& number,
                             int64_t count, int array, const Expr& to) {
  Var kp = make_var("kp");
  Expr address =
      *parts_.pack_address(load.index[0], parts_.ranges(), kp, count);
  address = substitute(address, {{kp.get(), number},
                                 {plan_.form.m.get(), var(at_.row)}});
  const int64_t bytes = std::min(kMove, count * size_of(load.dtype));
  const int64_t step = bytes / size_of(load.dtype);
  std::vector<Stmt> moves;
  for (int64_t i = 0; i < count; i += step) {
    moves.push_back(intrinsic(IntrinsicOp::kMove,
                              {{array, to + int_literal(i)},
                               {load.slot, address + int_literal(i)}},
                              bytes));
  }
  return block(std::move(moves));
}

// Pack `number` of `count` numbers: moved, or computed from what is.
Stmt MatmulStream::read_left_at(const Expr& number, int64_t count,
                                const Expr& to) {
  Expr code = parts_.left_code();
  if (!parts_.prologue()) {
    return move_pack(*load_of(code), number, count, left_, to);
  }
  std::vector<Stmt> stmts;
  for (const auto& [e, array] : left_packs_) {
    stmts.push_back(move_pack(std::get<Load>(e->node), number, count, array,
                              int_literal(0)));
  }
  Var c = make_var("c");
  Rewriter in_packs([&](const Expr& e) -> Expr {
    auto* load = std::get_if<Load>(&e->node);
    if (!load) return {};
    if (parts_.is_number(*load)) {
      return substitute(e, {{plan_.form.k.get(), number * int_literal(count)}});
    }
    const std::string text = to_string(e);
    for (const auto& moved : left_packs_) {
      if (to_string(moved.first) != text) continue;
      return flat_load(moved.second, load->dtype, var(c));
    }
    return {};
  });
  Expr k = number * int_literal(count) + var(c);
  Expr value = substitute(in_packs(code), {{plan_.form.m.get(), var(at_.row)},
                                           {plan_.form.k.get(), k}});
  stmts.push_back(
      unrolled(c, count, store(left_, to + var(c), value)));
  return block(std::move(stmts));
}

Stmt MatmulStream::read_left(const Expr& number, const Expr& u) {
  const int64_t pack = plan_.pack;
  Expr first = u * int_literal(pack);
  if (!plan_.in_steps) {
    return read_left_at(number * int_literal(kLanes) + var(at_.lane), pack,
                        first);
  }
  Var s = make_var("s"), c = make_var("c");
  Expr of_step = number * int_literal(pack / kLanes) + var(s);
  Expr to = first + var(s) * int_literal(kLanes);
  Stmt read = read_left_at(of_step * int_literal(kLanes) + var(at_.lane),
                           kLanes, to);
  if (!in_blocks()) {
    Stmt zeros = unrolled(c, kLanes,
                          store(left_, to + var(c),
                                float_literal(0, NumType::kFloat32)));
    read = if_then(of_step * int_literal(kStep) < size_of(plan_.form.depth),
                   read, zeros);
  }
  return unrolled(s, pack / kLanes, read);
}

Stmt MatmulStream::widen_left(const Expr& u) const {
  if (left_halves_ == left_) return block({});
  Var i = make_var("i");
  Expr first = u * int_literal(plan_.pack);
  if (left_dtype_ == DType::kFloat8E4M3FN) {
    const IntrinsicOp widen = *plan_.exact == DType::kBFloat16
                                  ? IntrinsicOp::kWidenE4M3Bf16
                                  : IntrinsicOp::kWidenE4M3F16;
    Expr at = first + var(i) * int_literal(4);
    return unrolled(i, plan_.pack / 4,
                    intrinsic(widen, {{left_halves_, at}, {left_, at}}));
  }
  Expr at = first + var(i);
  Expr number = convert(NumType::kFloat32, flat_load(left_, left_dtype_, at));
  return unrolled(i, plan_.pack, store(left_halves_, at, number));
}

}  // namespace lathe::cuda
