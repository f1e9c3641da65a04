// Elementwise work of a GPU: a thread computes a pack of neighbours. Operands
// that lie in memory as the result does are moved to registers 16 bytes at
// once, and so are the results; the others are read element by element.

#include <map>

#include "codegen/cuda/gpu_sizes.h"
#include "codegen/rewrite.h"
#include "codegen/row_lowering.h"

namespace lathe {
namespace {

// Fewer bytes than this have no move.

bool is_var(const Expr& e, const Var& v) {
  auto* ref = std::get_if<VarRef>(&e->node);
  return ref && ref->var == v;
}

// Replaces buffers by arrays of one pack.
class Packer {
 public:
  Packer(LoopKernel& kernel, int pack) : kernel_(kernel), pack_(pack) {}

  // The operations at point `j` of a pack, where `flat` is the whole index.
  std::vector<PointOp> pack(const std::vector<PointOp>& ops, const Var& flat,
                            const Expr& j) {
    std::vector<PointOp> packed;
    for (const PointOp& op : ops) {
      if (auto* x = std::get_if<PointLet>(&op)) {
        packed.push_back(PointLet{x->var, loads_of_pack(x->value, flat, j)});
      } else {
        auto& y = std::get<PointStore>(op);
        Expr value = loads_of_pack(y.value, flat, j);
        bool whole = is_var(y.index, flat) && moves(y.slot);
        packed.push_back(whole ? PointStore{array_of(y.slot), j, value}
                               : PointStore{y.slot, y.index, value});
      }
    }
    return packed;
  }

  // Moves between the buffers and the arrays; `base` is the pack's first
  // element.
  std::vector<Stmt> moves(bool in, const Expr& base) const {
    std::vector<Stmt> out;
    for (const auto& [buffer, array] : arrays_) {
      if (kernel_.buffers[size_t(buffer)].writable == in) continue;
      Intrinsic::Address memory{buffer, base}, local{array, int_literal(0)};
      int64_t bytes = bytes_of_pack(buffer);
      out.push_back(in ? intrinsic(IntrinsicOp::kMove, {local, memory}, bytes)
                       : intrinsic(IntrinsicOp::kMove, {memory, local}, bytes));
    }
    return out;
  }

 private:
  int64_t bytes_of_pack(int slot) const {
    return int64_t{pack_} * size_of(kernel_.dtype_of(slot));
  }
  bool moves(int slot) const { return bytes_of_pack(slot) >= cuda::kLeastMove; }

  int array_of(int buffer) {
    auto [it, inserted] = arrays_.emplace(buffer, -1);
    if (inserted) {
      it->second =
          static_cast<int>(kernel_.buffers.size() + kernel_.locals.size());
      const BufferParam& param = kernel_.buffers[size_t(buffer)];
      kernel_.locals.push_back({param.name + "_pack", param.dtype, pack_});
    }
    return it->second;
  }

  Expr loads_of_pack(const Expr& expr, const Var& flat, const Expr& j) {
    Rewriter rewrite([&](const Expr& e) -> Expr {
      auto* node = std::get_if<Load>(&e->node);
      if (!node || !is_var(node->index[0], flat)) return {};
      if (kernel_.buffers[size_t(node->slot)].writable || !moves(node->slot)) {
        return {};
      }
      return flat_load(array_of(node->slot), node->dtype, j);
    });
    return rewrite(expr);
  }

  LoopKernel& kernel_;
  int pack_;
  std::map<int, int> arrays_;  // by buffer
};

}  // namespace

RowLowering& RowLowering::with_pack(int pack) {
  pack_ = pack;
  return *this;
}

Stmt RowLowering::phase_of_packs(size_t p) {
  const Shape& extents = plan_.phases[p].extents;
  Var flat = make_var("i"), base = make_var("base"), j = make_var("j");
  Dim total = numel(extents);
  ranges_.add(flat, total);
  std::vector<PointOp> ops =
      ops_of_phase(p, decode(var(flat), extents, ranges_));
  Packer packer(result_.kernel, pack_);
  Stmt point = scalar_point(packer.pack(ops, flat, var(j)));
  std::vector<Stmt> whole = packer.moves(true, var(base));
  whole.push_back(for_loop(j, int_literal(0), int_literal(pack_),
                           block({let(flat, var(base) + var(j)), point}),
                           LoopKind::kUnroll));
  for (Stmt& move : packer.moves(false, var(base))) {
    whole.push_back(std::move(move));
  }
  Stmt first = let(base, var(item_) * int_literal(pack_));
  if (mod(total, pack_) == 0) {
    whole.insert(whole.begin(), first);
    return block(std::move(whole));
  }
  Stmt rest = for_loop(flat, var(base), size_of(total), scalar_point(ops));
  Expr fits = var(base) + int_literal(pack_) <= size_of(total);
  return block({first, if_then(fits, block(std::move(whole)), rest)});
}

}  // namespace lathe
