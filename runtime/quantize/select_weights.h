#pragma once
// Which tensors of a checkpoint `lathe quantize` takes.

#include <string>
#include <vector>

#include "runtime/checkpoint.h"

namespace lathe {

// Which tensors are quantised, as patterns say (interpreter/name_pattern.h).
class WeightSelection {
 public:
  // Throws SpecError L0530 if a pattern matches no tensor of the checkpoint.
  WeightSelection(const std::vector<std::string>& only,
                  const std::vector<std::string>& except,
                  const Checkpoint& checkpoint);

  // True for a tensor that is to be quantised: a weight of two axes that holds
  // floats; without `only` one that by its name belongs to a linear layer, and
  // neither to an embedding nor to the projection to the vocabulary.
  bool takes(const FileTensor& tensor) const;

 private:
  std::vector<std::string> only_, except_;
};

// True for what may be the weight of a linear layer, whatever it is called.
bool is_matrix_weight(const FileTensor& tensor);

// True for the table of an embedding, by its name.
bool is_embedding(const std::string& name);

}  // namespace lathe
