#pragma once
// Kernels that a compiler gets in one text: for each text it reads its headers
// anew, which takes as long as a small kernel.

#include <string>
#include <vector>

#include "runtime/device.h"

namespace lathe {

// Distributes some of the kernels over at most `most` batches: the longest text
// first, each into the batch that has least. The batch with the longest text
// comes first.
std::vector<std::vector<int>> make_batches(
    std::vector<int> some, const std::vector<KernelSource>& kernels, int most);

// Their texts. The compiler reports places inside a kernel by the kernel's name.
std::string text_of_batch(const std::vector<int>& batch,
                          const std::vector<KernelSource>& kernels);

}  // namespace lathe
