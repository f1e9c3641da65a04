#include "codegen/cuda/stored_codes.h"

#include <algorithm>
#include <utility>

#include "codegen/cuda/code_words.h"
#include "codegen/cuda/gpu_sizes.h"
#include "codegen/packed_operand.h"
#include "spec/round_up.h"
#include "spec/text.h"

namespace lathe::cuda {
StoredCodes::StoredCodes(const MatmulPlan& plan, KernelBuilder& kernel,
                         const Ranges& ranges)
    : plan_(plan), kernel_(kernel), ranges_(ranges) {
  columns_.resize(plan.form.parts.size());
  for (const MatmulSection& section : plan.form.sections) {
    for (int part : section.parts) columns_[size_t(part)] = section.columns;
  }
  for (const RightField& field : cut().fields) {
    if (field.gather.get()) kernel_.bind_operands(field.gather);
  }
  for (size_t part = 0; part < plan.form.parts.size(); ++part) {
    fields_.emplace_back();
    for (size_t f = 0; f < cut().fields.size(); ++f) {
      fields_.back().push_back(
          lines_of(cut().fields[f], f, static_cast<int>(part)));
    }
  }
}

// --- lines ---

StoredCodes::FieldLines StoredCodes::lines_of(const RightField& field,
                                              size_t f, int part) {
  std::string name = f == 0 ? "lines" : cat({"lines", f});
  if (field.planes.empty()) return {whole_lines(field, name, part)};
  FieldLines lines;
  int low = field.bits();
  for (size_t i = 0; i < field.planes.size(); ++i) {
    low -= field.planes[i];
    lines.push_back(plane_lines(field, i == 0 ? name : cat({name, "_", i}),
                                part, field.planes[i], low));
  }
  return lines;
}

// In place where the weights are read as they are: factors anyhow, codes if
// they lie in packs.
StoredCodes::Lines StoredCodes::whole_lines(const RightField& field,
                                            const std::string& name,
                                            int part) {
  const Expr& value = field.parts[size_t(part)];
  const Dim& columns = columns_[size_t(part)];
  if (std::holds_alternative<Load>(value->node)) {
    Ranges ranges = ranges_;
    ranges.add(plan_.form.n, columns);
    ranges.add(at_, Dim(field.rows));
    Substitution row = {{cut().row.get(), var(at_)}};
    // Whether it lies well shows before any buffer is bound.
    auto& load = std::get<Load>(value->node);
    const Shape& shape = kernel_.group().operands[size_t(load.slot)].shape;
    std::vector<Expr> index;
    for (const Expr& i : load.index) index.push_back(substitute(i, row));
    Lines lines;
    lines.dtype = load.dtype;
    lines.index = flat_index(index, shape, ranges);
    const bool as_is = load.dtype == field.dtype;
    if (!field.is_fine() || (as_is && lies_in_packs(lines, field, columns))) {
      lines.slot = kernel_.operand(load.slot);
      return lines;
    }
  }
  if (!field.is_fine()) {
    return pack_lines(substitute(value, {{cut().row.get(), var(at_)}}), name,
                      field.dtype, field.rows, part);
  }
  Expr k = k_at(var(at_));
  Expr number = substitute(value, {{cut().row.get(), k}});
  if (places() != field.rows) {
    number = select(k < int_literal(field.rows), number,
                    lathe::convert(number->type, int_literal(0)));
  }
  return pack_lines(number, name, field.dtype, places(), part);
}

bool StoredCodes::lies_in_packs(const Lines& lines, const RightField& field,
                                const Dim& columns) const {
  if (plan_.in_steps || field.rows % plan_.pack != 0) return false;
  Ranges ranges = ranges_;
  ranges.add(plan_.form.n, columns);
  ranges.add(at_, Dim(field.rows));
  auto affine = affine_in(lines.index, at_, ranges);
  if (!affine || !(affine->stride == 1)) return false;
  const int64_t unit = std::max<int64_t>(
      1, std::min(plan_.pack * size_of(lines.dtype), kMostMove) /
             size_of(lines.dtype));
  Expr rest = simplify(affine->base % int_literal(unit), ranges);
  auto* literal = std::get_if<Literal>(&rest->node);
  auto* number = literal ? std::get_if<int64_t>(&literal->value) : nullptr;
  return number && *number == 0;
}

StoredCodes::Lines StoredCodes::plane_lines(const RightField& field,
                                            const std::string& name, int part,
                                            int bits, int low) {
  const int64_t codes = kWordBits / bits;
  const int64_t mask = (int64_t{1} << bits) - 1;
  Expr word;
  for (int64_t i = 0; i < codes; ++i) {
    Expr place = var(at_) * int_literal(codes) + int_literal(i);
    Expr k = k_at(place);
    Expr code =
        substitute(field.parts[size_t(part)], {{cut().row.get(), k}}) -
        int_literal(field.least);
    Expr own = bit_and(shift_right(code, int_literal(low)), mask);
    if (places() != field.rows) {
      own = select(k < int_literal(field.rows), own, int_literal(0));
    }
    int64_t bit = i / 2 * bits + i % 2 * (kWordBits / 2);
    word = bit_or(word, shift_left(own, int_literal(bit)));
  }
  Lines lines =
      pack_lines(word, name, DType::kInt32, places() / codes, part);
  lines.codes = codes;
  lines.bits = bits;
  lines.low = low;
  return lines;
}

StoredCodes::Lines StoredCodes::pack_lines(const Expr& value,
                                           const std::string& name,
                                           DType dtype, int64_t length,
                                           int part) {
  const MatmulForm& form = plan_.form;
  const Dim& columns = columns_[size_t(part)];
  Var b = make_var("b"), n = make_var("n"), at = make_var("at");
  Substitution axes = {
      {form.b.get(), var(b)}, {form.n.get(), var(n)}, {at_.get(), var(at)}};
  Lines lines;
  lines.dtype = dtype;
  lines.slot = kernel_.packed(packed_operand(
      name, dtype, {form.batch, columns, Dim(length)}, {b, n, at},
      substitute(value, axes)));
  Expr line = var(form.n);
  if (!(form.batch == 1)) line = var(form.b) * size_of(columns) + line;
  lines.index = line * int_literal(length) + var(at_);
  return lines;
}

// --- the order of k ---

int64_t StoredCodes::places() const {
  return round_up(plan_.form.depth.value(),
                  plan_.in_steps ? kMmaLanes * plan_.pack : plan_.pack);
}

Expr StoredCodes::place_of(const Expr& k) const {
  if (!plan_.in_steps) return k;
  Expr block = int_literal(kMmaLanes * plan_.pack),
       of_lane = int_literal(kMmaLanes);
  Expr inside = k % block;
  Expr lane = inside % int_literal(kMmaDepth) / of_lane;
  return k / block * block + lane * int_literal(plan_.pack) +
         inside / int_literal(kMmaDepth) * of_lane + k % of_lane;
}

Expr StoredCodes::k_at(const Expr& place) const {
  if (!plan_.in_steps) return place;
  Expr block = int_literal(kMmaLanes * plan_.pack),
       of_lane = int_literal(kMmaLanes);
  Expr inside = place % int_literal(plan_.pack);
  Expr lane = place % block / int_literal(plan_.pack);
  return place / block * block + inside / of_lane * int_literal(kMmaDepth) +
         lane * of_lane + place % of_lane;
}

// --- numbers ---

Expr StoredCodes::element(const Lines& lines, const Expr& n,
                          const Expr& at) const {
  Substitution place = {{plan_.form.n.get(), n}, {at_.get(), at}};
  return simplify(substitute(lines.index, place), ranges_);
}

Expr StoredCodes::field_at(size_t f, int part, const Expr& n,
                           const Expr& k) const {
  const RightField& field = cut().fields[f];
  const FieldLines& lines = fields_[size_t(part)][f];
  if (field.planes.empty()) {
    Expr at = int_literal(0);
    if (field.gather.get()) {
      at = kernel_.lower(field.gather, {{plan_.form.k.get(), k}}, ranges_);
    } else if (field.is_fine()) {
      at = place_of(k);
    } else if (field.group > 0) {
      at = k / int_literal(field.group);
    }
    return lathe::convert(NumType::kFloat32,
                   flat_load(lines[0].slot, lines[0].dtype,
                             element(lines[0], n, at)));
  }
  Expr all, place = place_of(k);
  for (const Lines& plane : lines) {
    Expr word = flat_load(plane.slot, plane.dtype,
                          element(plane, n, place / int_literal(plane.codes)));
    Expr bits = bit_and(shift_right(word, bit_of(place, plane.bits)),
                        (int64_t{1} << plane.bits) - 1);
    all = bit_or(all, shift_left(bits, int_literal(plane.low)));
  }
  return lathe::convert(NumType::kFloat32, all + int_literal(field.least));
}

Expr StoredCodes::evaluate(const Expr& expr, int part, const Expr& n,
                           const Expr& k) const {
  if (!expr.get()) return {};
  Substitution fields;
  for (size_t f = 0; f < cut().fields.size(); ++f) {
    const Var& name = cut().fields[f].name;
    if (depends_on(expr, name.get())) {
      fields[name.get()] = field_at(f, part, n, k);
    }
  }
  return substitute(expr, fields);
}

Expr StoredCodes::value(int part, const Expr& n, const Expr& k) const {
  return evaluate(cut().value, part, n, k);
}
Expr StoredCodes::factor(int part, const Expr& n, const Expr& k) const {
  return evaluate(cut().factor, part, n, k);
}
Expr StoredCodes::term(int part, const Expr& n, const Expr& k) const {
  return evaluate(cut().term, part, n, k);
}

}  // namespace lathe::cuda
