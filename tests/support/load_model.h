#pragma once
// From a spec or a Hugging Face folder to a model that runs, as the command
// line does it, without the command line.

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "interpreter/elaborate.h"
#include "interpreter/tensor.h"
#include "runtime/checkpoint.h"
#include "runtime/engine.h"

namespace lathe {

using ParamTexts = std::vector<std::pair<std::string, std::string>>;

// A model, and where its weights come from.
struct OpenedModel {
  Model model;
  std::shared_ptr<const Checkpoint> checkpoint;  // or null
};

// Throws SpecError for what is wrong with the spec, its weights or `params`.
// `weights` may be empty.
OpenedModel open_model(const std::string& target, const std::string& weights,
                       ParamTexts params = {});

// The same, ready to run. Requires: the engine outlives the result.
std::unique_ptr<Executable> load_model(Engine& engine,
                                       const std::string& target,
                                       const std::string& weights,
                                       ParamTexts params = {});

// The tensors of a safetensors file by name.
std::map<std::string, Tensor> read_tensors(const std::string& path);

}  // namespace lathe
