#include "codegen/stored_right.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "spec/text.h"

namespace lathe {
namespace {

int64_t words_for(int64_t codes, int64_t per_word) {
  return (codes + per_word - 1) / per_word;
}

}  // namespace

StoredRight::StoredRight(MatmulContext& context, RightCut cut)
    : context_(context), cut_(std::move(cut)) {
  for (const RightField& field : cut_.fields) {
    if (field.gather.get()) context_.kernel.bind_operands(field.gather);
  }
  for (size_t f = 0; f < cut_.fields.size(); ++f) {
    panels_.emplace_back();
    pack_field(cut_.fields[f], f);
  }
}

int64_t StoredRight::depth_step() const {
  return std::lcm(unit(), std::max<int64_t>(1, group()));
}

// --- panels ---

void StoredRight::pack_field(const RightField& field, size_t f) {
  std::string name = f == 0 ? "panels" : cat({"panels", f});
  if (field.planes.empty()) {
    PanelValue value{name, field.dtype, field.parts, cut_.row};
    if (field.is_fine()) value.row_multiple = unit();
    if (field.moved) value.rows_a_word = field.codes_a_word();
    if (field.summed) {
      value.sum_over = ReduceAxis{context_.form.k, context_.form.depth};
    }
    add_panel(std::move(value), field.rows);
    return;
  }
  int offset = field.bits();
  for (size_t i = 0; i < field.planes.size(); ++i) {
    offset -= field.planes[i];
    pack_plane(field, field.planes[i], offset,
               i == 0 ? name : cat({name, "_", i}));
  }
}

// Words of `plane` bits of neighbouring codes, the bits from `offset` on.
void StoredRight::pack_plane(const RightField& field, int plane, int offset,
                             const std::string& name) {
  int64_t per_word = 32 / plane;
  int64_t mask = (int64_t{1} << plane) - 1;
  Ranges ranges;
  ranges.add(cut_.row, Dim(words_for(field.rows, per_word)));
  std::vector<Expr> parts;
  for (const Expr& part : field.parts) {
    Expr word = int_literal(0);
    for (int64_t i = 0; i < per_word; ++i) {
      Expr k = var(cut_.row) * per_word + i;
      Expr code = substitute(part, {{cut_.row.get(), k}}) - field.least;
      Expr bits =
          call(ScalarOp::kBitAnd,
               {call(ScalarOp::kShiftRight, {code, int_literal(offset)}),
                int_literal(mask)});
      if (field.rows % per_word != 0) {
        bits = select(k < int_literal(field.rows), bits, int_literal(0));
      }
      Expr at = int_literal(bit_of(i, plane));
      Expr placed = call(ScalarOp::kShiftLeft, {bits, at});
      word = i == 0 ? placed : call(ScalarOp::kBitOr, {word, placed});
    }
    parts.push_back(simplify(word, ranges));
  }
  PanelValue value{name, DType::kInt32, std::move(parts), cut_.row};
  value.row_multiple = std::max(unit(), cut_.run) / per_word;
  add_panel(std::move(value), words_for(field.rows, per_word));
}

void StoredRight::add_panel(PanelValue value, int64_t rows) {
  value.rows = Dim(rows);
  Panel panel;
  panel.dtype = value.dtype;
  panel.values_a_word = value.rows_a_word;
  panel.rows = words_for(rows, value.row_multiple) * value.row_multiple /
               panel.values_a_word;
  panel.slot = context_.kernel.packed(
      pack_panels(context_.form, context_.panels, value));
  panels_.back().push_back(panel);
}

Expr StoredRight::index(const Panel& panel, const Expr& p,
                        const Expr& row) const {
  Expr number = var(context_.at.p0) + p;
  if (!(context_.form.batch == 1)) {
    number = var(context_.form.b) * size_of(context_.panels.panels) + number;
  }
  return (number * panel.rows + row) * context_.panels.width;
}

Expr StoredRight::vector(const Panel& panel, const Expr& row,
                         const Expr& column) const {
  Expr first = index(panel, var(context_.at.p), row) + column;
  DType dtype = panel.values_a_word > 1 ? DType::kInt32 : panel.dtype;
  return vector_load(panel.slot, dtype, first, context_.tile.lanes);
}

// --- numbers ---

StoredRight::Depth StoredRight::depth(const Expr& word,
                                      const Expr& place) const {
  return {word * unit() + place, word, place};
}

// The code above its least value: the planes side by side.
Expr StoredRight::bits_at(size_t f, const Depth& at, const Expr& column) const {
  const RightField& field = cut_.fields[f];
  Expr all;
  int offset = field.bits();
  for (size_t i = 0; i < field.planes.size(); ++i) {
    int plane = field.planes[i];
    offset -= plane;
    int64_t per_word = 32 / plane, words = unit() / per_word;
    Expr row = at.word, place = at.place;
    if (words > 1) {
      row = at.word * words + at.place / per_word;
      place = at.place % per_word;
    }
    Expr word = vector(panels_[f][i], row, column);
    Expr mask = int_literal((1 << plane) - 1);
    Expr bits =
        call(ScalarOp::kBitAnd,
             {call(ScalarOp::kShiftRight, {word, place * plane}), mask});
    if (offset > 0) {
      bits = call(ScalarOp::kShiftLeft, {bits, int_literal(offset)});
    }
    all = i == 0 ? bits : call(ScalarOp::kBitOr, {all, bits});
  }
  return all;
}

// Still 2^-log2_scale() times as large. To the top of the word, then to its
// place as a float32.
Expr StoredRight::moved_at(size_t f, const Depth& at,
                           const Expr& column) const {
  const MovedFloat& moved = *cut_.fields[f].moved;
  Expr word = vector(panels_[f][0], at.word, column);
  Expr up = simplify(int_literal(24) - at.place * 8, context_.ranges);
  Expr top = call(ScalarOp::kShiftLeft, {word, up});
  Expr bits = call(ScalarOp::kShiftRight, {top, int_literal(moved.shift)});
  bits = call(ScalarOp::kBitAnd, {bits, int_literal(moved.mask)});
  return call(ScalarOp::kFloat32Bits, {bits});
}

bool StoredRight::reads_in_place() const {
  if (!cut_.code) return false;
  const RightField& code = cut_.fields[*cut_.code];
  return code.planes.size() == 1 || code.moved;
}

int StoredRight::log2_scale() const {
  const RightField& code = cut_.fields[*cut_.code];
  return code.moved ? code.moved->log2_scale : 0;
}

Expr StoredRight::added(const Expr& column) const {
  if (!cut_.added) return {};
  return vector(panels_[*cut_.added][0], int_literal(0), column);
}

// No shift, but for the highest place, whose sign it must not be.
Expr StoredRight::code_in_place(const Depth& at, int64_t place,
                                const Expr& column) const {
  const RightField& code = cut_.fields[*cut_.code];
  bool last = place == unit() - 1 && !code.moved;
  if (!last) return code_in_place({at.k, at.word, int_literal(place)}, column);
  int plane = code.planes[0];
  Expr word = vector(panels_[*cut_.code][0], at.word, column);
  word = call(ScalarOp::kShiftRight, {word, int_literal(plane)});
  int64_t mask = ((int64_t{1} << plane) - 1) << (plane * (place - 1));
  return convert(NumType::kFloat32,
                 call(ScalarOp::kBitAnd, {word, int_literal(mask)}));
}

Expr StoredRight::code_in_place(const Depth& at, const Expr& column) const {
  size_t f = static_cast<size_t>(*cut_.code);
  if (cut_.fields[f].moved) return moved_at(f, at, column);
  int plane = cut_.fields[f].planes[0];
  Expr mask = int_literal((int64_t{1} << plane) - 1);
  Expr here = simplify(call(ScalarOp::kShiftLeft, {mask, at.place * plane}),
                       context_.ranges);
  Expr word = vector(panels_[f][0], at.word, column);
  return convert(NumType::kFloat32, call(ScalarOp::kBitAnd, {word, here}));
}

double StoredRight::scale_in_place(int64_t place) const {
  const RightField& code = cut_.fields[*cut_.code];
  if (code.moved) return 1;
  int plane = code.planes[0];
  int64_t bits = plane * std::min(place, unit() - 2);
  return std::ldexp(1.0, static_cast<int>(-bits));
}

Expr StoredRight::field_at(size_t f, const Depth& at,
                           const Expr& column) const {
  const RightField& field = cut_.fields[f];
  if (!field.planes.empty()) {
    return convert(NumType::kFloat32, bits_at(f, at, column));
  }
  if (field.moved) {
    Expr scale = float_literal(std::ldexp(1.0, field.moved->log2_scale),
                               NumType::kFloat32);
    return moved_at(f, at, column) * scale;
  }
  Expr row = at.k;
  if (field.group == 0) row = int_literal(0);
  if (field.group > 1) row = at.k / field.group;
  if (field.gather.get()) {
    Substitution place = {{context_.form.k.get(), at.k}};
    row = context_.kernel.lower(field.gather, place, context_.ranges);
  }
  Expr stored = vector(panels_[f][0], row, column);
  return convert(NumType::kFloat32, stored);
}

Expr StoredRight::evaluate(const Expr& expr, const Depth& at,
                           const Expr& column) const {
  if (!expr.get()) return {};
  Substitution fields;
  for (size_t f = 0; f < cut_.fields.size(); ++f) {
    const Var& name = cut_.fields[f].name;
    if (depends_on(expr, name.get())) {
      fields[name.get()] = field_at(f, at, column);
    }
  }
  return substitute(expr, fields);
}

Expr StoredRight::value(const Depth& at, const Expr& column) const {
  return evaluate(cut_.value, at, column);
}
Expr StoredRight::code(const Depth& at, const Expr& column) const {
  return field_at(static_cast<size_t>(*cut_.code), at, column);
}
Expr StoredRight::factor(const Depth& at, const Expr& column) const {
  return evaluate(cut_.factor, at, column);
}
Expr StoredRight::term(const Depth& at, const Expr& column) const {
  return evaluate(cut_.term, at, column);
}

// --- the local block ---

Stmt StoredRight::each_vector(
    const std::function<Stmt(const Expr& column)>& body) const {
  std::vector<Stmt> stmts;
  for (int v = 0; v < context_.tile.vectors; ++v) {
    stmts.push_back(body(int_literal(v * context_.tile.lanes)));
  }
  return block(std::move(stmts));
}

Stmt StoredRight::expand(int block) const {
  return cut_.code ? expand_linear(block) : expand_each(block);
}

// Factor and term once a group; then whole words, whose last codes may lie
// beyond the depth, where nothing reads.
Stmt StoredRight::expand_linear(int block_slot) const {
  const MatmulPlace& at = context_.at;
  const int lanes = context_.tile.lanes;
  Var g = make_var("g"), w = make_var("w"), c = make_var("c");
  Expr length = group() == 0 ? var(at.depth) : int_literal(group());
  Expr groups = ceil_div(var(at.depth), length);
  Var begin = make_var("begin");
  Expr rest = min(length, var(at.depth) - var(begin));
  Depth first = depth((var(at.k0) + var(begin)) / unit(), int_literal(0));
  std::vector<Stmt> head = {let(begin, var(g) * length)}, body;
  for (int v = 0; v < context_.tile.vectors; ++v) {
    Expr column = int_literal(v * lanes);
    Depth here = depth(first.word + var(w), var(c));
    Expr number = code(here, column);
    if (Expr value = factor(first, column); value.get()) {
      Var factor_name = make_var("factor", NumType::kFloat32, lanes);
      head.push_back(let(factor_name, value));
      number = number * var(factor_name);
    }
    Expr value = term(first, column);
    if (Expr more = added(column); more.get()) {
      value = value.get() ? value + more : more;
    }
    if (value.get()) {
      Var term_name = make_var("term", NumType::kFloat32, lanes);
      head.push_back(let(term_name, value));
      number = number + var(term_name);
    }
    Expr row = var(begin) + var(w) * unit() + var(c);
    Expr place = row * context_.panels.width + column;
    body.push_back(store(block_slot, ramp(place, 1, lanes), number));
  }
  Stmt word = for_loop(c, int_literal(0), int_literal(unit()),
                       block(std::move(body)), LoopKind::kUnroll);
  head.push_back(
      for_loop(w, int_literal(0), ceil_div(rest, int_literal(unit())), word));
  return for_loop(g, int_literal(0), groups, block(std::move(head)));
}

Stmt StoredRight::expand_each(int block_slot) const {
  const MatmulPlace& at = context_.at;
  Var kk = make_var("kk"), k = make_var("k");
  Depth here{var(k), var(k) / unit(), var(k) % unit()};
  Stmt row = each_vector([&](const Expr& column) {
    Expr place = var(kk) * context_.panels.width + column;
    return store(block_slot, ramp(place, 1, context_.tile.lanes),
                 value(here, column));
  });
  return for_loop(kk, int_literal(0), var(at.depth),
                  block({let(k, var(at.k0) + var(kk)), row}));
}

// --- what is used next ---

Stmt StoredRight::prepare_prefetch() const {
  const MatmulPlace& at = context_.at;
  Expr more = var(at.p) + 1 < var(at.panels);
  Expr after = var(at.k0) + var(at.depth);
  return block({let(next_panel_, select(more, var(at.p) + 1, int_literal(0))),
                let(next_k_, select(more, var(at.k0), after) / unit())});
}

Stmt StoredRight::prefetch_next(const Expr& word) const {
  std::vector<Stmt> stmts;
  for (size_t f = 0; f < cut_.fields.size(); ++f) {
    const RightField& field = cut_.fields[f];
    if (!field.is_fine()) continue;
    for (size_t i = 0; i < panels_[f].size(); ++i) {
      const Panel& panel = panels_[f][i];
      int64_t per_word =
          field.planes.empty() ? field.codes_a_word() : 32 / field.planes[i];
      int64_t rows = unit() / per_word, values = panel.values_a_word;
      // The rows of a word lie one behind the other.
      int64_t line = kLineBytes / size_of(panel.dtype);
      Expr next = index(panel, var(next_panel_), (var(next_k_) + word) * rows);
      int64_t size = rows * context_.panels.width * values;
      for (int64_t at = 0; at < size; at += line) {
        stmts.push_back(prefetch(panel.slot, next * values + at));
      }
    }
  }
  return block(std::move(stmts));
}

}  // namespace lathe
