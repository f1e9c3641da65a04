// Sorts on a GPU. A block sorts a chunk of a row in shared memory (a bitonic
// network, Batcher 1968); positions break ties, so that all keys differ and the
// order is the stable one. Where a row has several chunks, a thread finds the
// place of each element: its place in its own chunk, and how many elements of
// each other chunk come before it, by bisection. Of top-k, only the first k of
// a chunk are asked.

#include "codegen/cuda/strategy_sort_cuda.h"

#include <algorithm>
#include <bit>

#include "codegen/cuda/code_words.h"
#include "codegen/cuda/gpu_sizes.h"
#include "codegen/cuda/row_axis.h"
#include "codegen/heap_sort.h"
#include "codegen/lower_rows.h"

namespace lathe::cuda {
namespace {

// Elements of a chunk, at most; where the length of a row is not known.
constexpr int64_t kMostChunk = 4096, kUsualChunk = 2048, kLeastChunk = 32;
// A chunk that a warp sorts.
constexpr int64_t kWarpChunk = 64;
constexpr int kBlock = 256;

int64_t chunk_of(const Dim& extent) {
  if (!extent.is_static()) return kUsualChunk;
  const auto length = static_cast<uint64_t>(std::max<int64_t>(extent.value(), 1));
  return std::clamp<int64_t>(static_cast<int64_t>(std::bit_ceil(length)),
                             kLeastChunk, kMostChunk);
}

class SortKernel {
 public:
  explicit SortKernel(const Group& group)
      : stage_(group.stage(0)),
        sort_(std::get<Sort>(stage_.kind)),
        kept_(stage_.shape[size_t(sort_.axis)]),
        chunk_size_(chunk_of(sort_.extent)),
        chunks_(ceildiv(sort_.extent, Dim(chunk_size_))),
        kernel_(group),
        axis_(kernel_, stage_, sort_.axis) {}

  // 1 where a row has several chunks, else 0.
  Dim is_cut() const { return min(max(chunks_, Dim(1)) - Dim(1), Dim(1)); }

  // The positions of each chunk, in order.
  Scratch parts() const {
    return {"sorted", DType::kInt32,
            {is_cut() * axis_.rows(), chunks_, Dim(chunk_size_)}};
  }

  LoweredGroup lower_chunks() {
    if (!(is_cut() == 0)) parts_ = kernel_.scratch(0, parts(), true);
    workers_ = chunk_size_ <= kWarpChunk ? kWarp : kBlock;
    worker_ = kernel_.share_items(workers_);
    const NumType type = key(int_literal(0))->type;
    key_dtype_ = storage_type(type);
    keys_ = kernel_.shared("keys", key_dtype_, chunk_size_);
    places_ = kernel_.shared("places", DType::kInt32, chunk_size_);
    Var item = make_var("item");
    Stmt body = block({let(axis_.row(), var(item) / size_of(chunks_)),
                       let(chunk_, var(item) % size_of(chunks_)), fill(),
                       network(), hand_out()});
    return finish(item, body, axis_.rows() * chunks_);
  }

  // The kernel that brings the chunks of a row together.
  LoweredGroup lower_places() {
    parts_ = kernel_.scratch(0, parts(), false);
    const Dim asked = min(kept_, Dim(chunk_size_));
    Var item = make_var("item"), rest = make_var("rest"), t = make_var("t");
    Var own = make_var("own");
    Expr in_row = size_of(chunks_ * asked);
    Expr first = var(chunk_) * int_literal(chunk_size_);
    Stmt body = block({
        let(axis_.row(), var(item) / in_row),
        let(rest, var(item) % in_row),
        let(chunk_, var(rest) / size_of(asked)),
        let(t, var(rest) % size_of(asked)),
        if_then(first + var(t) < size_of(sort_.extent),
                block({let(own, part_at(var(chunk_), var(t))),
                       find_place(var(own), var(t))})),
    });
    return finish(item, body, is_cut() * axis_.rows() * chunks_ * asked);
  }

 private:
  Expr key(const Expr& position) const {
    return axis_.value(sort_.key, position);
  }
  Expr part_at(const Expr& chunk, const Expr& t) const {
    Expr line = var(axis_.row()) * size_of(chunks_) + chunk;
    return flat_load(parts_, DType::kInt32,
                     line * int_literal(chunk_size_) + t);
  }

  // Whether the element at position i, whose key is a, comes before the one at
  // j, whose key is b.
  Expr before(const Expr& i, const Expr& a, const Expr& j,
              const Expr& b) const {
    const Expr& low = sort_.descending ? b : a;
    const Expr& high = sort_.descending ? a : b;
    return key_less(low, high) || (!key_less(high, low) && i < j);
  }

  // What is behind the row's end has a position behind it, too.
  Stmt fill() const {
    Var t = make_var("t"), at = make_var("at");
    Expr none = key_dtype_ == DType::kInt64
                    ? int_literal(0)
                    : float_literal(0, key_dtype_ == DType::kFloat64
                                           ? NumType::kFloat64
                                           : NumType::kFloat32);
    return block({
        for_loop(t, var(worker_), int_literal(chunk_size_),
                 block({let(at, var(chunk_) * int_literal(chunk_size_) +
                                    var(t)),
                        store(places_, var(t), var(at)),
                        if_then(var(at) < size_of(sort_.extent),
                                store(keys_, var(t), key(var(at))),
                                store(keys_, var(t), none))}),
                 LoopKind::kSerial, workers_),
        barrier(workers_),
    });
  }

  // Sequences of 2^a elements become sorted ones, every other one downwards;
  // each step compares elements 2^b apart.
  Stmt network() const {
    Var a = make_var("a"), step = make_var("step"), b = make_var("b");
    Var t = make_var("t"), i = make_var("i"), j = make_var("j");
    const auto levels = static_cast<int64_t>(
        std::bit_width(static_cast<uint64_t>(chunk_size_)));
    Expr stride = shift_left(int_literal(1), var(b));
    Expr low = shift_left(shift_right(var(t), var(b)), var(b) + 1) +
               var(t) % stride;
    Stmt pair = block({let(i, low), let(j, var(i) + stride),
                       compare(i, j, shift_right(var(i), var(a)) %
                                         int_literal(2))});
    Stmt pairs =
        block({let(b, var(a) - int_literal(1) - var(step)),
               for_loop(t, var(worker_), int_literal(chunk_size_ / 2), pair,
                        LoopKind::kSerial, workers_),
               barrier(workers_)});
    return for_loop(a, int_literal(1), int_literal(levels),
                    for_loop(step, int_literal(0), var(a), pairs));
  }

  // Exchanges two elements that stand the wrong way round.
  Stmt compare(const Var& i, const Var& j, const Expr& downwards) const {
    const NumType type = compute_type(key_dtype_);
    Var a = make_var("x", type), b = make_var("y", type);
    Var p = make_var("p"), q = make_var("q");
    Var is_behind = make_var("is_behind", NumType::kBool);
    Expr extent = size_of(sort_.extent);
    auto place = [&](const Var& at) {
      return flat_load(places_, DType::kInt32, var(at));
    };
    auto key_at = [&](const Var& at) {
      return flat_load(keys_, key_dtype_, var(at));
    };
    // q before p; positions behind the end come last.
    Expr wrong = select(var(p) < extent && var(q) < extent,
                        before(var(q), var(b), var(p), var(a)),
                        var(q) < var(p));
    Expr is_up = equal(downwards, int_literal(0));
    return block({
        let(p, place(i)), let(q, place(j)), let(a, key_at(i)),
        let(b, key_at(j)), let(is_behind, wrong),
        if_then((is_up && var(is_behind)) || (!is_up && !var(is_behind)),
                block({store(places_, var(i), var(q)),
                       store(places_, var(j), var(p)),
                       store(keys_, var(i), var(b)),
                       store(keys_, var(j), var(a))})),
    });
  }

  // A thread hands out what it fills for the next item: nobody has to wait.
  Stmt hand_out() const {
    Var t = make_var("t");
    Expr place = flat_load(places_, DType::kInt32, var(t));
    Stmt result = if_then(var(t) < size_of(kept_), axis_.put(var(t), place));
    Expr line = var(axis_.row()) * size_of(chunks_) + var(chunk_);
    if (parts_ >= 0) {
      result = if_then(
          equal(size_of(chunks_), int_literal(1)), result,
          store(parts_, line * int_literal(chunk_size_) + var(t), place));
    }
    return for_loop(t, var(worker_), int_literal(chunk_size_), result,
                    LoopKind::kSerial, workers_);
  }

  // Of the element at position `own`, which is number `t` of its chunk.
  Stmt find_place(const Expr& own, const Expr& t) const {
    const NumType type = key(own)->type;
    Var mine = make_var("mine", type), place = make_var("rank");
    Var d = make_var("d"), low = make_var("low"), high = make_var("high");
    Var middle = make_var("middle"), other = make_var("other");
    Expr length = min(int_literal(chunk_size_),
                      size_of(sort_.extent) -
                          var(d) * int_literal(chunk_size_));
    Stmt bisect = while_loop(
        var(low) < var(high),
        block({let(middle, (var(low) + var(high)) / int_literal(2)),
               let(other, part_at(var(d), var(middle))),
               if_then(before(var(other), key(var(other)), own, var(mine)),
                       assign(low, var(middle) + int_literal(1)),
                       assign(high, var(middle)))}));
    Stmt count = block({declare(low, int_literal(0)),
                        declare(high, min(length, size_of(kept_))), bisect,
                        assign(place, var(place) + var(low))});
    Expr is_other =
        !equal(var(d), var(chunk_)) && var(place) < size_of(kept_);
    return block({
        let(mine, key(own)),
        declare(place, t),
        for_loop(d, int_literal(0), size_of(chunks_),
                 if_then(is_other, count)),
        if_then(var(place) < size_of(kept_), axis_.put(var(place), own)),
    });
  }

  LoweredGroup finish(const Var& item, const Stmt& body, const Dim& items) {
    return kernel_.finish(for_loop(item, var(kernel_.lo()), var(kernel_.hi()),
                                   body, LoopKind::kItems),
                          items,
                          cost_of(sort_.key, axis_.rows() * sort_.extent));
  }

  const Stage& stage_;
  const Sort& sort_;
  const Dim kept_;
  const int64_t chunk_size_;
  const Dim chunks_;
  KernelBuilder kernel_;
  RowAxis axis_;
  DType key_dtype_ = DType::kFloat32;
  int workers_ = kBlock;
  Var worker_, chunk_ = make_var("chunk");
  int parts_ = -1;               // scratch
  int keys_ = -1, places_ = -1;  // shared
};

}  // namespace

bool matches_sort(const Group& group, const Target&) {
  return group.kind == GroupKind::kSequential &&
         std::holds_alternative<Sort>(group.stage(0).kind);
}

LoweredGroup lower_sort(const Group& group, const Target&) {
  SortKernel chunks(group);
  LoweredGroup lowered = chunks.lower_chunks();
  if (chunks.is_cut() == 0) return lowered;
  SortKernel places(group);
  lowered.scratch = {places.parts()};
  lowered.after.push_back(places.lower_places());
  return lowered;
}

}  // namespace lathe::cuda
