#include "codegen/register_tile.h"

#include <algorithm>

namespace lathe {
namespace {

// Independent multiply-adds that hide their latency: two units times four
// cycles.
constexpr int kChains = 8;

// Emits one tile; holds what its parts share.
class TileEmitter {
 public:
  TileEmitter(const TileCode& code, int rows)
      : code_(code),
        rows_(rows),
        vectors_(code.shape.vectors),
        // Short tiles sum several k apart from each other.
        chains_(std::clamp(kChains / (rows * vectors_), 1,
                           code.shape.rows / rows)) {}

  Stmt emit() const {
    std::vector<Stmt> stmts;
    stmts.push_back(each_row([&](const Expr& i) {
      return store(code_.locals.offsets, i, code_.offset(i));
    }));
    stmts.push_back(begin());
    stmts.push_back(steps());
    if (chains_ > 1) stmts.push_back(join_chains());
    stmts.push_back(each_cell(0, rows_, [&](const Expr& i, const Expr& j) {
      Expr sum = acc(i, j);
      if (code_.close) sum = code_.close(i, j * code_.shape.lanes, sum);
      return store(code_.out, ramp(out_index(i, j)), sum);
    }));
    return block(std::move(stmts));
  }

 private:
  using CellBody = std::function<Stmt(const Expr& row, const Expr& vector)>;

  Stmt unrolled(const char* name, int begin, int end,
                const std::function<Stmt(const Expr&)>& body) const {
    if (end - begin == 1) return body(int_literal(begin));
    Var v = make_var(name);
    return for_loop(v, int_literal(begin), int_literal(end), body(var(v)),
                    LoopKind::kUnroll);
  }
  Stmt each_row(const std::function<Stmt(const Expr&)>& body) const {
    return unrolled("i", 0, rows_, body);
  }
  Stmt each_cell(int begin, int end, const CellBody& body) const {
    return unrolled("i", begin, end, [&](const Expr& i) {
      return unrolled("j", 0, vectors_,
                      [&](const Expr& j) { return body(i, j); });
    });
  }

  Expr ramp(const Expr& base) const {
    return lathe::ramp(base, 1, code_.shape.lanes);
  }
  Expr acc_index(const Expr& i, const Expr& j) const {
    return i * vectors_ + j;
  }
  Expr acc(const Expr& i, const Expr& j) const {
    return local_vector(code_.locals.acc, code_.shape.dtype, acc_index(i, j),
                        code_.shape.lanes);
  }
  Expr out_index(const Expr& i, const Expr& j) const {
    return code_.out_index(i, j * code_.shape.lanes);
  }
  Stmt clear(int begin, int end) const {
    Expr zero = float_literal(0, compute_type(code_.shape.dtype));
    return each_cell(begin, end, [&](const Expr& i, const Expr& j) {
      return store(code_.locals.acc, acc_index(i, j), zero);
    });
  }

  Stmt begin() const {
    Stmt go_on = each_cell(0, rows_, [&](const Expr& i, const Expr& j) {
      return store(code_.locals.acc, acc_index(i, j),
                   vector_load(code_.out, code_.shape.dtype, out_index(i, j),
                               code_.shape.lanes));
    });
    Stmt first = if_then(code_.resume, go_on, clear(0, rows_));
    if (auto* known = std::get_if<Literal>(&code_.resume->node)) {
      first = std::get<bool>(known->value) ? go_on : clear(0, rows_);
    }
    if (chains_ == 1) return first;
    return block({first, clear(rows_, rows_ * chains_)});
  }

  bool has_step() const { return code_.step && rows_ >= code_.step_rows; }

  // One k: chain c adds to its own accumulators.
  Stmt step(const Expr& k, const Expr& chain) const {
    if (code_.multiply) return multiply_step(k, chain);
    std::vector<Stmt> stmts;
    stmts.push_back(unrolled("j", 0, vectors_, [&](const Expr& j) {
      return store(code_.locals.right, j,
                   code_.right(k, j * code_.shape.lanes));
    }));
    if (has_step()) stmts.push_back(code_.step(k));
    stmts.push_back(each_row([&](const Expr& i) {
      Var left = make_var("a", compute_type(code_.shape.dtype));
      Expr offset = flat_load(code_.locals.offsets, DType::kInt64, i);
      Expr row = chain * rows_ + i;
      Stmt cells = unrolled("j", 0, vectors_, [&](const Expr& j) {
        Expr right = local_vector(code_.locals.right, code_.shape.dtype, j,
                                  code_.shape.lanes);
        return store(code_.locals.acc, acc_index(row, j),
                     acc(row, j) + var(left) * right);
      });
      return block({let(left, code_.left(offset, k)), cells});
    }));
    return block(std::move(stmts));
  }

  Stmt multiply_step(const Expr& k, const Expr& chain) const {
    Stmt rows = each_row([&](const Expr& i) {
      Expr offset = flat_load(code_.locals.offsets, DType::kInt64, i);
      return unrolled("j", 0, vectors_, [&](const Expr& j) {
        return code_.multiply(acc_index(chain * rows_ + i, j), offset, k,
                              j * code_.shape.lanes);
      });
    });
    return has_step() ? block({code_.step(k), rows}) : rows;
  }

  Stmt steps() const {
    Var k = make_var("k");
    Expr zero = int_literal(0);
    if (chains_ == 1) {
      return for_loop(k, zero, code_.k_count, step(var(k), zero));
    }
    Stmt group = unrolled("c", 0, chains_,
                          [&](const Expr& c) { return step(var(k) + c, c); });
    if (code_.k_multiple % chains_ == 0) {
      return for_loop(k, zero, code_.k_count, group, LoopKind::kSerial,
                      chains_);
    }
    Expr whole = code_.k_count / chains_ * chains_;
    Var rest = make_var("k");
    return block({for_loop(k, zero, whole, group, LoopKind::kSerial, chains_),
                  for_loop(rest, whole, code_.k_count, step(var(rest), zero))});
  }

  Stmt join_chains() const {
    return each_cell(rows_, rows_ * chains_, [&](const Expr& i, const Expr& j) {
      Expr row = i % rows_;
      return store(code_.locals.acc, acc_index(row, j),
                   acc(row, j) + acc(i, j));
    });
  }

  const TileCode& code_;
  int rows_, vectors_, chains_;
};

}  // namespace

TileShape tile_shape(const Target& target, DType dtype) {
  TileShape shape;
  shape.dtype = dtype;
  shape.lanes = std::max(1, target.lanes(size_of(dtype)));
  // Twelve accumulators fill 16 registers, with two vectors of right and one
  // scalar of left; 24 fill 32.
  bool many = target.vector_registers >= 32;
  shape.vectors = many ? 4 : 2;
  shape.rows = target.fma ? 6 : 4;
  return shape;
}

std::vector<int> tile_heights(const TileShape& shape) {
  std::vector<int> heights = {shape.rows};
  int middle = std::min(kChains / shape.vectors, shape.rows - 1);
  if (middle > 1) heights.push_back(middle);
  heights.push_back(1);
  return heights;
}

Stmt register_tile(const TileCode& code, int rows) {
  return TileEmitter(code, rows).emit();
}

Stmt tile_rows(const std::vector<int>& heights, const Expr& row_count,
               const std::function<TileCode(const Expr& first_row)>& code_at) {
  Var first = make_var("i0");
  TileCode code = code_at(var(first));
  // Rows left over go to the lowest tile that holds them all.
  Stmt choice = register_tile(code, heights.back());
  for (size_t h = heights.size() - 1; h-- > 0;) {
    Expr left = row_count - var(first);
    choice = if_then(left > int_literal(heights[h + 1]),
                     register_tile(code, heights[h]), choice);
  }
  return for_loop(first, int_literal(0), row_count, choice, LoopKind::kSerial,
                  heights[0]);
}

}  // namespace lathe
