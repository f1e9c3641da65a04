// The text of sizes. Remainders are sums inside, T - 4*(T // 4); they are found
// again here, so that messages say T % 4.
#include "spec/check.h"
#include "spec/dim_poly.h"

namespace lathe {
namespace {

// "2*T*(S // 4)" without the sign.
std::string term_text(const DimTerm& term) {
  std::string out;
  uint64_t magnitude = static_cast<uint64_t>(term.coefficient);
  if (term.coefficient < 0) magnitude = 0 - magnitude;
  if (magnitude != 1 || term.factors.empty()) out = std::to_string(magnitude);
  bool alone = out.empty() && term.factors.size() == 1;
  for (const DimAtomRef& atom : term.factors) {
    if (!out.empty()) out += "*";
    bool wrap = atom->kind == DimAtomKind::kFloorDiv && !alone;
    out += wrap ? "(" + atom->key + ")" : atom->key;
  }
  return out;
}

// A dim as rest + factor * (a % n).
struct Remainder {
  Dim rest;
  int64_t factor;
  std::string text;  // "T % 4"
};

// Finds a term -factor * n * (a // n) beside all terms of factor * a.
std::optional<Remainder> find_remainder(const Dim& dim) {
  const std::vector<DimTerm>& terms = dim.poly()->terms;
  for (const DimTerm& term : terms) {
    if (term.factors.size() != 1) continue;
    const DimAtom& atom = *term.factors[0];
    if (atom.kind != DimAtomKind::kFloorDiv || !atom.b.is_static()) continue;
    int64_t n = atom.b.value();
    if (n <= 0 || term.coefficient % n != 0) continue;
    Remainder out;
    out.factor = -(term.coefficient / n);
    try {
      out.rest = dim - DimPoly::make(std::vector<DimTerm>{term}) -
                 atom.a * Dim(out.factor);
    } catch (const DimError&) {
      continue;
    }
    size_t used = DimPoly::terms_of(atom.a).size() + 1;
    if (DimPoly::terms_of(out.rest).size() + used != terms.size()) continue;
    out.text = cat({dim_operand_text(atom.a), " % ", n});
    return out;
  }
  return std::nullopt;
}

// `first`, then `text` with a sign between them.
std::string signed_sum(std::string first, bool negative,
                       const std::string& text) {
  if (first.empty()) return negative ? "-" + text : text;
  return cat({first, negative ? " - " : " + ", text});
}

}  // namespace

std::string dim_operand_text(const Dim& operand) {
  std::string text = operand.to_string();
  bool plain = operand.is_static() && operand.value() >= 0;
  if (!operand.is_static()) {
    const std::vector<DimTerm>& terms = operand.poly()->terms;
    const DimTerm& first = terms.front();
    plain = terms.size() == 1 && first.coefficient == 1 &&
            first.factors.size() == 1 &&
            first.factors.front()->kind != DimAtomKind::kFloorDiv;
  }
  return plain ? text : "(" + text + ")";
}

std::string Dim::to_string() const {
  if (is_static()) return std::to_string(value_);
  if (auto found = find_remainder(*this)) {
    bool negative = found->factor < 0;
    int64_t times = negative ? -found->factor : found->factor;
    std::string text =
        times == 1 ? found->text : cat({times, "*(", found->text, ")"});
    if (times == 1 && negative) text = "(" + text + ")";
    std::string rest = found->rest == 0 ? "" : found->rest.to_string();
    return signed_sum(std::move(rest), negative, text);
  }
  std::string out;
  for (const DimTerm& term : poly_->terms) {
    out = signed_sum(std::move(out), term.coefficient < 0, term_text(term));
  }
  return out;
}

}  // namespace lathe
