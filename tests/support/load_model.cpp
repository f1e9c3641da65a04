#include "tests/support/load_model.h"

#include "runtime/model_target.h"
#include "runtime/model_weights.h"
#include "runtime/safetensors.h"
#include "spec/diagnostic.h"

namespace lathe {

OpenedModel open_model(const std::string& target, const std::string& weights,
                       ParamTexts params) {
  SpecLibrary library;
  Diagnostics diagnostics;
  const ModelTarget opened = open_target(target, weights, library, diagnostics);
  diagnostics.throw_if_errors();
  OpenedModel result;
  result.checkpoint = open_weights(opened, WeightsUse::kNeeded);
  ElaborateInputs inputs;
  inputs.spec = opened.spec.get();
  inputs.library = &library;
  inputs.load_spec = load_import;
  inputs.config = opened.config;
  if (result.checkpoint) inputs.checkpoint = result.checkpoint->header();
  inputs.overrides = std::move(params);
  result.model = elaborate(inputs, diagnostics);
  diagnostics.throw_if_errors();
  require_runnable(result.model);
  return result;
}

std::unique_ptr<Executable> load_model(Engine& engine,
                                       const std::string& target,
                                       const std::string& weights,
                                       ParamTexts params) {
  const OpenedModel opened = open_model(target, weights, std::move(params));
  return engine.load(opened.model.graph,
                     std::make_shared<ModelWeights>(
                         weight_recipes(opened.model), opened.checkpoint));
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
