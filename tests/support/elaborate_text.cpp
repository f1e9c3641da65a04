#include "tests/support/elaborate_text.h"

#include <filesystem>

#include "spec/expression.h"
#include "tests/support/error_cases.h"
#include "tests/support/paths.h"

namespace lathe {
namespace {

// YAML's scalars, as JSON would type them.
ConfigValue scalar_value(const YamlNode& node) {
  ConfigValue result;
  result.span = node.span;
  Diagnostics ignored;
  const ExprRef expr = parse_expression(node, ignored);
  result.value = node.text;
  if (node.text == "null") result.value = std::monostate{};
  if (expr == nullptr || node.style == YamlStyle::kQuoted) return result;
  if (expr->kind == AstKind::kInt) result.value = expr->integer;
  if (expr->kind == AstKind::kFloat) result.value = expr->number;
  if (expr->kind == AstKind::kBool) result.value = expr->integer != 0;
  return result;
}

ConfigValue config_value(const YamlNode& node) {
  if (node.is_scalar()) return scalar_value(node);
  ConfigValue result;
  result.span = node.span;
  ConfigList list;
  for (const YamlRef& item : node.items) list.push_back(config_value(*item));
  ConfigMap map;
  for (const YamlEntry& entry : node.entries) {
    map.push_back({entry.key, config_value(*entry.value)});
  }
  if (node.is_sequence()) result.value = std::move(list);
  if (node.is_mapping()) result.value = std::move(map);
  return result;
}

CheckpointHeader header_of(const YamlNode& node) {
  CheckpointHeader header{"model.safetensors", {}};
  for (const YamlEntry& entry : node.entries) {
    Diagnostics diagnostics;
    const auto type = parse_tensor_type(*entry.value, diagnostics);
    diagnostics.throw_if_errors();
    const std::optional<DType> dtype = parse_dtype(type->dtype);
    StoredTensor tensor{entry.key, dtype.value_or(DType::kUInt8), {}};
    if (!dtype) tensor.foreign = type->dtype;
    for (const DimAst& dim : type->dims) {
      tensor.shape.push_back(dim.expr->integer);
    }
    header.tensors.push_back(std::move(tensor));
  }
  return header;
}

void read_extras(const YamlNode& root, ElaborateInputs& inputs) {
  if (const YamlEntry* params = root.find("x-params")) {
    for (const YamlEntry& entry : params->value->entries) {
      inputs.overrides.emplace_back(entry.key, entry.value->text);
    }
  }
  if (const YamlEntry* preset = root.find("x-preset")) {
    inputs.preset = preset->value->text;
  }
  if (const YamlEntry* config = root.find("x-config")) {
    inputs.config = config_value(*config->value);
  }
  if (const YamlEntry* checkpoint = root.find("x-checkpoint")) {
    inputs.checkpoint = header_of(*checkpoint->value);
  }
}

SpecLibrary& library() {
  static SpecLibrary the_library;
  return the_library;
}

}  // namespace

Model elaborate_file(const SourceRef& file, Diagnostics& diagnostics,
                     const std::string& folder, bool copies) {
  const YamlDocument document = parse_yaml(file, diagnostics);
  // Kept: values of params refer to it for as long as the tests run.
  static std::vector<std::unique_ptr<SpecFile>> specs;
  specs.push_back(std::make_unique<SpecFile>(
      parse_spec(document, diagnostics)));
  if (document.root == nullptr || !document.root->is_mapping()) return {};
  ElaborateInputs inputs;
  inputs.spec = specs.back().get();
  inputs.library = &library();
  inputs.load_spec = [&](const SourceFile&,
                         const std::string& path) -> SourceRef {
    if (folder.empty()) return nullptr;
    const std::filesystem::path found = std::filesystem::path(folder) / path;
    if (!std::filesystem::is_regular_file(found)) return nullptr;
    return make_source(path, read_test_file(found));
  };
  inputs.copies = copies;
  read_extras(*document.root, inputs);
  return elaborate(inputs, diagnostics);
}

std::string graph_of(const std::string& yaml) {
  Diagnostics diagnostics;
  const Model model = elaborate_file(
      make_source("m.yaml", "lathe: 1\nmodel: m\n" + yaml), diagnostics);
  if (diagnostics.has_errors()) return render(diagnostics.sorted());
  verify(model.graph);
  return to_string(model.graph);
}

std::string errors_of(const std::string& yaml) {
  Diagnostics diagnostics;
  elaborate_file(make_source("m.yaml", "lathe: 1\nmodel: m\n" + yaml),
                 diagnostics);
  return render(diagnostics.sorted());
}

std::string check_messages(const SourceRef& file) {
  Diagnostics diagnostics;
  const std::filesystem::path folder = source_dir() / "tests" / "errors";
  const Model model = elaborate_file(file, diagnostics, folder / "imports");
  try {
    if (!diagnostics.has_errors()) require_runnable(model);
  } catch (const SpecError& error) {
    diagnostics.add_all(error.diagnostics());
  }
  return render(diagnostics.sorted());
}

}  // namespace lathe
