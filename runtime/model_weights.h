#pragma once
// The weights of an elaborated model, for the engine: tensors of a checkpoint,
// or the initial values that the spec asks for.

#include <map>
#include <memory>
#include <string>

#include "interpreter/elaborate.h"
#include "runtime/checkpoint.h"
#include "runtime/weight_source.h"

namespace lathe {

class ModelWeights : public WeightSource {
 public:
  // `checkpoint` is the one that the model was elaborated with, or null.
  ModelWeights(const Model& model,
               std::shared_ptr<const Checkpoint> checkpoint);

  Tensor tensor(const std::string& name) const override;
  void release(const Tensor& tensor) const override;
  void prefetch(const std::string& name) const override;

 private:
  struct Weight {
    WeightFill fill;
    DType dtype = DType::kFloat32;
    std::vector<int64_t> shape;
  };
  const Weight& weight(const std::string& name) const;

  std::shared_ptr<const Checkpoint> checkpoint_;
  std::map<std::string, Weight> weights_;  // by the graph's name
};

// The tensor that an initialiser makes for the weight at `path`. Numbers come
// from the stream (seed, path), so the order of loading does not matter.
// Requires: not kNone.
Tensor initial_tensor(const Initializer& init, const std::string& path,
                      DType dtype, std::vector<int64_t> shape);

}  // namespace lathe
