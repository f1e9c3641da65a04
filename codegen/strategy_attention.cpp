// Attention as one streaming kernel: scores, softmax and weighted values of a
// block of queries while keys stream by (online softmax, Milakov and
// Gimelshein 2018; the tiling is FlashAttention's, Dao et al. 2022).
//
// The scores are computed transposed, keys by queries: the tile's scalars come
// from the keys as they lie in memory and its vectors from the queries, packed
// once per work item. So nothing that streams is packed, the softmax runs with
// one query per lane and needs no horizontal sums, and the second product reads
// its vectors from the values as they lie in memory.
//
// For each query: m the maximum so far, l the sum of exp(x - m), o the sum of
// exp(x - m) * value. A block of keys raises m; l and o are scaled by
// exp(old m - new m).

#include <algorithm>
#include <utility>

#include "codegen/attention_form.h"
#include "codegen/kernel_builder.h"
#include "codegen/online_softmax.h"
#include "codegen/register_tile.h"

namespace lathe {
namespace {

// Queries of a work item, in tile widths, and keys of a step, in tile rows.
constexpr int kQueryTiles = 3;
constexpr int kKeyTiles = 16;

constexpr DType kF32 = DType::kFloat32;

class AttentionLowering {
 public:
  AttentionLowering(const Group& group, AttentionForm form,
                    const Target& target)
      : group_(group),
        form_(std::move(form)),
        kernel_(group),
        tile_(tile_shape(target, kF32)) {
    // One query per lane: wide tiles would waste lanes on short prompts.
    tile_.vectors = std::min(tile_.vectors, 2);
    width_ = tile_.columns();
    queries_ = query_block();
    keys_ = static_cast<int64_t>(kKeyTiles) * tile_.rows;
    depth_ = form_.depth.value();
    columns_ = form_.columns.value();
    padded_columns_ = (columns_ + width_ - 1) / width_ * width_;
    bind_buffers();
    bind_locals();
  }

  LoweredGroup lower() {
    Var item = make_var("item"), step = make_var("step");
    std::vector<Stmt> body = {position(item), fill_queries(), clear()};
    Expr keys = size_of(form_.keys);
    Stmt stream = block({
        let(s0_, var(step) * keys_),
        let(key_count_, min(keys - var(s0_), int_literal(keys_))),
        fill(key_block_, form_.k, key_, depth_, depth_),
        fill(value_block_, form_.n, value_, columns_, padded_columns_),
        scores(),
        softmax(),
        fade_sums(),
        weighted_values(),
    });
    body.push_back(for_loop(step, int_literal(0),
                            ceil_div(keys, int_literal(keys_)), stream));
    body.push_back(epilogue());
    Stmt loop = for_loop(item, var(kernel_.lo()), var(kernel_.hi()),
                         block(std::move(body)), LoopKind::kItems);
    Dim blocks = ceildiv(form_.rows, Dim(queries_));
    Dim pairs = form_.batch * form_.rows * form_.keys;
    Dim cost = floordiv(pairs * Dim(depth_ + columns_ + 16), 30);
    return kernel_.finish(loop, form_.batch * blocks, cost);
  }

 private:
  int64_t query_block() const {
    int64_t most = static_cast<int64_t>(kQueryTiles) * width_;
    if (!form_.rows.is_static()) return most;
    int64_t tiles = (form_.rows.value() + width_ - 1) / width_;
    return std::min(most, std::max<int64_t>(1, tiles) * width_);
  }

  void bind_buffers() {
    for (const Expr& e : {form_.query, form_.key, form_.value, form_.score,
                          form_.score_scale, form_.rest}) {
      if (e) kernel_.bind_operands(e);
    }
    for (int s : form_.maps) kernel_.bind_operands(body_of(s));
    for (size_t o = 0; o < group_.definition.outputs.size(); ++o) {
      kernel_.output(static_cast<int>(o));
    }
    ranges_.add(form_.b, form_.batch);
    ranges_.add(form_.m, form_.rows);
    ranges_.add(form_.n, form_.columns);
    ranges_.add(form_.s, form_.keys);
    ranges_.add(form_.k, form_.depth);
    query_ = kernel_.lower(form_.query, {}, ranges_);
    key_ = kernel_.lower(form_.key, {}, ranges_);
    value_ = kernel_.lower(form_.value, {}, ranges_);
  }

  void bind_locals() {
    query_block_ = kernel_.local("q", kF32, queries_ * depth_);
    weights_ = kernel_.local("p", kF32, keys_ * queries_);
    int64_t tiles = (queries_ + tile_.rows - 1) / tile_.rows;
    sums_ = kernel_.local("o", kF32, tiles * tile_.rows * padded_columns_);
    softmax_ = OnlineSoftmax(kernel_, weights_, queries_, var(lanes_));
    bool key_in_place = reads_in_place(key_, form_.k);
    bool value_in_place =
        reads_in_place(value_, form_.n) && columns_ == padded_columns_;
    if (!key_in_place) key_block_ = kernel_.local("keys", kF32, keys_ * depth_);
    if (!value_in_place) {
      value_block_ = kernel_.local("vals", kF32, keys_ * padded_columns_);
    }
    int cells = tile_.rows * tile_.vectors;
    locals_.acc = kernel_.local("acc", kF32, cells, tile_.lanes);
    locals_.right = kernel_.local("b", kF32, tile_.vectors, tile_.lanes);
    locals_.offsets = kernel_.local("row", DType::kInt64, tile_.rows);
  }

  const Expr& body_of(int stage) const {
    return std::get<Compute>(group_.stage(stage).kind).body;
  }

  // A float32 operand that is contiguous along `axis`.
  bool reads_in_place(const Expr& expr, const Var& axis) const {
    auto* node = std::get_if<Load>(&expr->node);
    if (!node || node->dtype != kF32) return false;
    auto affine = affine_in(node->index[0], axis, ranges_);
    return affine && affine->stride == 1;
  }

  Expr zero() const { return float_literal(0, NumType::kFloat32); }
  Expr element(int slot, const Expr& index) const {
    return flat_load(slot, kF32, index);
  }

  // --- one work item ---

  // Queries [m0, m0 + rows) of batch b; lanes: rows rounded up to whole tiles.
  Stmt position(const Var& item) const {
    Expr blocks = size_of(ceildiv(form_.rows, Dim(queries_)));
    Expr width = int_literal(width_);
    return block({
        let(m0_, var(item) % blocks * queries_),
        let(form_.b, var(item) / blocks),
        let(rows_, min(size_of(form_.rows) - var(m0_), int_literal(queries_))),
        let(tiles_, ceil_div(var(rows_), width)),
        let(lanes_, var(tiles_) * width),
    });
  }

  Expr query_of(const Expr& lane) const {
    return min(var(m0_) + lane, size_of(form_.rows) - 1);
  }

  // q[tile, k, lane]; lanes beyond the last query repeat it.
  Stmt fill_queries() const {
    return each(
        "i", var(lanes_),
        [&](const Expr& i) {
          Expr base = i / width_ * (width_ * depth_) + i % width_;
          Var k = form_.k;
          return block(
              {let(form_.m, query_of(i)),
               for_loop(k, int_literal(0), int_literal(depth_),
                        store(query_block_, base + var(k) * width_, query_))});
        },
        LoopKind::kSerial);
  }

  Stmt clear() const {
    return block({softmax_.clear(),
                  each("i", var(lanes_) * padded_columns_, [&](const Expr& i) {
                    return store(sums_, i, zero());
                  })});
  }

  // Copies a block of keys or values that cannot be read in place.
  Stmt fill(int slot, const Var& axis, const Expr& value, int64_t count,
            int64_t stride) const {
    if (slot < 0) return block({});
    return each(
        "t", var(key_count_),
        [&](const Expr& t) {
          Stmt row = for_loop(axis, int_literal(0), int_literal(count),
                              store(slot, t * stride + var(axis), value),
                              LoopKind::kVector);
          std::vector<Stmt> stmts = {let(form_.s, var(s0_) + t), row};
          if (count < stride) {
            Var pad = make_var("pad");
            stmts.push_back(for_loop(
                pad, int_literal(count), int_literal(stride),
                store(slot, t * stride + var(pad), zero()), LoopKind::kVector));
          }
          return block(std::move(stmts));
        },
        LoopKind::kSerial);
  }

  TileCode tile_code(int64_t k_count) const {
    TileCode code;
    code.shape = tile_;
    code.locals = locals_;
    code.k_count = int_literal(k_count);
    code.k_multiple = k_count;
    return code;
  }

  // p[key, query] = sum over k of key * query
  Stmt scores() const {
    Var tile = make_var("tile");
    Expr keys = var(key_count_);
    Stmt rows = tile_rows({tile_.rows}, keys, [&](const Expr& first) {
      TileCode code = tile_code(depth_);
      code.offset = [this, first](const Expr& i) { return key_row(first + i); };
      code.left = [this](const Expr& offset, const Expr& k) {
        return element(key_slot(), offset + k);
      };
      code.right = [this, tile](const Expr& k, const Expr& column) {
        Expr base = (var(tile) * depth_ + k) * width_;
        return vector_load(query_block_, kF32, base + column, tile_.lanes);
      };
      code.out = weights_;
      code.out_index = [this, first, tile](const Expr& i, const Expr& j) {
        return (first + i) * queries_ + var(tile) * width_ + j;
      };
      code.resume = literal(false);
      return code;
    });
    return for_loop(tile, int_literal(0), var(tiles_), rows);
  }

  int key_slot() const {
    return key_block_ >= 0 ? key_block_ : std::get<Load>(key_->node).slot;
  }
  // Where row t of the keys of this step begins; rows beyond the last key
  // repeat it.
  Expr key_row(const Expr& t) const {
    Expr row = min(t, var(key_count_) - 1);
    if (key_block_ >= 0) return row * depth_;
    return in_place(key_, form_.k, var(s0_) + row);
  }
  // Index of the element at key s, position 0 of `axis`.
  Expr in_place(const Expr& loaded, const Var& axis, const Expr& s) const {
    const Load& node = std::get<Load>(loaded->node);
    auto affine = affine_in(node.index[0], axis, ranges_);
    return substitute(affine->base, {{form_.s.get(), s}});
  }

  Stmt softmax() {
    return block({
        apply_score(),
        softmax_.raise_maximum(equal(var(s0_), int_literal(0))),
        softmax_.exponentials(var(key_count_)),
    });
  }

  // Turns raw scores into x.
  Stmt apply_score() {
    Expr x = kernel_.lower(form_.score, {}, ranges_);
    return each(
        "t", var(key_count_),
        [&](const Expr& t) {
          Stmt lanes = each("j", var(lanes_), [&](const Expr& j) {
            Expr score = element(weights_, softmax_.weight_index(t, j));
            if (form_.score_scale) {
              score = score * kernel_.lower(form_.score_scale, {}, ranges_);
            }
            return block({let(form_.m, query_of(j)), let(form_.raw, score),
                          softmax_.take(t, j, x)});
          });
          return block({let(form_.s, var(s0_) + t), lanes});
        },
        LoopKind::kSerial);
  }

  Stmt fade_sums() const {
    return each(
        "i", var(rows_),
        [&](const Expr& i) {
          Var fade = make_var("f", NumType::kFloat32);
          Stmt row =
              each("n", int_literal(padded_columns_), [&](const Expr& n) {
                Expr index = i * padded_columns_ + n;
                return store(sums_, index, element(sums_, index) * var(fade));
              });
          return block({let(fade, softmax_.fade(i)), row});
        },
        LoopKind::kSerial);
  }

  // o[query, column] += sum over keys of p * value
  Stmt weighted_values() const {
    Var tile = make_var("tile");
    // Besides prompts, a single token.
    std::vector<int> heights = {tile_.rows, 1};
    Stmt rows = tile_rows(heights, var(rows_), [&](const Expr& first) {
      TileCode code = tile_code(1);
      code.k_count = var(key_count_);
      // Tiles may run past the last query: a lane more or less is there.
      code.offset = [this, first](const Expr& i) {
        return min(first + i, var(lanes_) - 1);
      };
      code.left = [this](const Expr& offset, const Expr& t) {
        return element(weights_, softmax_.weight_index(t, offset));
      };
      code.right = [this, tile](const Expr& t, const Expr& column) {
        return value_vector(t, var(tile) * width_ + column);
      };
      code.out = sums_;
      code.out_index = [this, first, tile](const Expr& i, const Expr& j) {
        return (first + i) * padded_columns_ + var(tile) * width_ + j;
      };
      code.resume = literal(true);
      return code;
    });
    return for_loop(tile, int_literal(0), int_literal(padded_columns_ / width_),
                    rows);
  }

  Expr value_vector(const Expr& t, const Expr& column) const {
    if (value_block_ >= 0) {
      return vector_load(value_block_, kF32, t * padded_columns_ + column,
                         tile_.lanes);
    }
    Expr base = in_place(value_, form_.n, var(s0_) + t);
    return vector_load(std::get<Load>(value_->node).slot, kF32, base + column,
                       tile_.lanes);
  }

  Stmt epilogue() {
    return each(
        "i", var(rows_),
        [&](const Expr& i) {
          Var total = make_var("all", NumType::kFloat32);
          Var n = form_.n;
          Stmt row = for_loop(n, int_literal(0), int_literal(columns_),
                              maps(i, total), LoopKind::kVector);
          return block(
              {let(form_.m, var(m0_) + i), let(total, softmax_.total(i)), row});
        },
        LoopKind::kSerial);
  }

  // The result and the maps after it at (b, m, n).
  Stmt maps(const Expr& i, const Var& total) {
    std::vector<Expr> index;
    for (const Var& axis : group_.stage(form_.result).axes) {
      index.push_back(form_.axes.at(axis.get()));
    }
    std::vector<int> stages = {form_.result};
    stages.insert(stages.end(), form_.maps.begin(), form_.maps.end());
    return kernel_.point(stages, index, ranges_, [&](int s) {
      return s == form_.result ? result(i, total) : Expr();
    });
  }

  Expr result(const Expr& i, const Var& total) {
    // An empty sum is 0.
    Expr mean = element(sums_, i * padded_columns_ + var(form_.n)) / var(total);
    Expr value =
        select(equal(size_of(form_.keys), int_literal(0)), zero(), mean);
    if (!form_.rest.get()) return value;
    return value * kernel_.lower(form_.rest, {}, ranges_);
  }

  const Group& group_;
  AttentionForm form_;
  KernelBuilder kernel_;
  TileShape tile_;
  int width_ = 0;
  int64_t queries_ = 0, keys_ = 0, depth_ = 0;
  int64_t columns_ = 0, padded_columns_ = 0;
  Ranges ranges_;
  Expr query_, key_, value_;
  int query_block_ = -1, weights_ = -1, sums_ = -1;
  int key_block_ = -1, value_block_ = -1;
  TileLocals locals_;
  OnlineSoftmax softmax_;
  Var m0_ = make_var("m0"), rows_ = make_var("rows");
  Var tiles_ = make_var("tiles"), lanes_ = make_var("lanes");
  Var s0_ = make_var("s0"), key_count_ = make_var("keys");
};

}  // namespace

bool matches_attention(const Group& group, const Target&) {
  return match_attention(group).has_value();
}

LoweredGroup lower_attention(const Group& group, const Target& target) {
  return AttentionLowering(group, *match_attention(group), target).lower();
}

}  // namespace lathe
