#pragma once
// Where weights come from: files, an initial value, or a table in memory.

#include <map>
#include <string>
#include <vector>

#include "interpreter/tensor.h"

namespace lathe {

class WeightSource {
 public:
  virtual ~WeightSource() = default;

  // The tensor called `name` (the name of the graph's weight value), as
  // stored; a view of the mapped file where possible. Throws SpecError L05
  // when there is none. May be called from several threads.
  virtual Tensor tensor(const std::string& name) const = 0;

  // A hint: nobody reads this tensor soon, so its pages may be dropped. The
  // view stays valid; reading it again maps the pages again.
  virtual void release(const Tensor& tensor) const;

  // A hint: the tensor is wanted next, start reading it.
  virtual void prefetch(const std::string& name) const;
};

// Weights in memory, for tests and models without any.
class WeightTable : public WeightSource {
 public:
  WeightTable() = default;
  explicit WeightTable(std::map<std::string, Tensor> tensors)
      : tensors_(std::move(tensors)) {}

  Tensor tensor(const std::string& name) const override;

 private:
  std::map<std::string, Tensor> tensors_;
};

}  // namespace lathe
