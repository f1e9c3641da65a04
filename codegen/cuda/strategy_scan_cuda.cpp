// Scans on a GPU, in two levels (Merrill and Grimshaw, "Parallel scan for stream
// architectures", 2009). A row is cut into chunks. Where there are several, a
// first kernel combines each; then a block does a chunk: it combines the chunks
// before its own, and scans step by step, a few neighbours of each thread at a
// time. What is combined with what depends on sizes alone: a run gives the same
// bits each time.

#include "codegen/cuda/strategy_scan_cuda.h"

#include <utility>

#include "codegen/cuda/code_words.h"
#include "codegen/cuda/gpu_sizes.h"
#include "codegen/cuda/row_axis.h"
#include "codegen/lower_rows.h"
#include "codegen/point_ops.h"

namespace lathe::cuda {
namespace {

constexpr int64_t kThreads = 256, kWarps = kThreads / kWarp;
// Neighbours of a thread in a step; steps of a chunk.
constexpr int64_t kRun = 4, kSteps = 4;
constexpr int64_t kStep = kThreads * kRun, kChunk = kStep * kSteps;
// A thread may as well do such a row alone; or each row, where neighbours lie
// side by side.
constexpr int64_t kShortRow = 32, kManyBeside = 1024;

class ScanKernel {
 public:
  explicit ScanKernel(const Group& group)
      : stage_(group.stage(0)),
        scan_(std::get<Scan>(stage_.kind)),
        extent_(stage_.shape[size_t(scan_.axis)]),
        chunks_(ceildiv(extent_, Dim(kChunk))),
        kernel_(group),
        axis_(kernel_, stage_, scan_.axis),
        type_(axis_.value(scan_.body, int_literal(0))->type),
        dtype_(storage_type(type_)) {}

  // 1 where a row has several chunks, else 0.
  Dim is_cut() const { return min(max(chunks_, Dim(1)) - Dim(1), Dim(1)); }

  Scratch sums() const {
    return {"sums", dtype_, {is_cut() * axis_.rows(), chunks_}};
  }

  // The kernel that leaves the combination of each chunk.
  LoweredGroup lower_sums() {
    bind_sums(true);
    Var i = make_var("i"), acc = make_var("acc", type_);
    Expr first = var(chunk_) * int_literal(kChunk);
    Stmt body = block({
        declare(acc, neutral()),
        for_loop(i, first + var(worker_),
                 min(first + int_literal(kChunk), size_of(extent_)),
                 assign(acc, combined(var(acc), value(var(i)))),
                 LoopKind::kSerial, kThreads),
        combine_workers(scan_.op, acc),
        if_then(equal(var(worker_), int_literal(0)),
                store(sums_, sum_at(var(chunk_)), var(acc))),
    });
    return finish(body, is_cut());
  }

  LoweredGroup lower_scan() {
    if (!(is_cut() == 0)) bind_sums(false);
    worker_ = worker_ ? worker_ : kernel_.share_items(kThreads);
    run_ = kernel_.local("run", dtype_, kRun);
    own_ = kernel_.local("own", dtype_, 1);
    before_ = kernel_.local("before", dtype_, 1);
    warps_ = kernel_.shared("of_warps", dtype_, kWarps);
    Var c = make_var("c"), step = make_var("step");
    std::vector<Stmt> stmts = {declare(carry_, neutral())};
    if (sums_ >= 0) {
      Expr sum = flat_load(sums_, dtype_, sum_at(var(c)));
      stmts.push_back(for_loop(c, var(worker_), var(chunk_),
                               assign(carry_, combined(var(carry_), sum)),
                               LoopKind::kSerial, kThreads));
      stmts.push_back(combine_workers(scan_.op, carry_));
    }
    Expr first = var(chunk_) * int_literal(kChunk) + var(step);
    stmts.push_back(for_loop(
        step, int_literal(0),
        min(int_literal(kChunk),
            size_of(extent_) - var(chunk_) * int_literal(kChunk)),
        one_step(first + var(worker_) * int_literal(kRun)), LoopKind::kSerial,
        kStep));
    return finish(block(std::move(stmts)), Dim(1));
  }

 private:
  void bind_sums(bool writable) {
    sums_ = kernel_.scratch(0, sums(), writable);
    worker_ = kernel_.share_items(kThreads);
  }
  Expr neutral() const { return neutral_of(scan_.op, type_); }
  Expr combined(const Expr& a, const Expr& b) const {
    return combine(scan_.op, a, b);
  }
  // Elements are numbered in the order in which they are combined.
  Expr position(const Expr& i) const {
    return scan_.reverse ? size_of(extent_) - int_literal(1) - i : i;
  }
  Expr value(const Expr& i) const {
    return axis_.value(scan_.body, position(i));
  }
  Expr sum_at(const Expr& chunk) const {
    return var(axis_.row()) * size_of(chunks_) + chunk;
  }
  Expr one(int slot) const { return flat_load(slot, dtype_, int_literal(0)); }

  // What comes before the thread's elements: chunks and steps before, warps of
  // this step before, lanes before.
  Stmt one_step(const Expr& first) {
    Var e = make_var("e"), i = make_var("i"), j = make_var("i");
    Var o = make_var("e"), w = make_var("w"), v = make_var("w");
    Var warp = make_var("warp"), lane = make_var("lane");
    Var last = make_var("last", type_), before = make_var("before", type_);
    Expr of_warp = flat_load(warps_, dtype_, var(w));
    Expr run = flat_load(run_, dtype_, var(o));
    Stmt keep = scan_.exclusive
                    ? block({axis_.put(position(var(j)), var(before)),
                             assign(before, combined(var(before), run))})
                    : block({assign(before, combined(var(before), run)),
                             axis_.put(position(var(j)), var(before))});
    return block({
        let(warp, var(worker_) / int_literal(kWarp)),
        let(lane, var(worker_) % int_literal(kWarp)),
        declare(last, neutral()),
        unrolled(e, kRun,
                 block({let(i, first + var(e)),
                        store(run_, var(e), neutral()),
                        if_then(var(i) < size_of(extent_),
                                store(run_, var(e), value(var(i)))),
                        assign(last, combined(var(last),
                                              flat_load(run_, dtype_,
                                                        var(e))))})),
        store(own_, int_literal(0), var(last)),
        store(before_, int_literal(0), neutral()),
        intrinsic(IntrinsicOp::kPrefix,
                  {{before_, int_literal(0)}, {own_, int_literal(0)}},
                  static_cast<int64_t>(scan_.op)),
        if_then(equal(var(lane), int_literal(kWarp - 1)),
                store(warps_, var(warp), one(own_))),
        barrier(kThreads),
        declare(before, var(carry_)),
        unrolled(w, kWarps,
                 block({if_then(var(w) < var(warp),
                                assign(before,
                                       combined(var(before), of_warp))),
                        assign(carry_, combined(var(carry_), of_warp))})),
        assign(before, combined(var(before), one(before_))),
        unrolled(o, kRun,
                 block({let(j, first + var(o)),
                        if_then(var(j) < size_of(extent_), keep)})),
        // The next step writes what warps have.
        barrier(kThreads),
    });
  }

  LoweredGroup finish(const Stmt& work, const Dim& runs) {
    Var item = make_var("item");
    Stmt body = block({let(axis_.row(), var(item) / size_of(chunks_)),
                       let(chunk_, var(item) % size_of(chunks_)), work});
    return kernel_.finish(
        for_loop(item, var(kernel_.lo()), var(kernel_.hi()), body,
                 LoopKind::kItems),
        runs * axis_.rows() * chunks_,
        runs * cost_of(scan_.body, numel(stage_.shape)));
  }

  const Stage& stage_;
  const Scan& scan_;
  const Dim extent_, chunks_;
  KernelBuilder kernel_;
  RowAxis axis_;
  const NumType type_;
  const DType dtype_;
  Var worker_, chunk_ = make_var("chunk");
  Var carry_ = make_var("carry", type_);
  int sums_ = -1;                           // scratch
  int run_ = -1, own_ = -1, before_ = -1;   // of a thread
  int warps_ = -1;                          // shared
};

}  // namespace

bool matches_scan(const Group& group, const Target&) {
  if (group.kind != GroupKind::kSequential) return false;
  auto* scan = std::get_if<Scan>(&group.stage(0).kind);
  if (!scan) return false;
  const Stage& stage = group.stage(0);
  const Dim& extent = stage.shape[size_t(scan->axis)];
  if (extent.is_static() && extent.value() <= kShortRow) return false;
  const Dim inner = inner_extent(stage, scan->axis);
  return !inner.is_static() || inner.value() < kManyBeside;
}

LoweredGroup lower_scan(const Group& group, const Target&) {
  ScanKernel scan(group);
  if (scan.is_cut() == 0) return scan.lower_scan();
  ScanKernel first(group);
  LoweredGroup lowered = first.lower_sums();
  lowered.scratch = {scan.sums()};
  lowered.after.push_back(scan.lower_scan());
  return lowered;
}

}  // namespace lathe::cuda
