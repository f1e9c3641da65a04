// `float8_config: checkpoint`: a struct whose fields the checkpoint's own
// quantization_config gives. The value is handed down the layers as it is, and
// becomes that of one layer where a layer has a `weight`.

#include "interpreter/elaborator.h"
#include "spec/text.h"

namespace lathe {

namespace {

using StructRef = std::shared_ptr<const DatumStruct>;

}  // namespace

Datum Elaborator::checkpoint_config(const LayerType& type,
                                    const SourceSpan& span,
                                    const std::string& what) {
  const bool has_config = inputs_.config || inputs_.spec->config ||
                          !inputs_.spec->architectures.empty();
  if (!has_config) {
    fail("L0508", span,
         cat({what, " reads the `quantization_config` of a config.json, and "
              "the model names none"}),
         "`config: config.json` names the one beside the weights");
  }
  if (!quantization_) quantization_.emplace(inputs_);
  const QuantizedGroup* group = quantization_->group_of(type.name);
  if (group == nullptr) return None{};
  model_.reads_quantization = true;
  const Datum value = config_struct(std::get<ConfigMap>(group->config.value),
                                    type, group->config.span);
  auto by_layer = std::make_shared<DatumStruct>(**value.as<StructRef>());
  by_layer->by_layer = true;
  return StructRef(std::move(by_layer));
}

Datum Elaborator::settled_config(const Datum& value, LayerInstance& layer) {
  const StructRef* config = value.as<StructRef>();
  if (config == nullptr || !(*config)->by_layer) return value;
  const LayerType& type = *find_struct((*config)->type);
  const std::string& marker = quantization_->group_of(type.name)->marker;
  // Layers above only hand it on.
  if (layer.type->weights.count("weight") == 0 &&
      layer.type->weights.count(marker) == 0) {
    return value;
  }
  spoil_recordings();  // it depends on the path
  const auto fields = quantization_->config_of(layer.path, type.name);
  if (!fields) return None{};
  return config_struct(std::get<ConfigMap>(fields->value), type,
                       fields->span);
}

void Elaborator::report_disagreement() {
  if (!quantization_) return;
  if (auto diagnostic = quantization_->disagreement()) {
    report(std::move(*diagnostic));
  }
}

}  // namespace lathe
