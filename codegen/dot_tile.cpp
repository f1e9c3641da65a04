#include "codegen/dot_tile.h"

#include <numeric>

namespace lathe {
namespace {

// Rows that are unrolled.
constexpr int64_t kRows = 2;

}  // namespace

DotTile::DotTile(MatmulContext& context, const StoredRight& right)
    : context_(context),
      left_(*context.left_codes),
      right_(right),
      run_(right.cut().run) {}

int64_t DotTile::depth_step() const {
  return std::lcm(right_.depth_step(), run_);
}

const RightField& DotTile::code() const {
  return right_.cut().fields[*right_.cut().code];
}

void DotTile::add_locals() {
  KernelBuilder& kernel = context_.kernel;
  const TileShape& tile = context_.tile;
  const int64_t rows = context_.row_block, depth = context_.depth_block;
  const int64_t length = right_.group() == 0 ? depth : right_.group();
  const int64_t groups = (depth + length - 1) / length * rows;
  codes_ = kernel.local("left", DType::kInt8, depth * rows);
  if (code().least != 0) {
    starts_ = kernel.local("starts", DType::kInt32, groups);
  }
  if (left_.factor.get()) {
    scales_ = kernel.local("scales", DType::kFloat32, groups);
  }
  if (right_.cut().term.get()) {
    terms_ = kernel.local("terms", DType::kFloat32, groups);
  }
  acc_ = kernel.local("acc", DType::kInt32, runs() == 1 ? kRows : rows,
                      tile.lanes);
  bytes_ = kernel.local("bytes", DType::kInt32, run_ / 4, tile.lanes);
  totals_ = kernel.local("total", DType::kFloat32, tile.vectors, tile.lanes);
}

bool DotTile::has_rest() const {
  return !(mod(context_.form.depth, Dim(run_)) == 0);
}

int64_t DotTile::runs() const {
  const int64_t length =
      right_.group() == 0 ? context_.depth_block : right_.group();
  return length / run_;
}

Expr DotTile::group_length() const {
  return right_.group() == 0 ? var(context_.at.depth)
                             : int_literal(right_.group());
}

Expr DotTile::group_count() const {
  return ceil_div(var(context_.at.depth), group_length());
}

Expr DotTile::runs_in(const Expr& group) const {
  Expr rest = var(context_.at.depth) - group * group_length();
  return ceil_div(min(group_length(), rest), int_literal(run_));
}

Expr DotTile::of_group(int slot, DType dtype, const Expr& group,
                       const Expr& row) const {
  return flat_load(slot, dtype, group * context_.row_block + row);
}

Expr DotTile::place(const Expr& run, const Expr& row) const {
  return (run * context_.row_block + row) * run_;
}

Expr DotTile::first_word(const Expr& run) const {
  return var(context_.at.k0) / right_.unit() + run * (run_ / right_.unit());
}

// --- the left side ---

// Rows beyond the last are copies of it.
Stmt DotTile::prepare() const {
  const MatmulPlace& at = context_.at;
  Var i = make_var("i");
  Expr even = ceil_div(var(at.rows), int_literal(kRows)) * kRows;
  Expr rows = select(var(at.rows) <= int_literal(1), var(at.rows), even);
  Expr m = min(var(at.m0) + var(i), size_of(context_.form.rows) - 1);
  return for_loop(i, int_literal(0), rows,
                  block({let(context_.form.m, m), copy_row(var(i)),
                         factors_of_row(var(i))}));
}

// A run that the depth does not fill ends in zeros.
Stmt DotTile::copy_row(const Expr& row) const {
  const MatmulPlace& at = context_.at;
  auto copy = [&](const Expr& run, bool whole) {
    Var i = make_var("i");
    Expr here = run * run_ + var(i);
    Expr code = context_.kernel.lower(
        left_.code, {{context_.form.k.get(), var(at.k0) + here}},
        context_.ranges);
    if (!whole) code = select(here < var(at.depth), code, int_literal(0));
    return for_loop(i, int_literal(0), int_literal(run_),
                    store(codes_, place(run, row) + var(i), code),
                    whole ? LoopKind::kVector : LoopKind::kSerial);
  };
  Var r = make_var("r"), last = make_var("r");
  Expr whole = var(at.depth) / run_;
  Stmt runs = for_loop(r, int_literal(0), whole, copy(var(r), true));
  if (!has_rest()) return runs;
  Expr all = ceil_div(var(at.depth), int_literal(run_));
  return block({runs, for_loop(last, whole, all, copy(var(last), false))});
}

Stmt DotTile::factors_of_row(const Expr& row) const {
  Var g = make_var("g");
  std::vector<Stmt> stmts;
  Expr cell = var(g) * context_.row_block + row;
  if (scales_ >= 0) {
    Expr k = var(context_.at.k0) + var(g) * group_length();
    stmts.push_back(
        store(scales_, cell,
              context_.kernel.lower(left_.factor, {{context_.form.k.get(), k}},
                                    context_.ranges)));
  }
  if (starts_ >= 0 || terms_ >= 0) stmts.push_back(sum_of_group(row, var(g)));
  if (stmts.empty()) return block({});
  return for_loop(g, int_literal(0), group_count(), block(std::move(stmts)));
}

Stmt DotTile::sum_of_group(const Expr& row, const Expr& group) const {
  Var sum = make_var("sum"), r = make_var("r"), i = make_var("i");
  auto add_run = [&](const Expr& run) {
    Expr number = flat_load(codes_, DType::kInt8, place(run, row) + var(i));
    return for_loop(i, int_literal(0), int_literal(run_),
                    assign(sum, var(sum) + number), LoopKind::kVector);
  };
  Stmt add = runs() == 1 ? add_run(group)
                         : for_loop(r, int_literal(0), runs_in(group),
                                    add_run(group * runs() + var(r)));
  std::vector<Stmt> stmts = {declare(sum, int_literal(0)), add};
  Expr cell = group * context_.row_block + row;
  if (starts_ >= 0) {
    stmts.push_back(store(starts_, cell, var(sum) * code().least));
  }
  if (terms_ >= 0) {
    Expr value = convert(NumType::kFloat32, var(sum));
    if (scales_ >= 0) {
      value = value * of_group(scales_, DType::kFloat32, group, row);
    }
    stmts.push_back(store(terms_, cell, value));
  }
  return block(std::move(stmts));
}

// --- rows times a panel ---

Stmt DotTile::panel(int out, const Expr& first_out) const {
  return if_then(var(context_.at.rows) <= int_literal(1),
                 one_row(out, first_out), many_rows(out, first_out));
}

// The sums stay in registers.
Stmt DotTile::one_row(int out, const Expr& first_out) const {
  const int lanes = context_.tile.lanes;
  std::vector<Stmt> go_on, begin, end;
  for (int v = 0; v < context_.tile.vectors; ++v) {
    Expr total = local_vector(totals_, DType::kFloat32, int_literal(v), lanes);
    Expr there = first_out + v * lanes;
    go_on.push_back(store(totals_, int_literal(v),
                          vector_load(out, DType::kFloat32, there, lanes)));
    begin.push_back(store(totals_, int_literal(v), float_zero()));
    end.push_back(store(out, ramp(there, 1, lanes), total));
  }
  Sums sums;
  sums.one_row = true;
  sums.load = [this, lanes](const Expr&, const Expr& column) {
    return local_vector(totals_, DType::kFloat32, column / lanes, lanes);
  };
  sums.store = [this, lanes](const Expr&, const Expr& column, Expr value) {
    return store(totals_, column / lanes, std::move(value));
  };
  return block({if_then(var(context_.at.k0) > int_literal(0),
                        block(std::move(go_on)), block(std::move(begin))),
                groups_of(sums), block(std::move(end))});
}

Stmt DotTile::many_rows(int out, const Expr& first_out) const {
  const int lanes = context_.tile.lanes;
  const int64_t width = context_.panels.width;
  Sums sums;
  auto there = [first_out, width](const Expr& row, const Expr& column) {
    return first_out + row * width + column;
  };
  sums.load = [=](const Expr& row, const Expr& column) {
    return vector_load(out, DType::kFloat32, there(row, column), lanes);
  };
  sums.store = [=](const Expr& row, const Expr& column, Expr value) {
    return store(out, ramp(there(row, column), 1, lanes), std::move(value));
  };
  Stmt clear = each_row(sums, [&](const Expr& row, const Expr&) {
    std::vector<Stmt> stmts;
    for (int v = 0; v < context_.tile.vectors; ++v) {
      stmts.push_back(sums.store(row, int_literal(v * lanes), float_zero()));
    }
    return block(std::move(stmts));
  });
  Stmt begin = if_then(equal(var(context_.at.k0), int_literal(0)), clear);
  return block({begin, groups_of(sums)});
}

Stmt DotTile::each_row(const Sums& sums, const RowBody& body) const {
  if (sums.one_row) return body(int_literal(0), int_literal(0));
  Var i = make_var("i"), j = make_var("j");
  Stmt rows = for_loop(j, int_literal(0), int_literal(kRows),
                       body(var(i) + var(j), var(j)), LoopKind::kUnroll);
  return for_loop(i, int_literal(0), var(context_.at.rows), rows,
                  LoopKind::kSerial, kRows);
}

Stmt DotTile::groups_of(const Sums& sums) const {
  Var g = make_var("g"), u = make_var("u"), v = make_var("v");
  Expr words = int_literal(run_ / right_.unit());
  Expr first = var(g) * (runs() * (run_ / right_.unit()));
  if (runs() > 1) words = runs_in(var(g)) * words;
  Stmt ask =
      for_loop(u, int_literal(0), words, right_.prefetch_next(first + var(u)));
  Stmt columns =
      for_loop(v, int_literal(0), int_literal(context_.tile.vectors),
               columns_of(sums, var(g), var(v) * context_.tile.lanes),
               LoopKind::kUnroll);
  return for_loop(g, int_literal(0), group_count(), block({ask, columns}));
}

// All rows with a vector of columns, for the k of a group.
Stmt DotTile::columns_of(const Sums& sums, const Expr& group,
                         const Expr& column) const {
  const int lanes = context_.tile.lanes;
  std::vector<Stmt> stmts;
  auto named = [&](const char* name, const Expr& value) {
    if (!value.get()) return Expr();
    Var v = make_var(name, NumType::kFloat32, lanes);
    stmts.push_back(let(v, value));
    return var(v);
  };
  StoredRight::Depth at =
      right_.depth(first_word(group * runs()), int_literal(0));
  Shared shared;
  shared.factor = named("factor", right_.factor(at, column));
  shared.term = named("term", right_.term(at, column));
  if (runs() == 1) {
    stmts.push_back(bytes(group, column));
    stmts.push_back(each_row(sums, [&](const Expr& row, const Expr& cell) {
      return block({start(cell, row, group), dot(cell, row, group),
                    close(sums, cell, row, group, column, shared)});
    }));
    return block(std::move(stmts));
  }
  Var r = make_var("r");
  Expr run = group * runs() + var(r);
  auto dots = [&](const Expr& row, const Expr&) { return dot(row, row, run); };
  stmts.push_back(each_row(sums, [&](const Expr& row, const Expr&) {
    return start(row, row, group);
  }));
  stmts.push_back(for_loop(r, int_literal(0), runs_in(group),
                           block({bytes(run, column), each_row(sums, dots)})));
  stmts.push_back(each_row(sums, [&](const Expr& row, const Expr&) {
    return close(sums, row, row, group, column, shared);
  }));
  return block(std::move(stmts));
}

Stmt DotTile::bytes(const Expr& run, const Expr& column) const {
  return right_.bytes(bytes_, first_word(run), run_ / right_.unit(), column);
}

Stmt DotTile::start(const Expr& cell, const Expr& row,
                    const Expr& group) const {
  Expr value = int_literal(0);
  if (starts_ >= 0) value = of_group(starts_, DType::kInt32, group, row);
  return store(acc_, cell, value);
}

Stmt DotTile::dot(const Expr& cell, const Expr& row, const Expr& run) const {
  const int bits = code().bits();
  IntrinsicOp op = bits <= 4   ? IntrinsicOp::kDot4Bits
                   : bits <= 6 ? IntrinsicOp::kDot6Bits
                               : IntrinsicOp::kDot8Bits;
  return intrinsic(
      op, {{acc_, cell}, {codes_, place(run, row)}, {bytes_, int_literal(0)}},
      run_ / 4);
}

Stmt DotTile::close(const Sums& sums, const Expr& cell, const Expr& row,
                    const Expr& group, const Expr& column,
                    const Shared& shared) const {
  Expr value =
      convert(NumType::kFloat32,
              local_vector(acc_, DType::kInt32, cell, context_.tile.lanes));
  if (scales_ >= 0) {
    value = value * of_group(scales_, DType::kFloat32, group, row);
  }
  if (shared.factor.get()) value = value * shared.factor;
  value = sums.load(row, column) + value;
  if (shared.term.get()) {
    value = value + shared.term * of_group(terms_, DType::kFloat32, group, row);
  }
  return sums.store(row, column, value);
}

}  // namespace lathe
