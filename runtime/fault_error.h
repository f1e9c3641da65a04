#pragma once
// A failed index check of a kernel as an error of the model's data.

#include "codegen/kernel_abi.h"
#include "codegen/program.h"

namespace lathe {

// Throws SpecError L0801. Requires: fault.site numbers one of the step's.
[[noreturn]] void fail_with_fault(const Step& step, const Fault& fault);

}  // namespace lathe
