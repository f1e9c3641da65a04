#include "spec/dim.h"

#include <algorithm>

#include "spec/check.h"
#include "spec/dim_poly.h"

namespace lathe {
namespace {

std::vector<DimTerm> product(const std::vector<DimTerm>& a,
                             const std::vector<DimTerm>& b) {
  std::vector<DimTerm> out;
  out.reserve(a.size() * b.size());
  for (const DimTerm& x : a) {
    for (const DimTerm& y : b) {
      DimTerm term;
      term.coefficient = checked_mul(x.coefficient, y.coefficient);
      std::merge(x.factors.begin(), x.factors.end(), y.factors.begin(),
                 y.factors.end(), std::back_inserter(term.factors),
                 [](const DimAtomRef& p, const DimAtomRef& q) {
                   return p->key < q->key;
                 });
      out.push_back(std::move(term));
    }
  }
  return out;
}

int64_t eval_atom(const DimAtom& atom, const DimBindings& bindings) {
  switch (atom.kind) {
    case DimAtomKind::kSymbol: {
      auto found = bindings.find(atom.key);
      if (found == bindings.end()) {
        throw DimError(cat({"the dim `", atom.key, "` is not bound"}));
      }
      return found->second;
    }
    case DimAtomKind::kFloorDiv:
      return floordiv_numbers(atom.a.eval(bindings), atom.b.eval(bindings));
    case DimAtomKind::kMin:
      return std::min(atom.a.eval(bindings), atom.b.eval(bindings));
    case DimAtomKind::kMax:
      return std::max(atom.a.eval(bindings), atom.b.eval(bindings));
  }
  LATHE_CHECK(false, "no such atom");
  return 0;
}

Dim substitute_atom(const DimAtom& atom, const DimSubstitution& replacement) {
  switch (atom.kind) {
    case DimAtomKind::kSymbol: {
      auto found = replacement.find(atom.key);
      return found == replacement.end() ? Dim::symbol(atom.key) : found->second;
    }
    case DimAtomKind::kFloorDiv:
      return floordiv(atom.a.substitute(replacement),
                      atom.b.substitute(replacement));
    case DimAtomKind::kMin:
      return min(atom.a.substitute(replacement),
                 atom.b.substitute(replacement));
    case DimAtomKind::kMax:
      return max(atom.a.substitute(replacement),
                 atom.b.substitute(replacement));
  }
  LATHE_CHECK(false, "no such atom");
  return 0;
}

void add_symbols(const Dim& dim, std::set<std::string>& out) {
  if (dim.is_static()) return;
  for (const DimTerm& term : dim.poly()->terms) {
    for (const DimAtomRef& atom : term.factors) {
      if (atom->kind == DimAtomKind::kSymbol) {
        out.insert(atom->key);
      } else {
        add_symbols(atom->a, out);
        add_symbols(atom->b, out);
      }
    }
  }
}

bool same_terms(const DimPoly& a, const DimPoly& b) {
  return std::equal(a.terms.begin(), a.terms.end(), b.terms.begin(),
                    b.terms.end(), [](const DimTerm& x, const DimTerm& y) {
                      return x.coefficient == y.coefficient &&
                             compare_factors(x, y) == 0;
                    });
}

}  // namespace

Dim Dim::symbol(std::string_view name) {
  LATHE_CHECK(is_identifier(name), "`", name, "` cannot name a dim");
  auto atom = std::make_shared<DimAtom>();
  atom->kind = DimAtomKind::kSymbol;
  atom->key = name;
  return DimPoly::make(std::move(atom));
}

int64_t Dim::value() const {
  LATHE_CHECK(is_static(), "the value of ", to_string());
  return value_;
}

std::optional<int64_t> Dim::static_value() const {
  if (!is_static()) return std::nullopt;
  return value_;
}

bool Dim::is_symbol() const {
  if (is_static() || poly_->terms.size() != 1) return false;
  const DimTerm& term = poly_->terms.front();
  return term.coefficient == 1 && term.factors.size() == 1 &&
         term.factors.front()->kind == DimAtomKind::kSymbol;
}

const std::string& Dim::symbol_name() const {
  LATHE_CHECK(is_symbol(), to_string(), " is no symbol");
  return poly_->terms.front().factors.front()->key;
}

std::set<std::string> Dim::symbols() const {
  std::set<std::string> out;
  add_symbols(*this, out);
  return out;
}

int64_t Dim::eval(const DimBindings& bindings) const {
  if (is_static()) return value_;
  int64_t sum = 0;
  for (const DimTerm& term : poly_->terms) {
    int64_t product = term.coefficient;
    for (const DimAtomRef& atom : term.factors) {
      product = checked_mul(product, eval_atom(*atom, bindings));
    }
    sum = checked_add(sum, product);
  }
  return sum;
}

Dim Dim::substitute(const DimSubstitution& replacement) const {
  if (is_static()) return *this;
  Dim sum;
  for (const DimTerm& term : poly_->terms) {
    Dim product = term.coefficient;
    for (const DimAtomRef& atom : term.factors) {
      product *= substitute_atom(*atom, replacement);
    }
    sum += product;
  }
  return sum;
}

std::optional<int64_t> Dim::lower_bound() const { return range_of(*this).low; }

std::optional<int64_t> Dim::upper_bound() const { return range_of(*this).high; }

bool operator==(const Dim& a, const Dim& b) {
  if (a.is_static() || b.is_static()) {
    return a.is_static() && b.is_static() && a.value_ == b.value_;
  }
  return a.poly_ == b.poly_ || same_terms(*a.poly_, *b.poly_);
}

bool operator<(const Dim& a, const Dim& b) {
  if (a.is_static() != b.is_static()) return a.is_static();
  if (a.is_static()) return a.value_ < b.value_;
  return std::lexicographical_compare(
      a.poly_->terms.begin(), a.poly_->terms.end(), b.poly_->terms.begin(),
      b.poly_->terms.end(), [](const DimTerm& x, const DimTerm& y) {
        int order = compare_factors(x, y);
        return order != 0 ? order < 0 : x.coefficient < y.coefficient;
      });
}

Dim operator+(const Dim& a, const Dim& b) {
  if (a.is_static() && b.is_static()) {
    return checked_add(a.value(), b.value());
  }
  if (a == 0) return b;
  if (b == 0) return a;
  std::vector<DimTerm> terms = DimPoly::terms_of(a);
  for (DimTerm& term : DimPoly::terms_of(b)) terms.push_back(std::move(term));
  return DimPoly::make(std::move(terms));
}

Dim operator*(const Dim& a, const Dim& b) {
  if (a.is_static() && b.is_static()) {
    return checked_mul(a.value(), b.value());
  }
  if (a == 1) return b;
  if (b == 1) return a;
  return DimPoly::make(product(DimPoly::terms_of(a), DimPoly::terms_of(b)));
}

Dim operator-(const Dim& a) { return a * Dim(-1); }

Dim operator-(const Dim& a, const Dim& b) {
  if (a.is_static() && b.is_static()) {
    int64_t value = 0;
    if (__builtin_sub_overflow(a.value(), b.value(), &value)) {
      throw DimError("a size leaves the range of 64-bit integers");
    }
    return value;
  }
  return a + -b;
}

Dim& Dim::operator+=(const Dim& other) { return *this = *this + other; }
Dim& Dim::operator-=(const Dim& other) { return *this = *this - other; }
Dim& Dim::operator*=(const Dim& other) { return *this = *this * other; }

Dim numel(const Shape& shape) {
  // A dim of 0 makes the product 0, however large the others are.
  for (const Dim& dim : shape) {
    if (dim == 0) return 0;
  }
  Dim product = 1;
  for (const Dim& dim : shape) product *= dim;
  return product;
}

bool is_static(const Shape& shape) {
  return std::all_of(shape.begin(), shape.end(),
                     [](const Dim& dim) { return dim.is_static(); });
}

std::vector<int64_t> eval(const Shape& shape, const DimBindings& bindings) {
  std::vector<int64_t> out;
  out.reserve(shape.size());
  for (const Dim& dim : shape) out.push_back(dim.eval(bindings));
  return out;
}

Shape row_major_strides(const Shape& shape) {
  Shape strides(shape.size(), 1);
  for (size_t i = shape.size(); i > 1; --i) {
    strides[i - 2] = strides[i - 1] * shape[i - 1];
  }
  return strides;
}

std::string to_string(const Shape& shape) {
  std::string out = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) out += ", ";
    out += shape[i].to_string();
  }
  return out + "]";
}

}  // namespace lathe
