#include "runtime/kernel_batches.h"

#include <algorithm>

#include "spec/text.h"

namespace lathe {

std::vector<std::vector<int>> make_batches(
    std::vector<int> some, const std::vector<KernelSource>& kernels,
    int most) {
  const auto length = [&](int kernel) {
    return kernels[static_cast<size_t>(kernel)].text.size();
  };
  std::stable_sort(some.begin(), some.end(), [&](int a, int b) {
    return length(a) > length(b);
  });
  const size_t count = std::min(some.size(), static_cast<size_t>(most));
  std::vector<std::vector<int>> batches(count);
  std::vector<size_t> lengths(count, 0);
  for (int kernel : some) {
    const auto least = std::min_element(lengths.begin(), lengths.end());
    batches[static_cast<size_t>(least - lengths.begin())].push_back(kernel);
    *least += length(kernel);
  }
  return batches;
}

std::string text_of_batch(const std::vector<int>& batch,
                          const std::vector<KernelSource>& kernels) {
  std::string text;
  for (int kernel : batch) {
    const KernelSource& from = kernels[static_cast<size_t>(kernel)];
    text += cat({"#line 1 \"", from.name, "\"\n", from.text, "\n"});
  }
  return text;
}

}  // namespace lathe
