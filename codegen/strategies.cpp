#include <algorithm>

#include "codegen/cuda/library_products.h"
#include "codegen/cuda/strategy_attention_cuda.h"
#include "codegen/cuda/strategy_matmul_cuda.h"
#include "codegen/cuda/strategy_prologue_cuda.h"
#include "codegen/cuda/strategy_scan_cuda.h"
#include "codegen/cuda/strategy_sort_cuda.h"
#include "codegen/cuda/strategy_update_cuda.h"
#include "codegen/lower_rows.h"
#include "codegen/lower_sequential.h"
#include "codegen/row_pieces.h"
#include "codegen/row_plan.h"
#include "codegen/strategy.h"
#include "spec/check.h"

namespace lathe {
namespace {

// Cheapest first.
constexpr Strategy kStrategies[] = {
    {"attention", matches_attention, 100, lower_attention},
    {"matmul", matches_matmul, 200, lower_matmul},
    {"row", matches_row, 500, lower_row},
    {"generic", matches_generic, 1000, lower_generic},
};

// On a GPU. A row is anything whose work is local to it.
bool matches_gpu_row(const Group& group, const Target& target) {
  return group.kind == GroupKind::kRow && matches_generic(group, target);
}

constexpr Strategy kGpuStrategies[] = {
    {"attention", cuda::matches_attention, 100, cuda::lower_attention},
    {"matmul", cuda::matches_prologue, 150, cuda::lower_prologue},
    {"matmul", cuda::matches_matmul, 200, cuda::lower_products},
    {"scan", cuda::matches_scan, 400, cuda::lower_scan},
    {"sort", cuda::matches_sort, 400, cuda::lower_sort},
    {"update", cuda::matches_update, 400, cuda::lower_update},
    {"row", matches_gpu_row, 500, lower_row},
    {"generic", matches_generic, 1000, lower_generic},
};

bool has_reduction(const Group& group) {
  return std::any_of(group.definition.stages.begin(),
                     group.definition.stages.end(), [](const Stage& stage) {
                       auto* compute = std::get_if<Compute>(&stage.kind);
                       return compute && std::holds_alternative<Reduce>(
                                             compute->body->node);
                     });
}

}  // namespace

std::span<const Strategy> strategies(const Target& target) {
  if (target.gpu) return kGpuStrategies;
  return kStrategies;
}

const Strategy* find_strategy(const Group& group, const Target& target,
                              bool generic_only) {
  if (generic_only) {
    const Strategy& generic = strategies(target).back();
    return generic.matches(group, target) ? &generic : nullptr;
  }
  for (const Strategy& strategy : strategies(target)) {
    if (strategy.matches(group, target)) return &strategy;
  }
  return nullptr;
}

bool matches_generic(const Group& group, const Target&) {
  if (group.kind == GroupKind::kSequential) return true;
  if (group.kind != GroupKind::kRow && group.kind != GroupKind::kContraction) {
    return false;
  }
  return rows_fit(group, group.row_axes);
}

LoweredGroup lower_generic(const Group& group, const Target& target) {
  if (group.kind == GroupKind::kSequential) return lower_sequential(group);
  return lower_rows(group, target, Vectors::kNo);
}

bool matches_row(const Group& group, const Target& target) {
  return group.kind == GroupKind::kRow && has_reduction(group) &&
         matches_generic(group, target);
}

LoweredGroup lower_row(const Group& group, const Target& target) {
  if (auto pieces = lower_in_pieces(group, target)) return *std::move(pieces);
  return lower_rows(group, target, Vectors::kYes);
}

}  // namespace lathe
