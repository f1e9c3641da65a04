#pragma once
// Canonical symbolic integers: the sizes of tensors.
//
// A Dim is a polynomial with integer coefficients over atoms: a symbol (a size
// known when the model is bound), floordiv(a, b), min(a, b) or max(a, b).
// `mod` and `ceildiv` are expressed by floordiv. Terms are kept sorted and
// like terms merged, so equal forms are equal values: `(T + 1) * 2` and
// `2 + T + T` are the same Dim. Static dims are a plain integer inside; they
// allocate nothing. Symbols are at least 0. All arithmetic is checked.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace lathe {

// A size left the range of int64, or a division by zero.
class DimError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

using DimBindings = std::map<std::string, int64_t>;

class Dim;
struct DimPoly;  // the symbolic case; defined in spec/dim_poly.h

using DimSubstitution = std::map<std::string, Dim>;

class Dim {
 public:
  // Zero.
  Dim() = default;
  Dim(int64_t value) : value_(value) {}  // implicit: sizes read as numbers
  Dim(int value) : value_(value) {}

  // A named size. Requires: an identifier.
  static Dim symbol(std::string_view name);

  // True for a known number.
  bool is_static() const { return poly_ == nullptr; }

  // The number. Requires: is_static().
  int64_t value() const;

  // The number, or nothing.
  std::optional<int64_t> static_value() const;

  // True if the dim is exactly one symbol, whose name symbol_name() gives.
  bool is_symbol() const;
  const std::string& symbol_name() const;

  // All symbols that occur.
  std::set<std::string> symbols() const;

  // The number under these bindings. Throws DimError on overflow, division by
  // zero or an unbound symbol.
  int64_t eval(const DimBindings& bindings) const;

  // The dim with symbols replaced; those not mentioned stay.
  Dim substitute(const DimSubstitution& replacement) const;

  // A number that the dim never goes below (above), given symbols >= 0;
  // nothing if none is known.
  std::optional<int64_t> lower_bound() const;
  std::optional<int64_t> upper_bound() const;

  // "2*T + 1", "T // 4", "T % 4", "min(T, 8)"; parses as an expression.
  std::string to_string() const;

  // Equality of the canonical forms. Unequal dims may still agree for some or
  // all values of the symbols: see provably_different.
  friend bool operator==(const Dim& a, const Dim& b);

  // A total order for containers, without meaning.
  friend bool operator<(const Dim& a, const Dim& b);

  Dim& operator+=(const Dim& other);
  Dim& operator-=(const Dim& other);
  Dim& operator*=(const Dim& other);

  // The symbolic form; null for a static dim. For code that walks terms.
  const DimPoly* poly() const { return poly_.get(); }

 private:
  friend struct DimPoly;
  std::shared_ptr<const DimPoly> poly_;
  int64_t value_ = 0;
};

Dim operator+(const Dim& a, const Dim& b);
Dim operator-(const Dim& a, const Dim& b);
Dim operator*(const Dim& a, const Dim& b);
Dim operator-(const Dim& a);

// Division that rounds down, and its remainder (sign of b), as Python's.
// Throws DimError if b is the number 0.
Dim floordiv(const Dim& a, const Dim& b);
Dim mod(const Dim& a, const Dim& b);

// Division that rounds up.
Dim ceildiv(const Dim& a, const Dim& b);

Dim min(const Dim& a, const Dim& b);
Dim max(const Dim& a, const Dim& b);

// True if a and b have the same value for all symbols, as far as the canonical
// form shows.
bool provably_equal(const Dim& a, const Dim& b);

// True if a and b have different values for all symbols, as far as bounds and
// common divisors show. Neither provable: the check waits for the binding.
bool provably_different(const Dim& a, const Dim& b);

// True if a >= b (a < b) for all symbols, as far as bounds show.
bool provably_at_least(const Dim& a, const Dim& b);
bool provably_less(const Dim& a, const Dim& b);

using Shape = std::vector<Dim>;

// "[B, T, 64]".
std::string to_string(const Shape& shape);

// The product of all dims; throws DimError beyond 2^63 - 1.
Dim numel(const Shape& shape);

// True if every dim is static.
bool is_static(const Shape& shape);

// The numbers under these bindings.
std::vector<int64_t> eval(const Shape& shape, const DimBindings& bindings);

// Row-major strides, in elements.
Shape row_major_strides(const Shape& shape);

}  // namespace lathe
