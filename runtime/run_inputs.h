#pragma once
// The tensors of a run as the model declares them: names checked, elements
// converted within their class, missing ones filled with their default.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "runtime/executable.h"
#include "runtime/report.h"

namespace lathe {

class RunInputs {
 public:
  RunInputs(std::vector<InputInfo> inputs, Reporter reporter)
      : inputs_(std::move(inputs)), reporter_(std::move(reporter)) {}

  const std::vector<InputInfo>& infos() const { return inputs_; }

  // The tensors with the declared dtypes. A conversion is noted once for each
  // input. Throws SpecError L0518 for names and L0404 for dtypes that do not
  // fit and for integers that the declared dtype cannot hold.
  std::map<std::string, Tensor> convert(
      const std::map<std::string, Tensor>& given);

  // Adds those left out, now that their sizes are known.
  void fill_defaults(std::map<std::string, Tensor>& tensors,
                     const DimBindings& dims) const;

 private:
  void check_names(const std::map<std::string, Tensor>& given) const;
  Tensor convert_one(const InputInfo& input, const Tensor& tensor);

  std::vector<InputInfo> inputs_;
  Reporter reporter_;
  std::set<std::string> noted_;
};

}  // namespace lathe
