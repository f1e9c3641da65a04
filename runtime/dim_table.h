#pragma once
// The distinct sizes of a program, evaluated once for each binding. Models
// have thousands of size expressions, but few that differ.

#include <map>
#include <vector>

#include "spec/dim.h"

namespace lathe {

class DimTable {
 public:
  // The position of this size in the table; the same for equal ones.
  int add(const Dim& dim) {
    const auto [place, is_new] =
        index_.emplace(dim, static_cast<int>(dims_.size()));
    if (is_new) dims_.push_back(dim);
    return place->second;
  }

  // Computes all of them. Throws DimError on overflow.
  void bind(const DimBindings& bindings) {
    values_.resize(dims_.size());
    for (size_t i = 0; i < dims_.size(); ++i) {
      values_[i] = dims_[i].eval(bindings);
    }
  }

  // Requires: bind() was called after the size was added.
  int64_t operator[](int position) const {
    return values_[static_cast<size_t>(position)];
  }

 private:
  std::map<Dim, int> index_;
  std::vector<Dim> dims_;
  std::vector<int64_t> values_;
};

}  // namespace lathe
