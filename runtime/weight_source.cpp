#include "runtime/weight_source.h"

#include "spec/diagnostic.h"

namespace lathe {

void WeightSource::release(const Tensor&) const {}

void WeightSource::prefetch(const std::string&) const {}

Tensor WeightTable::tensor(const std::string& name) const {
  auto it = tensors_.find(name);
  if (it == tensors_.end()) {
    fail("L0516", {}, cat({"there is no weight ", backquoted(name)}));
  }
  return it->second;
}

}  // namespace lathe
