// Reductions of the reference engine. With many lanes, one step of the
// reduction at a time for all of them; with few, or where memory runs along
// the reduction (x @ transpose(w)), one lane at a time with the steps of the
// reduction as lanes.

#include <algorithm>
#include <cmath>

#include "interpreter/eval_lanes.h"
#include "interpreter/scalar_ops.h"
#include "spec/check.h"

namespace lathe {
namespace {

constexpr int kFewLanes = 16;
constexpr int64_t kManySteps = 128;

void combine_all(ReduceOp op, int n, const double* a, const double* b,
                 double* out) {
  combiner(op).floats(n, a, b, out);
}
void combine_all(ReduceOp op, int n, const int64_t* a, const int64_t* b,
                 int64_t* out) {
  combiner(op).ints(n, a, b, out);
}

// Whether a term takes the place of the best one so far; NaN beats numbers.
template <typename T>
bool beats(ReduceOp op, T term, T best) {
  if (term != term) return best == best;
  if (best != best) return false;
  return op == ReduceOp::kArgMax ? term > best : term < best;
}

// The combination of n > 0 terms, in place, as a balanced tree.
template <typename T>
T fold(ReduceOp op, int n, T* terms) {
  while (n > 1) {
    const int half = n / 2;
    combine_all(op, half, terms, terms + (n - half), terms);
    n -= half;
  }
  return terms[0];
}

int64_t extent_of(const EvalNode& node) {
  int64_t total = 1;
  for (const EvalAxis& axis : node.axes) total *= axis.extent;
  return total;
}

// Sets the reduction's variables to the flat position `position`.
void set_axes(const EvalNode& node, LaneBlock& block, int64_t position) {
  for (size_t i = node.axes.size(); i-- > 0;) {
    const EvalAxis& axis = node.axes[i];
    block.variables[axis.variable] = {nullptr, position % axis.extent};
    position /= axis.extent;
  }
}

void for_each_load(const EvalNode& node,
                   const std::function<void(const EvalNode&)>& visit) {
  if (node.kind == EvalKind::kLoad) visit(node);
  for (const EvalNode& arg : node.args) for_each_load(arg, visit);
}

}  // namespace

template <typename T>
void LaneEvaluator::reduce_by_steps(const EvalNode& node, LaneBlock& block,
                                    T* best, int64_t* positions) {
  const bool positioned = is_arg(node.reduce);
  const int64_t total = extent_of(node);
  for (int64_t step = 0; step < total; ++step) {
    const LaneMemory::Mark mark = memory_.mark();
    set_axes(node, block, step);
    const T* terms = lanes<T>(node.args[0], block);
    if (!positioned) {
      combine_all(node.reduce, block.count, best, terms, best);
    } else {
      for (int i = 0; i < block.count; ++i) {
        if (step != 0 && !beats(node.reduce, terms[i], best[i])) continue;
        best[i] = terms[i];
        positions[i] = step;
      }
    }
    memory_.release(mark);
  }
}

template <typename T>
void LaneEvaluator::reduce_by_lanes(const EvalNode& node, LaneBlock& block,
                                    T* best, int64_t* positions) {
  const int64_t total = extent_of(node);
  LaneBlock inner;
  inner.variables = block.variables;
  for (int lane = 0; lane < block.count; ++lane) {
    for (size_t v = 0; v < block.variables.size(); ++v) {
      const LaneVariable& outer = block.variables[v];
      if (outer.lanes) inner.variables[v] = {nullptr, outer.lanes[lane]};
    }
    for (int64_t begin = 0; begin < total; begin += kLanes) {
      const LaneMemory::Mark mark = memory_.mark();
      inner.count = static_cast<int>(std::min<int64_t>(kLanes, total - begin));
      inner.id = next_id();
      for (size_t a = node.axes.size(), stride = 1; a-- > 0;) {
        const EvalAxis& axis = node.axes[a];
        int64_t* values = memory_.take<int64_t>(inner.count);
        for (int i = 0; i < inner.count; ++i) {
          values[i] = (begin + i) / static_cast<int64_t>(stride) % axis.extent;
        }
        inner.variables[axis.variable] = {values, 0};
        stride *= static_cast<size_t>(axis.extent);
      }
      const T* terms = lanes<T>(node.args[0], inner);
      if (!is_arg(node.reduce)) {
        T* folded = memory_.take<T>(inner.count);
        std::copy(terms, terms + inner.count, folded);
        const T part = fold(node.reduce, inner.count, folded);
        combine_all(node.reduce, 1, best + lane, &part, best + lane);
      } else {
        for (int i = 0; i < inner.count; ++i) {
          const bool first = begin + i == 0;
          if (!first && !beats(node.reduce, terms[i], best[lane])) continue;
          best[lane] = terms[i];
          positions[lane] = begin + i;
        }
      }
      memory_.release(mark);
    }
  }
}

// Whether the steps of a reduction become lanes: with few lanes, and where
// some load reads neighbours in neighbouring steps, but not in neighbouring
// lanes, and no load skips elements between steps.
bool LaneEvaluator::reduces_by_lanes(const EvalNode& node,
                                     const LaneBlock& block) {
  if (block.count < kFewLanes) return extent_of(node) > block.count;
  if (node.axes.back().extent < kManySteps) return false;
  bool runs = false;
  bool skips = false;
  for_each_load(node.args[0], [&](const EvalNode& load) {
    int64_t step = 0;
    for (const EvalTerm& term : load.terms) {
      if (term.variable == node.axes.back().variable) step += term.factor;
    }
    skips |= step < 0 || step > 1;
    const Address& address = block_address(load, block);
    runs |= step == 1 && !address.uniform && !address.contiguous;
  });
  return runs && !skips;
}

template <typename T>
Column LaneEvaluator::reduce_as(const EvalNode& node, LaneBlock& block) {
  T* best = memory_.take<T>(block.count);
  int64_t* positions = memory_.take<int64_t>(block.count);
  std::fill(best, best + block.count, neutral<T>(node.reduce));
  std::fill(positions, positions + block.count, 0);
  if (reduces_by_lanes(node, block)) {
    reduce_by_lanes(node, block, best, positions);
  } else {
    reduce_by_steps(node, block, best, positions);
  }
  if (is_arg(node.reduce)) return {positions, false};
  return {best, false};
}

Column LaneEvaluator::reduce(const EvalNode& node, LaneBlock& block) {
  return node.args[0].type == NumType::kInt64
             ? reduce_as<int64_t>(node, block)
             : reduce_as<double>(node, block);
}

}  // namespace lathe
