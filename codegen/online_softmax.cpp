#include "codegen/online_softmax.h"

#include <limits>
#include <utility>

namespace lathe {
namespace {

Expr lowest() {
  return float_literal(-std::numeric_limits<double>::infinity(),
                       NumType::kFloat32);
}

}  // namespace

Stmt each(const char* name, const Expr& count,
          const std::function<Stmt(const Expr&)>& body, LoopKind kind) {
  Var v = make_var(name);
  return for_loop(v, int_literal(0), count, body(var(v)), kind);
}

OnlineSoftmax::OnlineSoftmax(KernelBuilder& kernel, int weights, int64_t stride,
                             Expr lanes)
    : weights_(weights), stride_(stride), lanes_(std::move(lanes)) {
  max_ = kernel.local("top", DType::kFloat32, stride);
  total_ = kernel.local("total", DType::kFloat32, stride);
  shift_ = kernel.local("shift", DType::kFloat32, stride);
  fade_ = kernel.local("fade", DType::kFloat32, stride);
}

Expr OnlineSoftmax::element(int slot, const Expr& index) const {
  return flat_load(slot, DType::kFloat32, index);
}

Expr OnlineSoftmax::weight_index(const Expr& key, const Expr& lane) const {
  return key * stride_ + lane;
}
Expr OnlineSoftmax::fade(const Expr& lane) const {
  return element(fade_, lane);
}
Expr OnlineSoftmax::total(const Expr& lane) const {
  return element(total_, lane);
}

Stmt OnlineSoftmax::for_maxima(
    const std::function<Stmt(const Expr&)>& body) const {
  return each(
      "j", lanes_, [&](const Expr& j) { return body(element(max_, j)); },
      LoopKind::kSerial);
}

Stmt OnlineSoftmax::clear() const {
  return each("j", lanes_, [&](const Expr& j) {
    return block({store(max_, j, lowest()), store(total_, j, float_zero())});
  });
}

Stmt OnlineSoftmax::take(const Expr& key, const Expr& lane,
                         const Expr& x) const {
  Var value = make_var("x", NumType::kFloat32);
  Var top = make_var("old", NumType::kFloat32);
  // NaN is not kept here; it reaches the result through the sum.
  Expr higher = var(value) > var(top);
  return block({
      let(value, x),
      let(top, element(max_, lane)),
      store(weights_, weight_index(key, lane), var(value)),
      store(max_, lane, select(higher, var(value), var(top))),
  });
}

Stmt OnlineSoftmax::raise_maximum() const {
  return each("j", lanes_, [&](const Expr& j) {
    Var top = make_var("now", NumType::kFloat32);
    Var last = make_var("last", NumType::kFloat32);
    Expr now = element(max_, j);
    Expr is_empty = equal(element(total_, j), float_zero());
    return block({
        let(top, select(equal(now, lowest()), float_zero(), now)),
        // Sums of nothing do not fade: a first maximum far below 0 would make
        // them 0 * infinity.
        let(last, select(is_empty, var(top), element(shift_, j))),
        store(fade_, j, exp(var(last) - var(top))),
        store(shift_, j, var(top)),
        store(total_, j, element(total_, j) * element(fade_, j)),
    });
  });
}

Stmt OnlineSoftmax::exponentials(const Expr& keys) const {
  return each(
      "t", keys,
      [&](const Expr& t) {
        return each("j", lanes_, [&](const Expr& j) {
          Var value = make_var("e", NumType::kFloat32);
          Expr x = element(weights_, weight_index(t, j));
          return block({
              let(value, exp(x - element(shift_, j))),
              store(weights_, weight_index(t, j), var(value)),
              store(total_, j, element(total_, j) + var(value)),
          });
        });
      },
      LoopKind::kSerial);
}

}  // namespace lathe
