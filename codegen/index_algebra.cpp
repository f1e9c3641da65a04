#include "codegen/index_algebra.h"

#include <algorithm>

namespace lathe {
namespace {

constexpr size_t kMostTerms = 48;

// c / d when it comes out.
std::optional<Dim> divide_exactly(const Dim& c, const Dim& d) {
  if (d == 0) return std::nullopt;
  Dim quotient = floordiv(c, d);
  if (quotient * d == c) return quotient;
  return std::nullopt;
}

bool same_node(const ExprNode& a, const ExprNode& b) {
  if (a.type != b.type || a.lanes != b.lanes) return false;
  if (a.node.index() != b.node.index()) return false;
  if (auto* x = std::get_if<Literal>(&a.node)) {
    return x->value == std::get<Literal>(b.node).value;
  }
  if (auto* x = std::get_if<VarRef>(&a.node)) {
    return x->var == std::get<VarRef>(b.node).var;
  }
  if (auto* x = std::get_if<SizeOf>(&a.node)) {
    return x->dim == std::get<SizeOf>(b.node).dim;
  }
  if (auto* x = std::get_if<Load>(&a.node)) {
    auto& y = std::get<Load>(b.node);
    return x->slot == y.slot && x->dtype == y.dtype;
  }
  if (auto* x = std::get_if<Call>(&a.node)) {
    return x->op == std::get<Call>(b.node).op;
  }
  if (auto* x = std::get_if<Cast>(&a.node)) {
    return x->dtype == std::get<Cast>(b.node).dtype;
  }
  if (auto* x = std::get_if<CheckedIndex>(&a.node)) {
    return x->site == std::get<CheckedIndex>(b.node).site;
  }
  if (auto* x = std::get_if<Ramp>(&a.node)) {
    return x->stride == std::get<Ramp>(b.node).stride;
  }
  return false;  // reductions bind variables: equal only if the same node
}

}  // namespace

bool same_expr(const Expr& a, const Expr& b) {
  if (a.get() == b.get()) return true;
  if (!same_node(*a, *b)) return false;
  std::vector<Expr> x = children_of(a), y = children_of(b);
  return x.size() == y.size() &&
         std::equal(x.begin(), x.end(), y.begin(), same_expr);
}

Poly::Poly(const Dim& constant) { add({}, constant); }

bool Poly::is_constant() const {
  return terms.empty() || (terms.size() == 1 && terms.begin()->first.empty());
}

Dim Poly::constant() const {
  auto found = terms.find({});
  return found == terms.end() ? Dim(0) : found->second;
}

void Poly::add(const Monomial& m, const Dim& coefficient) {
  if (coefficient == 0) return;
  auto [it, inserted] = terms.emplace(m, coefficient);
  if (inserted) return;
  it->second += coefficient;
  if (it->second == 0) terms.erase(it);
}

Poly operator+(const Poly& a, const Poly& b) {
  Poly out = a;
  for (const auto& [m, c] : b.terms) out.add(m, c);
  return out;
}

Poly operator*(const Poly& a, const Dim& factor) {
  Poly out;
  for (const auto& [m, c] : a.terms) out.add(m, c * factor);
  return out;
}

std::optional<Poly> IndexAlgebra::multiply(const Poly& a, const Poly& b) const {
  if (a.terms.size() * b.terms.size() > kMostTerms) return std::nullopt;
  Poly out;
  for (const auto& [m, c] : a.terms) {
    for (const auto& [n, d] : b.terms) {
      Monomial product;
      std::merge(m.begin(), m.end(), n.begin(), n.end(),
                 std::back_inserter(product));
      out.add(product, c * d);
    }
  }
  return out;
}

int IndexAlgebra::intern(Atom atom) {
  for (size_t i = 0; i < atoms_.size(); ++i) {
    if (same_expr(atoms_[i].expr, atom.expr)) return static_cast<int>(i);
  }
  atoms_.push_back(std::move(atom));
  return static_cast<int>(atoms_.size()) - 1;
}

Poly IndexAlgebra::atom(const Expr& expr) {
  int id = intern({expr, bounds_of_expr(expr), {}, std::nullopt});
  Poly out;
  out.add({id}, 1);
  return out;
}

Poly IndexAlgebra::variable(const Var& v) {
  const Dim* extent = ranges_.extent(v.get());
  if (extent && *extent == 1) return {};
  return atom(var(v));
}

Bounds IndexAlgebra::bounds_of_expr(const Expr& expr) {
  if (auto* ref = std::get_if<VarRef>(&expr->node)) {
    const Dim* extent = ranges_.extent(ref->var.get());
    if (extent) return {Dim(0), *extent - 1};
  } else if (auto* load = std::get_if<Load>(&expr->node)) {
    if (is_int(load->dtype) && load->dtype != DType::kInt64) {
      return {Dim(lowest_int(load->dtype)), Dim(highest_int(load->dtype))};
    }
  } else if (auto* checked = std::get_if<CheckedIndex>(&expr->node)) {
    if (auto* size = std::get_if<SizeOf>(&checked->extent->node)) {
      return {Dim(0), size->dim - 1};
    }
    if (auto* size = std::get_if<Literal>(&checked->extent->node)) {
      return {Dim(0), Dim(std::get<int64_t>(size->value) - 1)};
    }
  }
  return {};
}

// p / d = whole + rest / d, where the terms of `whole` come out; then the rest
// is folded when 0 <= rest < d, or shares a factor g with d:
// (g * a + b) / (g * e) = a / e  for 0 <= b < g.
Poly IndexAlgebra::floor_div(const Poly& a, const Dim& d) {
  if (d == 1) return a;
  // Splitting is wrong where the numerator could wrap: only index arithmetic
  // has bounds on every atom.
  for (const auto& [m, c] : a.terms) {
    for (int id : m) {
      if (!atoms_[id].bounds.low) return division_atom(a, d);
    }
  }
  Poly whole, rest;
  for (const auto& [m, c] : a.terms) {
    if (auto q = divide_exactly(c, d)) {
      whole.add(m, *q);
    } else if (m.empty()) {
      Dim q0 = floordiv(c, d);
      whole.add(m, q0);
      rest.add(m, c - q0 * d);
    } else {
      rest.add(m, c);
    }
  }
  if (rest.terms.empty() || within(rest, d)) return whole;
  for (const auto& [m, g] : rest.terms) {
    // g divides d, so where the division has a value g is not 0.
    if (m.empty() || g == 1 || !provably_at_least(g, 0)) continue;
    std::optional<Dim> e = divide_exactly(d, g);
    if (!e) continue;
    Poly multiple, small;
    for (const auto& [n, c] : rest.terms) {
      auto q = divide_exactly(c, g);
      q ? multiple.add(n, *q) : small.add(n, c);
    }
    if (within(small, g)) return whole + floor_div(multiple, *e);
  }
  return whole + division_atom(rest, d);
}

Poly IndexAlgebra::division_atom(const Poly& numerator, const Dim& d) {
  // (x / a) / b = x / (a * b)
  if (numerator.terms.size() == 1) {
    const auto& [m, c] = *numerator.terms.begin();
    if (c == 1 && m.size() == 1 && atoms_[m[0]].denominator) {
      Poly inner = atoms_[m[0]].numerator;
      return floor_div(inner, *atoms_[m[0]].denominator * d);
    }
  }
  Bounds of = bounds(numerator);
  Atom atom;
  if (of.low) atom.bounds.low = floordiv(*of.low, d);
  if (of.high) atom.bounds.high = floordiv(*of.high, d);
  atom.expr = call(ScalarOp::kFloorDiv, {rebuild(numerator), size_of(d)});
  atom.numerator = numerator;
  atom.denominator = d;
  Poly out;
  out.add({intern(std::move(atom))}, 1);
  return out;
}

bool IndexAlgebra::within(const Poly& p, const Dim& extent) {
  Bounds of = bounds(p);
  return of.low && of.high && provably_at_least(*of.low, 0) &&
         provably_less(*of.high, extent);
}

std::vector<IndexAlgebra::Remainder> IndexAlgebra::take_remainders(Poly& p) {
  std::vector<Remainder> found;
  for (size_t id = 0; id < atoms_.size(); ++id) {
    const Atom& atom = atoms_[id];
    if (!atom.denominator) continue;
    auto term = p.terms.find({static_cast<int>(id)});
    if (term == p.terms.end()) continue;
    // coefficient = -denominator * m, beside m * numerator
    auto m = divide_exactly(Dim(0) - term->second, *atom.denominator);
    if (!m) continue;
    Poly scaled = atom.numerator * *m;
    bool beside = true;
    for (const auto& [n, c] : scaled.terms) {
      if (n.empty()) continue;
      auto other = p.terms.find(n);
      beside = beside && other != p.terms.end() && other->second == c;
    }
    if (!beside) continue;
    p = p + scaled * Dim(-1);
    p.terms.erase({static_cast<int>(id)});
    found.push_back({*m, atom.numerator, *atom.denominator});
  }
  return found;
}

Bounds IndexAlgebra::bounds(const Poly& p) {
  Poly plain = p;
  std::vector<Remainder> remainders = take_remainders(plain);
  Bounds total = bounds_of_poly(plain);
  for (const Remainder& r : remainders) {
    Dim most = r.coefficient * (r.denominator - 1);
    if (provably_at_least(r.coefficient, 0)) {
      if (total.high) *total.high += most;
    } else if (provably_at_least(0, r.coefficient)) {
      if (total.low) *total.low += most;
    } else {
      return {};
    }
  }
  return total;
}

Bounds IndexAlgebra::bounds_of_poly(const Poly& p) {
  Bounds total = {Dim(0), Dim(0)};
  for (const auto& [m, c] : p.terms) {
    Bounds term = {Dim(1), Dim(1)};
    for (int id : m) {
      const Bounds& b = atoms_[id].bounds;
      bool positive = b.low && provably_at_least(*b.low, 0);
      if (m.size() > 1 && !positive) return {};
      term.low =
          term.low && b.low ? std::optional(*term.low * *b.low) : std::nullopt;
      term.high = term.high && b.high ? std::optional(*term.high * *b.high)
                                      : std::nullopt;
    }
    if (provably_at_least(0, c)) {
      std::swap(term.low, term.high);
    } else if (!provably_at_least(c, 0)) {
      return {};
    }
    total.low = total.low && term.low
                    ? std::optional(*total.low + *term.low * c)
                    : std::nullopt;
    total.high = total.high && term.high
                     ? std::optional(*total.high + *term.high * c)
                     : std::nullopt;
  }
  return total;
}

Expr IndexAlgebra::rebuild(const Poly& p) {
  Poly plain = p;
  std::vector<Remainder> remainders = take_remainders(plain);
  Expr sum;
  auto add = [&](const Expr& factor, const Dim& coefficient) {
    bool first = sum.get() == nullptr;
    bool negative =
        !first && coefficient.is_static() && coefficient.value() < 0;
    Dim size = negative ? Dim(0) - coefficient : coefficient;
    Expr term = size == 1 ? factor : factor * size_of(size);
    sum = first ? term : negative ? sum - term : sum + term;
  };
  for (const auto& [m, c] : plain.terms) {
    if (m.empty()) continue;
    Expr product;
    for (int id : m) {
      product = product ? product * atoms_[id].expr : atoms_[id].expr;
    }
    add(product, c);
  }
  for (const Remainder& r : remainders) {
    add(rebuild(r.numerator) % size_of(r.denominator), r.coefficient);
  }
  Dim c = plain.constant();
  if (sum.get() == nullptr) return size_of(c);
  if (c != 0) {
    bool negative = c.is_static() && c.value() < 0;
    sum = negative ? sum - size_of(Dim(0) - c) : sum + size_of(c);
  }
  return sum;
}

}  // namespace lathe
