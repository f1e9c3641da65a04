// Presets and tests name params, inputs and outputs of their file. Neither
// takes part in elaborating the model, so the names are checked here.

#include "interpreter/elaborator.h"
#include "spec/suggest.h"
#include "spec/text.h"

namespace lathe {
namespace {

// "the test names no ...": reports a name that is not among the valid ones.
void check_name(Elaborator& e, const std::string& what, const Name& name,
                const std::vector<std::string>& valid) {
  for (const std::string& known : valid) {
    if (known == name.text) return;
  }
  std::string help = did_you_mean(name.text, valid);
  if (help.empty() && !valid.empty()) {
    help = cat({"there are: ", join(valid, ", ")});
  }
  e.report(Diagnostic{
      .code = "L0330",
      .message = cat({"there is no ", what, " `", name.text, "`"}),
      .span = name.span,
      .help = help});
}

void check_names(Elaborator& e, const std::string& what,
                 const std::vector<ValueDecl>& list,
                 const std::vector<std::string>& valid) {
  for (const ValueDecl& decl : list) check_name(e, what, decl.name, valid);
}

template <typename Decl>
std::vector<std::string> names_of(const std::vector<Decl>& list) {
  std::vector<std::string> names;
  for (const Decl& decl : list) names.push_back(decl.name.text);
  return names;
}

std::vector<std::string> params_of(const SpecFile& spec) {
  std::vector<std::string> names = names_of(spec.params);
  names.insert(names.end(), {"dtype", "device"});
  return names;
}

}  // namespace

void Elaborator::check_presets() {
  for (const PresetDecl& preset : inputs_.spec->presets) {
    // The chosen one was checked when its values were taken.
    if (preset.name.text == inputs_.preset) continue;
    check_names(*this, "param", preset.params, params_of(*inputs_.spec));
    for (const ValueDecl& value : preset.params) check_preset_value(value);
  }
}

// Limits are only applied where they are numbers: others may depend on params
// that this preset sets as well.
void Elaborator::check_preset_value(const ValueDecl& value) {
  const LayerType& type = *root_->type;
  const ParamDecl* decl = type.find_param(value.name.text);
  if (decl == nullptr) return;
  const auto is_literal = [](const YamlRef& limit) {
    return limit == nullptr ||
           limit->text.find_first_not_of("+-.0123456789e") == std::string::npos;
  };
  const Scope scope{.layer = root_};
  try {
    const Datum datum = read_value(*value.value, param_type(type, *decl), scope,
                                   cat({"`", value.name.text, "`"}));
    if (!is_literal(decl->min) || !is_literal(decl->max)) return;
    check_limits(type, *decl, datum, value.value->span, scope);
  } catch (const SpecError& error) {
    report(error);
  }
}

void Elaborator::check_tests() {
  const SpecFile& spec = *inputs_.spec;
  std::vector<std::string> outputs;
  for (const GraphOutput& output : model_.graph.outputs) {
    outputs.push_back(output.name);
  }
  for (const TestDecl& test : spec.tests) {
    check_names(*this, "param", test.params, params_of(spec));
    check_names(*this, "input", test.inputs, names_of(spec.inputs));
    // An input with a mistake has not bound its dims.
    if (!calls_failed_) {
      check_names(*this, "dim", test.dims, model_.graph.symbols);
    }
    if (test.preset != nullptr) {
      check_name(*this, "preset", {test.preset->text, test.preset->span},
                 names_of(spec.presets));
    }
    if (test.expect == nullptr || outputs.empty()) continue;
    for (const YamlEntry& entry : test.expect->entries) {
      check_name(*this, "output", {entry.key, entry.key_span}, outputs);
    }
  }
}

}  // namespace lathe
