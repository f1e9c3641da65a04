#include "runtime/library_choices.h"

#include <algorithm>
#include <utility>

#include "spec/check.h"

namespace lathe {

LibraryChoices::LibraryChoices(const Program& program, Device& device,
                               DimTable& table, Reporter reporter)
    : program_(program),
      device_(device),
      table_(table),
      reporter_(std::move(reporter)) {
  for (size_t i = 0; i < program_.steps.size(); ++i) {
    if (!program_.steps[i].product) continue;
    const LibraryProduct& product = *program_.steps[i].product;
    products_.push_back({i, table_.add(product.rows),
                         table_.add(product.columns),
                         table_.add(product.depth),
                         table_.add(product.left_stride),
                         table_.add(product.right_stride),
                         table_.add(product.result_stride),
                         table_.add(product.wanted)});
  }
}

void LibraryChoices::bind(const DimBindings& dims) {
  DimBindings sizes = without_library(program_, dims);
  table_.bind(sizes);
  std::set<std::string> refused;
  bool any = false;
  for (const Sizes& product : products_) {
    const std::string& choice = program_.steps[product.step].product->choice;
    if (refused.contains(choice)) continue;
    const bool taken = takes(product);
    if (!taken) refused.insert(choice);
    sizes[choice] = taken ? 1 : 0;
    any = any || taken;
  }
  if (any) table_.bind(sizes);
}

bool LibraryChoices::takes(const Sizes& sizes) {
  if (table_[sizes.wanted] == 0) return false;
  const BoundProduct product = bound(sizes);
  std::string reason;
  if (device_.takes(product, reason)) return true;
  const Step& step = program_.steps[sizes.step];
  const std::string text =
      cat({"kernels of lathe compute ", step.path.empty() ? "" : step.path,
           step.path.empty() ? "" : " ", "(", place_of(step.span), "), ",
           to_string(product), ": ", reason});
  if (said_.insert(text).second) reporter_.detail(text);
  return false;
}

BoundProduct LibraryChoices::bound(const Sizes& sizes) const {
  const LibraryProduct& product = *program_.steps[sizes.step].product;
  return {product.form,
          table_[sizes.rows],
          table_[sizes.columns],
          table_[sizes.depth],
          table_[sizes.left_stride],
          table_[sizes.right_stride],
          table_[sizes.result_stride],
          product.version};
}

BoundProduct LibraryChoices::product_of(size_t step) const {
  const auto found =
      std::find_if(products_.begin(), products_.end(),
                   [&](const Sizes& sizes) { return sizes.step == step; });
  LATHE_CHECK(found != products_.end(), "step ", step, " has no product");
  return bound(*found);
}

}  // namespace lathe
