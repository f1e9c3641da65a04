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

// Where one weight of a graph comes from.
struct WeightRecipe {
  std::string name;  // of the graph's value
  DType dtype = DType::kFloat32;
  std::vector<int64_t> shape;
  std::string path;    // as WeightFill has it, and so the next three
  std::string stored;
  Initializer init;
  DType stored_dtype = DType::kFloat32;
};

std::vector<WeightRecipe> weight_recipes(const Model& model);

class ModelWeights : public WeightSource {
 public:
  // `checkpoint` has the tensors that the recipes name; it may be null where
  // they name none.
  ModelWeights(std::vector<WeightRecipe> recipes,
               std::shared_ptr<const Checkpoint> checkpoint);

  Tensor tensor(const std::string& name) const override;
  void release(const Tensor& tensor) const override;
  void prefetch(const std::string& name) const override;

 private:
  const WeightRecipe& recipe(const std::string& name) const;

  std::shared_ptr<const Checkpoint> checkpoint_;
  std::map<std::string, WeightRecipe> recipes_;  // by name
};

// The tensor that an initialiser makes for the weight at `path`. Numbers come
// from the stream (seed, path), so the order of loading does not matter.
// Requires: not kNone.
Tensor initial_tensor(const Initializer& init, const std::string& path,
                      DType dtype, std::vector<int64_t> shape);

}  // namespace lathe
