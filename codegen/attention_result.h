#pragma once
// What attention makes of its sums.

#include "codegen/attention_form.h"
#include "codegen/kernel_builder.h"

namespace lathe {

// Stores the result, and the maps after it, at form.b, m and n; `mean` is the
// weighted mean of the values there.
Stmt store_attention(KernelBuilder& kernel, const AttentionForm& form,
                     const Ranges& ranges, const Expr& mean);

// The extents of the form's variables.
Ranges ranges_of(const AttentionForm& form);

// Binds all operands of the form and the outputs.
void bind_attention(KernelBuilder& kernel, const AttentionForm& form);

}  // namespace lathe
