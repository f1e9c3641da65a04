#include "codegen/matmul_operands.h"

#include <algorithm>
#include <utility>

#include "codegen/stored_right.h"

namespace lathe {
namespace {

// Keeps the rows of a filled block out of the same cache sets.
constexpr int64_t kRowPadding = 16;

Expr last_row(const MatmulContext& context, const Expr& m) {
  return min(m, size_of(context.form.rows) - 1);
}

}  // namespace

Stmt in_section(const MatmulContext& context, size_t s, Stmt body) {
  if (context.form.sections.size() == 1) return body;
  Expr here =
      equal(var(context.at.section), int_literal(static_cast<int64_t>(s)));
  return if_then(here, std::move(body));
}

MatmulLeft::MatmulLeft(MatmulContext& context) : context_(context) {
  context_.kernel.bind_operands(context_.form.left);
  value_ = context_.kernel.lower(context_.form.left, {}, context_.ranges);
  find_direct();
  if (!direct_) find_run();
}

// An operand of the dtype that tiles read, with contiguous k in whole pairs.
void MatmulLeft::find_direct() {
  auto* node = std::get_if<Load>(&value_->node);
  if (!node || node->dtype != dtype() || half_pair()) return;
  auto affine = affine_in(node->index[0], context_.form.k, context_.ranges);
  if (!affine || !(affine->stride == 1)) return;
  direct_ = affine->base;
  slot_ = node->slot;
}

void MatmulLeft::find_run() {
  walk(value_, [&](const Expr& e) {
    const Call* call = division_in(e);
    if (!call || !depends_on(call->args[0], context_.form.k.get())) {
      return true;
    }
    auto* literal = std::get_if<Literal>(&call->args[1]->node);
    auto* number = literal ? std::get_if<int64_t>(&literal->value) : nullptr;
    bool fits =
        number && *number > 1 && mod(context_.form.depth, Dim(*number)) == 0;
    if (fits) run_ = *number;
    return true;
  });
}

void MatmulLeft::add_local() {
  if (direct_) return;
  stride_ = context_.depth_block + kRowPadding;
  slot_ = context_.kernel.local("left", dtype(), context_.row_block * stride_);
}

// The rows of the tiles, those beyond the last one as copies of it. A single
// row has a tile of its own.
Stmt MatmulLeft::fill() const {
  if (direct_) return block({});
  const MatmulPlace& at = context_.at;
  Var i = make_var("i");
  Expr height = int_literal(context_.tile.rows);
  Expr padded = select(var(at.rows) <= int_literal(1), var(at.rows),
                       ceil_div(var(at.rows), height) * height);
  Expr m = last_row(context_, var(at.m0) + var(i));
  Stmt row = block({let(context_.form.m, m), fill_row(var(i))});
  if (half_pair()) {
    Expr end = var(i) * stride_ + var(at.depth);
    row = block({row, store(slot_, end, float_literal(0, context_.form.type))});
  }
  return for_loop(i, int_literal(0), padded, row);
}

Stmt MatmulLeft::fill_row(const Expr& i) const {
  const MatmulPlace& at = context_.at;
  const Var& k = context_.form.k;
  Expr zero = int_literal(0);
  Var kk = make_var("kk");
  if (run_ == 1 || context_.depth_block % run_ != 0) {
    Stmt cell = block({let(k, var(at.k0) + var(kk)),
                       store(slot_, i * stride_ + var(kk), value_)});
    return for_loop(kk, zero, var(at.depth), cell, LoopKind::kVector);
  }
  // k = k_run * run + kk: the division disappears from the inner loop.
  Var r = make_var("r"), k_run = make_var("k_run");
  Ranges ranges = context_.ranges;
  ranges.add(k_run, floordiv(context_.form.depth, Dim(run_)));
  ranges.add(kk, Dim(run_));
  Substitution split = {{k.get(), var(k_run) * run_ + var(kk)}};
  Expr value = context_.kernel.lower(context_.form.left, split, ranges);
  Stmt cell = store(slot_, i * stride_ + var(r) * run_ + var(kk), value);
  Stmt row =
      block({let(k_run, var(at.k0) / run_ + var(r)),
             for_loop(kk, zero, int_literal(run_), cell, LoopKind::kVector)});
  return for_loop(r, zero, var(at.depth) / run_, row);
}

Expr MatmulLeft::offset(const Expr& row) const {
  if (!direct_) return row * stride_;
  Expr m = last_row(context_, var(context_.at.m0) + row);
  return substitute(*direct_, {{context_.form.m.get(), m}}) +
         var(context_.at.k0);
}

Expr MatmulLeft::element(const Expr& offset, const Expr& k) const {
  return flat_load(slot_, dtype(), offset + k);
}

Expr MatmulLeft::vector(const Expr& offset, const Expr& k) const {
  return vector_load(slot_, dtype(), offset + k, context_.tile.lanes);
}

MatmulRight::MatmulRight(MatmulContext& context) : context_(context) {
  const MatmulForm& form = context_.form;
  packed_ = packed_dtype(form, context_.tile);
  expand_ = !packed_ || (*packed_ != context_.tile.dtype &&
                         context_.tile.dtype != DType::kFloat32);
  if (packed_) {
    PanelValue value;
    value.dtype = *packed_;
    value.row_multiple = value.rows_a_word = row_depth();
    for (const MatmulPart& part : form.parts) {
      value.parts.push_back(part.right);
    }
    value.row = form.k;
    value.rows = form.depth;
    packed_slot_ =
        context_.kernel.packed(pack_panels(form, context_.panels, value));
    return;
  }
  if (context_.cut) {
    stored_ = std::make_unique<StoredRight>(context_, *context_.cut);
    return;
  }
  for (const MatmulPart& part : form.parts) {
    context_.kernel.bind_operands(part.right);
  }
}

MatmulRight::~MatmulRight() = default;

void MatmulRight::add_local() {
  if (!expand_) return;
  const int64_t size = context_.depth_block * context_.panels.width;
  if (stored_ && context_.pairs) {
    block_ = context_.kernel.local("right", DType::kInt32, size / 2);
  } else {
    block_ = context_.kernel.local("right", context_.tile.dtype, size);
  }
}

int MatmulRight::block_bytes() const {
  if (context_.left_codes) return size_of(DType::kInt8);
  if (stored_ && context_.pairs) return size_of(DType::kBFloat16);
  return size_of(expand_ ? context_.tile.dtype : *packed_);
}

// Columns beyond the last are never stored, but must be numbers.
Stmt MatmulRight::prepare() const {
  if (!expand_ || stored_) return block({});
  Var i = make_var("i");
  Expr size = int_literal(context_.depth_block * context_.panels.width);
  return for_loop(i, int_literal(0), size,
                  store(block_, var(i), float_literal(0, context_.form.type)),
                  LoopKind::kVector);
}

// Index of packed element (panel p0 + p, row, 0).
Expr MatmulRight::packed_index(const Expr& p, const Expr& row) const {
  Expr panel = var(context_.at.p0) + p;
  if (!(context_.form.batch == 1)) {
    panel = var(context_.form.b) * size_of(context_.panels.panels) + panel;
  }
  Dim rows = ceildiv(context_.form.depth, Dim(row_depth()));
  return (panel * size_of(rows) + row) * row_size();
}

// Blocks of depth begin with whole pairs.
Expr MatmulRight::first_row() const {
  Expr k0 = var(context_.at.k0);
  return context_.pairs ? k0 / 2 : k0;
}

Stmt MatmulRight::fill() const {
  const MatmulPlace& at = context_.at;
  if (stored_) return stored_->expand(block_);
  if (prefetches()) {
    // The block of weights that is used after this one.
    Expr more = var(at.p) + 1 < var(at.panels);
    Expr depth = var(at.depth);
    Expr after = first_row() + (context_.pairs ? depth / 2 : depth);
    return let(next_, select(more, packed_index(var(at.p) + 1, first_row()),
                             packed_index(int_literal(0), after)));
  }
  if (packed_) {
    Var i = make_var("i");
    Expr base = packed_index(var(at.p), first_row());
    Expr value = flat_load(packed_slot_, *packed_, base + var(i));
    return for_loop(i, int_literal(0), var(at.depth) * context_.panels.width,
                    store(block_, var(i), value), LoopKind::kVector);
  }
  std::vector<Stmt> stmts;
  for (size_t s = 0; s < context_.form.sections.size(); ++s) {
    const MatmulSection& section = context_.form.sections[s];
    std::vector<Stmt> parts;
    int count = static_cast<int>(section.parts.size());
    for (int q = 0; q < count; ++q) {
      Stmt part = fill_part(section, section.parts[q], count);
      parts.push_back(count == 1 ? part
                                 : if_then(equal(var(at.p) % count, q), part));
    }
    stmts.push_back(in_section(context_, s, block(std::move(parts))));
  }
  return block(std::move(stmts));
}

Stmt MatmulRight::fill_part(const MatmulSection& section, int part,
                            int count) const {
  const MatmulPlace& at = context_.at;
  const Var& k = context_.form.k;
  const Var& n = context_.form.n;
  int width = context_.panels.width;
  Var kk = make_var("kk"), j = make_var("j"), n0 = make_var("n0");
  Ranges ranges = context_.ranges;
  ranges.add(n, section.columns);
  const Expr& right = context_.form.parts[part].right;
  Expr value = context_.kernel.lower(right, {}, ranges);
  Stmt cell = store(block_, var(kk) * width + var(j), value);
  Stmt let_k = let(k, var(at.k0) + var(kk));
  Stmt let_n = let(n, var(n0) + var(j));
  Expr zero = int_literal(0);
  Expr columns = min(size_of(section.columns) - var(n0), int_literal(width));
  // Along k where the operand is contiguous in k.
  auto* node = std::get_if<Load>(&value->node);
  auto affine = node ? affine_in(node->index[0], k, ranges) : std::nullopt;
  Stmt loops;
  if (affine && affine->stride == 1) {
    Stmt column = for_loop(kk, zero, var(at.depth), block({let_k, cell}),
                           LoopKind::kVector);
    loops = for_loop(j, zero, columns, block({let_n, column}));
  } else {
    Stmt row =
        for_loop(j, zero, columns, block({let_n, cell}), LoopKind::kVector);
    loops = for_loop(kk, zero, var(at.depth), block({let_k, row}));
  }
  Expr unit = var(at.u0) + var(at.p) / count;
  return block({let(n0, unit * width), loops});
}

Expr MatmulRight::vector(const Expr& k, const Expr& column) const {
  const TileShape& tile = context_.tile;
  if (expand_) {
    Expr index = k * context_.panels.width + column;
    return vector_load(block_, tile.dtype, index, tile.lanes);
  }
  Expr row = packed_index(var(context_.at.p), first_row() + k);
  return vector_load(packed_slot_, *packed_, row + column, tile.lanes);
}

Intrinsic::Address MatmulRight::pairs(const Expr& k, const Expr& column) const {
  Expr row = packed_index(var(context_.at.p), first_row() + k);
  return {packed_slot_, row + column * 2};
}

int64_t MatmulRight::lines_a_row() const {
  return std::max<int64_t>(1, row_size() * block_bytes() / kLineBytes);
}

Stmt MatmulRight::prefetch_next(const Expr& k, const Expr& tile) const {
  int64_t line = row_size() / lines_a_row();
  return prefetch(packed_slot_, var(next_) + k * row_size() +
                                    tile % lines_a_row() * line);
}

}  // namespace lathe
