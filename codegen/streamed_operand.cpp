#include "codegen/streamed_operand.h"

#include <utility>

namespace lathe {

StreamedOperand::StreamedOperand(Expr value, Var key, Var inner, int64_t count,
                                 int64_t padded, Ranges ranges)
    : value_(std::move(value)),
      key_(std::move(key)),
      inner_(std::move(inner)),
      count_(count),
      padded_(padded),
      ranges_(std::move(ranges)) {}

// Index of the first element of the key's row, if it can be read in place.
std::optional<Expr> StreamedOperand::base() const {
  auto* node = std::get_if<Load>(&value_->node);
  if (!node || node->dtype != DType::kFloat32 || count_ != padded_) {
    return std::nullopt;
  }
  auto affine = affine_in(node->index[0], inner_, ranges_);
  if (!affine || !(affine->stride == 1)) return std::nullopt;
  return affine->base;
}

void StreamedOperand::add_local(KernelBuilder& kernel, const char* name,
                                int64_t keys) {
  if (!base()) block_ = kernel.local(name, DType::kFloat32, keys * padded_);
}

Stmt StreamedOperand::fill(const Expr& first, const Expr& count) const {
  if (block_ < 0) return block({});
  Var t = make_var("t"), pad = make_var("pad");
  Expr at = var(t) * padded_;
  std::vector<Stmt> stmts = {
      let(key_, first + var(t)),
      for_loop(inner_, int_literal(0), int_literal(count_),
               store(block_, at + var(inner_), value_), LoopKind::kVector)};
  if (count_ < padded_) {
    Expr zero = float_literal(0, NumType::kFloat32);
    stmts.push_back(for_loop(pad, int_literal(count_), int_literal(padded_),
                             store(block_, at + var(pad), zero),
                             LoopKind::kVector));
  }
  return for_loop(t, int_literal(0), count, block(std::move(stmts)));
}

Expr StreamedOperand::row(const Expr& first, const Expr& t) const {
  if (block_ >= 0) return t * padded_;
  return substitute(*base(), {{key_.get(), first + t}});
}

int StreamedOperand::slot() const {
  return block_ >= 0 ? block_ : std::get<Load>(value_->node).slot;
}

}  // namespace lathe
