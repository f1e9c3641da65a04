// Neighbours in a row, or in elementwise work, that a thread of a GPU computes
// together, a pack: operands whose elements lie as the pack does are moved to
// registers 16 bytes at once, and so are the results; the others are read
// element by element.

#include <algorithm>
#include <unordered_set>

#include "codegen/cuda/gpu_sizes.h"
#include "codegen/rewrite.h"
#include "codegen/row_lowering.h"

namespace lathe {
namespace {

using cuda::kLeastMove, cuda::kMove;

// Elements of a pack, at most: each stands in the text.
constexpr int64_t kMostOfPack = 8;

// Every expression of the operation. Requires: no statements of its own.
template <typename Op, typename F>
void each_expr(Op& op, const F& visit) {
  if (auto* let = std::get_if<PointLet>(&op)) {
    visit(let->value);
  } else if (auto* store = std::get_if<PointStore>(&op)) {
    visit(store->index);
    visit(store->value);
  } else if (auto* sum = std::get_if<PointAccumulate>(&op)) {
    visit(sum->value);
  } else {
    auto& arg = std::get<PointArg>(op);
    visit(arg.value);
    visit(arg.at);
  }
}

// Elements for 16 bytes of the widest buffer that is read, or of a kept
// float32.
int64_t pack_of(const std::vector<PointOp>& ops, const LoopKernel& kernel) {
  int64_t widest = 0;
  for (const PointOp& op : ops) {
    each_expr(op, [&](const Expr& e) {
      for (const Expr& node : loads_of(e)) {
        const auto& load = std::get<Load>(node->node);
        if (size_t(load.slot) < kernel.buffers.size()) {
          widest = std::max<int64_t>(widest, size_of(load.dtype));
        }
      }
    });
  }
  if (widest == 0) widest = sizeof(float);
  return std::min(kMove / widest, kMostOfPack);
}

}  // namespace

// The operations at `flat`, of which pack `number` has those from
// number * size on. Requires: `ranges` knows both.
class RowLowering::Packer {
 public:
  // `operands` are the first buffers. `known`: what has a value before the
  // pack, beside `number`.
  Packer(LoopKernel& kernel, const std::vector<GroupOperand>& operands,
         const Ranges& ranges, Var flat, Var number, int64_t size,
         std::unordered_set<const VarInfo*> known)
      : kernel_(kernel),
        operands_(operands),
        ranges_(ranges),
        flat_(std::move(flat)),
        number_(std::move(number)),
        size_(size),
        known_(std::move(known)) {
    known_.insert(number_.get());
    ranges_.add(j_, Dim(size));
  }

  // The pack.
  Stmt pack(std::vector<PointOp> ops) {
    find_moves(ops);
    std::vector<Stmt> stmts;
    for (const Moved& moved : moved_) {
      if (!moved.is_result) add_moves(moved, stmts);
    }
    stmts.push_back(
        for_loop(j_, int_literal(0), int_literal(size_),
                 block({let(flat_, var(number_) * int_literal(size_) + var(j_)),
                        scalar_point(in_arrays(std::move(ops)))}),
                 LoopKind::kUnroll));
    for (const Moved& moved : moved_) {
      if (moved.is_result) add_moves(moved, stmts);
    }
    return block(std::move(stmts));
  }

  // Whether it has moves.
  bool moves() const { return !moved_.empty(); }

 private:
  // A pack of a buffer or a shared array, and where it is in registers.
  struct Moved {
    int slot;
    std::string index;  // of an element, in terms of flat
    Expr first;         // of the pack
    int array;
    bool is_result;
  };

  void find_moves(const std::vector<PointOp>& ops) {
    for (const PointOp& op : ops) {
      if (auto* store = std::get_if<PointStore>(&op))
        stored_.insert(store->slot);
    }
    for (const PointOp& op : ops) {
      each_expr(op, [&](const Expr& e) {
        std::unordered_set<const ExprNode*> always;
        walk_always(e, [&](const Expr& node) {
          always.insert(node.get());
          return true;
        });
        for (const Expr& node : loads_of(e)) {
          const auto& load = std::get<Load>(node->node);
          if (stored_.count(load.slot)) continue;
          if (always.count(node.get()) || is_inside(load)) {
            consider(load.slot, load.index[0], false);
          }
        }
      });
      if (auto* store = std::get_if<PointStore>(&op)) {
        consider(store->slot, store->index, true);
      }
    }
  }

  // What a select hides may not be there: a part of a concatenation has an end.
  bool is_inside(const Load& load) const {
    if (size_t(load.slot) >= operands_.size()) return false;
    const Dim all = numel(operands_[size_t(load.slot)].shape);
    return provably_in_range(load.index[0], Dim(0), all, ranges_);
  }

  void consider(int slot, const Expr& index, bool is_result) {
    const size_t buffers = kernel_.buffers.size();
    if (size_t(slot) >= buffers &&
        !kernel_.locals[size_t(slot) - buffers].shared) {
      return;
    }
    // Others may write there meanwhile.
    if (size_t(slot) < buffers && !is_result &&
        kernel_.buffers[size_t(slot)].writable) {
      return;
    }
    if (size_ * size_of(kernel_.dtype_of(slot)) < kLeastMove) return;
    const std::string text = to_string(index);
    for (const Moved& moved : moved_) {
      if (moved.slot == slot && (moved.index == text || is_result)) return;
    }
    const std::optional<Expr> first = first_of_pack(index);
    if (!first) return;
    const std::string& name = size_t(slot) < buffers
                                  ? kernel_.buffers[size_t(slot)].name
                                  : kernel_.locals[size_t(slot) - buffers].name;
    // Phases of a row have packs of their own.
    const int array = kernel_.add_local(
        {name + "_pack", kernel_.dtype_of(slot), size_});
    moved_.push_back({slot, text, *first, array, is_result});
  }

  // Where the pack's elements lie side by side, aligned to its size.
  std::optional<Expr> first_of_pack(const Expr& index) {
    const Expr at = simplify(
        substitute(index, {{flat_.get(),
                            var(number_) * int_literal(size_) + var(j_)}}),
        ranges_);
    const auto affine = affine_in(at, j_, ranges_);
    if (!affine || !(affine->stride == 1)) return std::nullopt;
    for (const VarInfo* v : free_vars(affine->base)) {
      if (!known_.count(v)) return std::nullopt;
    }
    if (!is_multiple(affine->base, size_, ranges_)) return std::nullopt;
    return affine->base;
  }

  void add_moves(const Moved& moved, std::vector<Stmt>& out) const {
    const int64_t element = size_of(kernel_.dtype_of(moved.slot));
    const int64_t step = std::min(size_, kMove / element);
    for (int64_t at = 0; at < size_; at += step) {
      Intrinsic::Address memory{moved.slot, moved.first + int_literal(at)};
      Intrinsic::Address array{moved.array, int_literal(at)};
      if (moved.is_result) std::swap(memory, array);
      out.push_back(
          intrinsic(IntrinsicOp::kMove, {array, memory}, step * element));
    }
  }

  std::vector<PointOp> in_arrays(std::vector<PointOp> ops) const {
    Rewriter rewrite([&](const Expr& e) -> Expr {
      auto* load = std::get_if<Load>(&e->node);
      if (!load || stored_.count(load->slot)) return {};
      const Moved* moved = find(load->slot, load->index[0]);
      return moved ? flat_load(moved->array, load->dtype, var(j_)) : Expr{};
    });
    for (PointOp& op : ops) {
      each_expr(op, [&](Expr& e) { e = rewrite(e); });
      auto* store = std::get_if<PointStore>(&op);
      if (!store) continue;
      if (const Moved* moved = find(store->slot, store->index)) {
        *store = {moved->array, var(j_), store->value};
      }
    }
    return ops;
  }

  const Moved* find(int slot, const Expr& index) const {
    const std::string text = to_string(index);
    for (const Moved& moved : moved_) {
      if (moved.slot == slot && moved.index == text) return &moved;
    }
    return nullptr;
  }

  LoopKernel& kernel_;
  const std::vector<GroupOperand>& operands_;
  Ranges ranges_;
  const Var flat_, number_, j_ = make_var("j");
  const int64_t size_;
  std::unordered_set<const VarInfo*> known_;
  std::unordered_set<int> stored_;  // slots
  std::vector<Moved> moved_;
};

RowLowering& RowLowering::with_pack(int pack) {
  pack_ = pack;
  return *this;
}

// What has a value at the beginning of an item.
std::unordered_set<const VarInfo*> RowLowering::known_in_item() const {
  std::unordered_set<const VarInfo*> known = {item_.get(), row_number_.get(),
                                              piece_.get()};
  for (const auto& [text, v] : hoisted_) known.insert(v.get());
  return known;
}

Stmt RowLowering::phase_of_packs(size_t p) {
  const Shape& extents = plan_.phases[p].extents;
  Var flat = make_var("i"), number = make_var("number");
  Dim total = numel(extents);
  ranges_.add(flat, total);
  std::vector<PointOp> ops =
      ops_of_phase(p, decode(var(flat), extents, ranges_));
  Ranges ranges = ranges_;
  ranges.add(number, ceildiv(total, Dim(pack_)));
  Packer packer(result_.kernel, operands_, ranges, flat, number, pack_,
                known_in_item());
  Stmt whole = packer.pack(ops);
  Stmt which = let(number, var(item_));
  if (mod(total, pack_) == 0) return block({which, whole});
  Expr first = var(number) * int_literal(pack_);
  Stmt rest = for_loop(flat, first, size_of(total), scalar_point(ops));
  Expr fits = first + int_literal(pack_) <= size_of(total);
  return block({which, if_then(fits, whole, rest)});
}

// The loop of a row's threads over packs; nothing where no operand lies so. The
// packs of a piece may leave a rest.
std::optional<Stmt> RowLowering::loop_over_packs(
    const std::vector<PointOp>& ops, const Var& flat, const Dim& total,
    const Span& span) {
  const bool pieces = cut_ == Cut::kPieces;
  if (!total.is_static() && !pieces) return std::nullopt;
  for (const PointOp& op : ops) {
    if (std::holds_alternative<PointStmt>(op)) return std::nullopt;
  }
  int64_t size = pack_of(ops, result_.kernel);
  if (!pieces) {
    // All threads have some.
    const int64_t all = total.value();
    while (size > 1 && (all % size != 0 || all < size * workers_)) size /= 2;
  }
  if (size == 1) return std::nullopt;
  Var number = make_var("number");
  Ranges ranges = ranges_;
  ranges.add(number, floordiv(total, Dim(size)));
  Packer packer(result_.kernel, operands_, ranges, flat, number, size,
                known_in_item());
  Stmt pack = packer.pack(ops);
  if (!packer.moves()) return std::nullopt;
  const Expr worker = var(result_.kernel.worker), step = int_literal(size);
  const Expr first = simplify(span.begin / step + worker, ranges_);
  const Expr end = simplify(span.end / step, ranges_);
  // A pack is enough to have under way; several are only more text to compile.
  Stmt loop = for_loop(number, first, end, pack, LoopKind::kRolled, workers_);
  if (mod(total, size) == 0) return loop;
  return block({loop, for_loop(flat, end * step + worker, span.end,
                               scalar_point(ops), LoopKind::kSerial,
                               workers_)});
}

}  // namespace lathe
