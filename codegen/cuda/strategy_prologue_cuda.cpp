// Row groups and the product that reads them. Few rows are one kernel, whose
// blocks all begin with the rows' numbers (row_numbers.h): that is little beside
// the weights that each reads. Many rows are one for each row group, and the
// product's. Where the number of rows is known only when it runs all are there,
// and those that are not wanted have no items.

#include "codegen/cuda/strategy_prologue_cuda.h"

#include <algorithm>
#include <utility>

#include "codegen/cuda/library_products.h"
#include "codegen/cuda/matmul_parts.h"
#include "codegen/cuda/strategy_matmul_cuda.h"
#include "codegen/lower_rows.h"
#include "spec/check.h"

namespace lathe::cuda {
namespace {

// Says of what a part's kernel binds what it is in the whole group.
void rebind_rows(const PrologueForm::Rows& rows, LoweredKernel& kernel) {
  for (BufferBinding& binding : kernel.bindings) {
    const auto index = static_cast<size_t>(binding.index);
    if (binding.source == BufferSource::kOperand) {
      binding = rows.operands[index];
    } else if (binding.source == BufferSource::kOutput) {
      binding.index = rows.outputs[index];
    }
  }
}

// The kernel of a row group where there are many of the product's rows.
LoweredGroup lower_rows_of_many(const PrologueForm::Rows& rows,
                                const Dim& runs, const Target& target) {
  LoweredGroup lowered = lower_rows(rows.group, target, Vectors::kYes);
  LATHE_CHECK(lowered.packed.empty() && lowered.after.empty() &&
                  lowered.scratch.empty(),
              "a row group is one kernel");
  lowered.strategy = "row";
  lowered.items *= runs;
  lowered.cost *= runs;
  rebind_rows(rows, lowered);
  return lowered;
}

void rebind_product(const PrologueForm& form, LoweredKernel& kernel) {
  for (BufferBinding& binding : kernel.bindings) {
    if (binding.source == BufferSource::kOutput) {
      binding.index = form.product_outputs[size_t(binding.index)];
    } else if (binding.source == BufferSource::kOperand &&
               binding.index >= form.first_handed()) {
      const int i = binding.index - form.first_handed();
      binding = {BufferSource::kOutput, form.handed[size_t(i)].output};
    }
  }
}

void rebind_product(const PrologueForm& form, LoweredGroup& group) {
  LoweredKernel& first = group;
  rebind_product(form, first);
  for (LoweredKernel& kernel : group.after) rebind_product(form, kernel);
}

MatmulPlan plan_of(const PrologueForm& form) {
  MatmulPlan plan = plan_matmul(form.product, *match_matmul(form.product));
  choose_stream(form.product, plan, &form);
  return plan;
}

bool is_few(const Dim& rows) {
  return rows.is_static() && rows.value() <= kFewRows;
}

bool rounds_to_float8(const PrologueForm& form) {
  return std::any_of(form.handed.begin(), form.handed.end(),
                     [](const PrologueForm::Handed& handed) {
                       return is_float8(handed.dtype);
                     });
}

}  // namespace

bool matches_prologue(const Group& group, const Target& target) {
  const std::optional<PrologueForm> form = match_prologue(group);
  if (!form) return false;
  // That takes many instructions where the GPU has none for it.
  const bool rounds = rounds_to_float8(*form);
  if (rounds && !target.gpu->float8) return false;
  const MatmulPlan plan = plan_of(*form);
  const Dim& rows = plan.form.rows;
  if (rows.is_static() && !is_few(rows)) return false;
  // Else every column's warp computes the left side for itself.
  return plan.streams || (!rounds && is_light(*form));
}

LoweredGroup lower_prologue(const Group& group, const Target& target) {
  const PrologueForm form = *match_prologue(group);
  const MatmulPlan plan = plan_of(form);
  const Dim& rows = plan.form.rows;
  LoweredGroup few = lower_few(form.product, plan, &form);
  rebind_product(form, few);
  if (is_few(rows)) return few;
  LoweredGroup many_rows = lower_many(form.product, plan, target);
  LATHE_CHECK(few.packed.size() <= many_rows.packed.size(),
              "two layouts of one weight");
  add_library(form.product, target, many_rows);
  rebind_product(form, many_rows);
  LoweredGroup lowered =
      lower_rows_of_many(form.rows[0], many(rows), target);
  for (size_t i = 1; i < form.rows.size(); ++i) {
    lowered.after.push_back(
        lower_rows_of_many(form.rows[i], many(rows), target));
  }
  lowered.packed = std::move(many_rows.packed);
  lowered.scratch = std::move(many_rows.scratch);
  std::vector<LoweredKernel> after = std::move(many_rows.after);
  lowered.after.push_back(std::move(many_rows));
  for (LoweredKernel& kernel : after) {
    lowered.after.push_back(std::move(kernel));
  }
  lowered.after.push_back(std::move(few));
  return lowered;
}

}  // namespace lathe::cuda
