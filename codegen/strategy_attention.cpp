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
#include "codegen/attention_result.h"
#include "codegen/kernel_builder.h"
#include "codegen/key_limit.h"
#include "codegen/online_softmax.h"
#include "codegen/register_tile.h"
#include "codegen/streamed_operand.h"
#include "spec/round_up.h"

namespace lathe {
namespace {

// Queries of a work item, in tile widths, and keys of a step, in tile rows.
constexpr int kQueryTiles = 3;
constexpr int kKeyTiles = 16;

// Wider heads would not fit on a thread's stack.
constexpr int64_t kMostColumns = 1024;

constexpr DType kF32 = DType::kFloat32;

class AttentionLowering {
 public:
  AttentionLowering(const Group& group, AttentionForm form,
                    const Target& target)
      : group_(group),
        form_(std::move(form)),
        kernel_(group),
        tile_(tile_shape(target, kF32)),
        ranges_(ranges_of(form_)) {
    // One query per lane: wide tiles would waste lanes on short prompts.
    tile_.vectors = std::min(tile_.vectors, 2);
    width_ = tile_.columns();
    queries_ = query_block();
    keys_ = static_cast<int64_t>(kKeyTiles) * tile_.rows;
    depth_ = form_.depth.value();
    columns_ = form_.columns.value();
    padded_columns_ = round_up(columns_, width_);
    bind_buffers();
    bind_locals();
  }

  LoweredGroup lower() {
    Var item = make_var("item");
    // Indices in what is hidden are checked all the same.
    if (!checks_indices(group_)) {
      limits_ = find_key_limits(score_, form_.m, form_.s, ranges_);
    }
    std::vector<Stmt> body = {position(item), fill_queries(), clear()};
    Expr keys = size_of(form_.keys);
    Stmt stream = block({
        let(key_count_, min(keys - var(s0_), int_literal(keys_))),
        key_.fill(var(s0_), var(key_count_)),
        value_.fill(var(s0_), var(key_count_)),
        scores(),
        softmax(),
        fade_sums(),
        weighted_values(),
    });
    Expr steps = ceil_div(keys, int_literal(keys_));
    if (limits_ && limits_->first) body.push_back(let(start_, start(steps)));
    body.push_back(for_loop(
        step_, int_literal(0), steps,
        block({let(s0_, first_key(steps)), unless_hidden(stream)})));
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
    bind_attention(kernel_, form_);
    query_ = kernel_.lower(form_.query, {}, ranges_);
    score_ = kernel_.lower(form_.score, {}, ranges_);
    key_ = StreamedOperand(kernel_.lower(form_.key, {}, ranges_), form_.s,
                           form_.k, depth_, depth_, ranges_);
    value_ = StreamedOperand(kernel_.lower(form_.value, {}, ranges_), form_.s,
                             form_.n, columns_, padded_columns_, ranges_);
  }

  void bind_locals() {
    query_block_ = kernel_.local("q", kF32, queries_ * depth_);
    weights_ = kernel_.local("p", kF32, keys_ * queries_);
    int64_t tiles = (queries_ + tile_.rows - 1) / tile_.rows;
    sums_ = kernel_.local("o", kF32, tiles * tile_.rows * padded_columns_);
    softmax_ = OnlineSoftmax(kernel_, weights_, queries_, var(lanes_));
    key_.add_local(kernel_, "keys", keys_);
    value_.add_local(kernel_, "vals", keys_);
    int cells = tile_.rows * tile_.vectors;
    locals_.acc = kernel_.local("acc", kF32, cells, tile_.lanes);
    locals_.right = kernel_.local("b", kF32, tile_.vectors, tile_.lanes);
    locals_.offsets = kernel_.local("row", DType::kInt64, tile_.rows);
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

  // A window hides the first keys: the steps begin behind them, and go round.
  Expr start(const Expr& steps) const {
    Expr step = first_seen() / int_literal(keys_);
    return max(min(step, steps - 1), int_literal(0));
  }
  Expr first_key(const Expr& steps) const {
    if (!limits_ || !limits_->first) return var(step_) * keys_;
    Expr step = var(step_) + var(start_);
    return select(step < steps, step, step - steps) * keys_;
  }
  Expr first_seen() const {
    return substitute(*limits_->first, {{form_.m.get(), var(m0_)}});
  }

  // Leaves a step out when all its keys are hidden from all queries, who each
  // have seen one that is not: then its weights are 0.
  Stmt unless_hidden(Stmt stream) const {
    if (!limits_) return stream;
    Expr seen_by_some = literal(true);
    if (limits_->last) {
      Expr last =
          substitute(*limits_->last, {{form_.m.get(), last_query()}});
      seen_by_some = var(s0_) <= last;
    }
    if (limits_->first) {
      seen_by_some =
          seen_by_some && first_seen() <= var(s0_) + int_literal(keys_ - 1);
    }
    Var wanted = make_var("wanted");
    Stmt look = softmax_.for_maxima([&](const Expr& top) {
      Expr seen = top > float_literal(limits_->hidden / 2, NumType::kFloat32);
      return assign(wanted, select(seen, var(wanted), int_literal(1)));
    });
    return block({
        declare(wanted, select(seen_by_some, int_literal(1), int_literal(0))),
        if_then(equal(var(wanted), int_literal(0)), look),
        if_then(equal(var(wanted), int_literal(1)), std::move(stream)),
    });
  }
  Expr last_query() const { return var(m0_) + var(rows_) - 1; }

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
      // Rows beyond the last key repeat it.
      code.offset = [this, first](const Expr& i) {
        return key_.row(var(s0_), min(first + i, var(key_count_) - 1));
      };
      code.left = [this](const Expr& offset, const Expr& k) {
        return element(key_.slot(), offset + k);
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

  Stmt softmax() {
    return block({
        apply_score(),
        softmax_.raise_maximum(),
        softmax_.exponentials(var(key_count_)),
    });
  }

  // Turns raw scores into x.
  Stmt apply_score() {
    return each(
        "t", var(key_count_),
        [&](const Expr& t) {
          Stmt lanes = each("j", var(lanes_), [&](const Expr& j) {
            Expr score = element(weights_, softmax_.weight_index(t, j));
            if (form_.score_scale) {
              score = score * kernel_.lower(form_.score_scale, {}, ranges_);
            }
            return block({let(form_.m, query_of(j)), let(form_.raw, score),
                          softmax_.take(t, j, score_)});
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
        Expr row = value_.row(var(s0_), t);
        return vector_load(value_.slot(), kF32,
                           row + var(tile) * width_ + column, tile_.lanes);
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

  Stmt epilogue() {
    return each(
        "i", var(rows_),
        [&](const Expr& i) {
          Var total = make_var("all", NumType::kFloat32);
          Var n = form_.n;
          Expr sum = element(sums_, i * padded_columns_ + var(n));
          Stmt row = for_loop(
              n, int_literal(0), int_literal(columns_),
              store_attention(kernel_, form_, ranges_, sum / var(total)),
              LoopKind::kVector);
          return block(
              {let(form_.m, var(m0_) + i), let(total, softmax_.total(i)), row});
        },
        LoopKind::kSerial);
  }

  const Group& group_;
  AttentionForm form_;
  KernelBuilder kernel_;
  TileShape tile_;
  int width_ = 0;
  int64_t queries_ = 0, keys_ = 0, depth_ = 0;
  int64_t columns_ = 0, padded_columns_ = 0;
  Ranges ranges_;
  Expr query_, score_;
  StreamedOperand key_, value_;
  int query_block_ = -1, weights_ = -1, sums_ = -1;
  TileLocals locals_;
  OnlineSoftmax softmax_;
  Var m0_ = make_var("m0"), rows_ = make_var("rows");
  Var tiles_ = make_var("tiles"), lanes_ = make_var("lanes");
  Var step_ = make_var("step"), start_ = make_var("start");
  Var s0_ = make_var("s0"), key_count_ = make_var("keys");
  std::optional<KeyLimits> limits_;
};

}  // namespace

bool matches_attention(const Group& group, const Target&) {
  std::optional<AttentionForm> form = match_attention(group);
  return form && form->depth.value() <= kMostColumns &&
         form->columns.value() <= kMostColumns;
}

LoweredGroup lower_attention(const Group& group, const Target& target) {
  return AttentionLowering(group, *match_attention(group), target).lower();
}

}  // namespace lathe
