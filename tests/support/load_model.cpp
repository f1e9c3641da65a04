#include "tests/support/load_model.h"

#include "interpreter/elaborate.h"
#include "runtime/checkpoint.h"
#include "runtime/model_target.h"
#include "runtime/model_weights.h"
#include "runtime/safetensors.h"
#include "spec/diagnostic.h"

namespace lathe {

std::unique_ptr<Executable> load_model(
    Engine& engine, const std::string& target, const std::string& weights,
    std::vector<std::pair<std::string, std::string>> params) {
  SpecLibrary library;
  Diagnostics diagnostics;
  const ModelTarget opened = open_target(target, weights, library, diagnostics);
  diagnostics.throw_if_errors();
  const std::shared_ptr<const Checkpoint> checkpoint =
      open_weights(opened, WeightsUse::kNeeded);
  ElaborateInputs inputs;
  inputs.spec = opened.spec.get();
  inputs.library = &library;
  inputs.load_spec = load_import;
  inputs.config = opened.config;
  if (checkpoint) inputs.checkpoint = checkpoint->header();
  inputs.overrides = std::move(params);
  const Model model = elaborate(inputs, diagnostics);
  diagnostics.throw_if_errors();
  require_runnable(model);
  return engine.load(model.graph,
                     std::make_shared<ModelWeights>(weight_recipes(model),
                                                        checkpoint));
}

std::map<std::string, Tensor> read_tensors(const std::string& path) {
  const SafetensorsFile file(path);
  std::map<std::string, Tensor> tensors;
  for (const FileTensor& row : file.tensors()) {
    tensors.emplace(row.name, file.read(row));
  }
  return tensors;
}

}  // namespace lathe
