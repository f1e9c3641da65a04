// `lathe test`: runs the `test:` sections of a file on the device.
#include <cmath>
#include <filesystem>

#include "runtime/cli/flow_text.h"
#include "runtime/cli/session.h"
#include "runtime/cli/verbs.h"
#include "runtime/cli/yaml_tensor.h"
#include "runtime/compare.h"
#include "runtime/engine.h"
#include "runtime/json.h"
#include "runtime/layer_places.h"
#include "runtime/reference_executable.h"
#include "spec/suggest.h"

namespace lathe {
namespace {

// Weights that a test gives, over those of the model.
class TestWeights : public WeightSource {
 public:
  TestWeights(std::shared_ptr<const WeightSource> model,
              std::map<std::string, Tensor> own)
      : model_(std::move(model)), own_(std::move(own)) {}

  Tensor tensor(const std::string& name) const override {
    auto it = own_.find(name);
    return it == own_.end() ? model_->tensor(name) : it->second;
  }

 private:
  std::shared_ptr<const WeightSource> model_;
  std::map<std::string, Tensor> own_;
};

std::string text_of(const YamlRef& node) {
  return node->is_scalar() ? node->text : flow_text(node);
}

int64_t integer_of(const YamlNode& node) {
  return tensor_from_yaml(node, DType::kInt64).int_at(0);
}

// What one test found wrong; empty if nothing.
using Failures = std::vector<std::string>;

class TestRun {
 public:
  TestRun(const Command& command, Console& console, const TestDecl& test)
      : test_(test), command_(command) {
    command_.params.clear();
    for (const ValueDecl& param : test.params) {
      command_.params.emplace_back(param.name.text, text_of(param.value));
    }
    // The command line wins over the test.
    command_.params.insert(command_.params.end(), command.params.begin(),
                           command.params.end());
    if (test.preset && command_.preset.empty()) {
      command_.preset = test.preset->text;
    }
    for (const ValueDecl& dim : test.dims) {
      command_.dims.emplace(dim.name.text, integer_of(*dim.value));
    }
    session_ = open_session(command_, console, WeightsUse::kNeeded);
  }

  Failures run(Engine& engine) {
    std::map<std::string, Tensor> own = own_weights();
    require_runnable(session_->model);
    dims_ = command_.dims;
    // A test that gives no data is about a model of any size.
    if (test_.inputs.empty()) {
      for (const std::string& symbol : graph().symbols) {
        dims_.emplace(symbol, kMadeUpSize);
      }
    }
    const auto inputs = read_inputs(inputs_of(graph()), given(), dims_);
    auto weights = std::make_shared<TestWeights>(weights_of(*session_), own);
    const auto outputs = place_errors(session_->model, [&] {
      return engine.load(graph(), weights)->run(inputs, dims_);
    });
    if (test_.expect) {
      for (const YamlEntry& entry : test_.expect->entries) {
        check_output(entry, outputs);
      }
    }
    return std::move(failures_);
  }

 private:
  const Graph& graph() const { return session_->model.graph; }

  // The test's weights by the graph's names; fills them in the model.
  std::map<std::string, Tensor> own_weights() {
    std::map<std::string, Tensor> out;
    for (const ValueDecl& given : test_.weights) {
      WeightFill* fill = find_weight(given.name);
      const Value& value = graph().values[static_cast<size_t>(fill->value)];
      Tensor tensor = tensor_from_yaml(*given.value, value.type.dtype);
      if (tensor.shape() != eval(value.type.shape, {})) {
        fail("L0402", given.value->span,
             cat({backquoted(given.name.text), " is ", to_string(value.type)}));
      }
      out.emplace(value.name, std::move(tensor));
      fill->init.kind = Initializer::Kind::kConstant;
    }
    return out;
  }

  WeightFill* find_weight(const Name& name) {
    std::vector<std::string> paths;
    for (WeightFill& fill : session_->model.weights) {
      if (fill.path == name.text) return &fill;
      paths.push_back(fill.path);
    }
    fail("L0203", name.span,
         cat({"the model has no weight ", backquoted(name.text)}),
         did_you_mean(name.text, paths));
  }

  // Inputs that the test leaves out are random.
  GivenInputs given() const {
    GivenInputs out;
    const std::string& spec = session_->target.spec->file->name;
    out.folder = std::filesystem::path(spec).parent_path().string();
    for (const InputInfo& input : inputs_of(graph())) {
      const ValueDecl* value = find_input(input.name);
      if (value == nullptr && !input.default_value) {
        out.arguments.emplace_back(input.name, "random:0");
      } else if (value != nullptr && value->value->is_sequence()) {
        out.tensors.emplace(input.name,
                            tensor_from_yaml(*value->value, input.type.dtype));
      } else if (value != nullptr) {
        out.arguments.emplace_back(input.name, text_of(value->value));
      }
    }
    return out;
  }

  const ValueDecl* find_input(const std::string& name) const {
    for (const ValueDecl& value : test_.inputs) {
      if (value.name.text == name) return &value;
    }
    return nullptr;
  }

  void check_output(const YamlEntry& entry,
                    const std::vector<NamedTensor>& outputs) {
    std::vector<std::string> names;
    for (const NamedTensor& output : outputs) {
      if (output.name == entry.key) {
        check_tensor(output, *entry.value);
        return;
      }
      names.push_back(output.name);
    }
    fail("L0203", entry.key_span,
         cat({"the model has no output ", backquoted(entry.key)}),
         did_you_mean(entry.key, names));
  }

  void check_tensor(const NamedTensor& output, const YamlNode& expect) {
    if (!expect.is_mapping()) {
      check_values(output, expect, 0);
      return;
    }
    double tolerance = 0;
    if (const YamlEntry* entry = expect.find("tolerance")) {
      tolerance = tensor_from_yaml(*entry->value, DType::kFloat64).at(0);
    }
    for (const YamlEntry& entry : expect.entries) {
      if (entry.key == "shape") {
        check_shape(output, *entry.value);
      } else if (entry.key == "finite") {
        check_finite(output, entry.value->text == "true");
      } else if (entry.key == "values") {
        check_values(output, *entry.value, tolerance);
      }
    }
  }

  void check_shape(const NamedTensor& output, const YamlNode& expect) {
    std::vector<int64_t> shape;
    if (!expect.is_sequence()) shape.push_back(size_of(expect));
    for (const YamlRef& size : expect.items) shape.push_back(size_of(*size));
    if (shape == output.tensor.shape()) return;
    failures_.push_back(
        cat({output.name, " has shape ", shape_text(output.tensor.shape()),
             ", wanted ", shape_text(shape)}));
  }

  // A number, or a dim or param of the model by name.
  int64_t size_of(const YamlNode& size) const {
    const auto dim = dims_.find(size.text);
    if (dim != dims_.end()) return dim->second;
    for (const ResolvedParam& param : session_->model.params) {
      if (param.name == size.text && param.node) {
        return integer_of(*param.node);
      }
    }
    return integer_of(size);
  }

  void check_finite(const NamedTensor& output, bool wanted) {
    bool finite = true;
    for (int64_t i = 0; i < output.tensor.numel(); ++i) {
      finite &= std::isfinite(output.tensor.at(i));
    }
    if (finite == wanted) return;
    failures_.push_back(
        cat({output.name, wanted ? " is not finite" : " is finite"}));
  }

  void check_values(const NamedTensor& output, const YamlNode& expect,
                    double tolerance) {
    const Tensor& ours = output.tensor;
    const Tensor wanted = tensor_from_yaml(expect, ours.dtype());
    if (ours.shape() != wanted.shape()) {
      failures_.push_back(
          cat({output.name, " has shape ", shape_text(ours.shape()),
               ", wanted ", shape_text(wanted.shape())}));
      return;
    }
    if (tolerance <= 0) tolerance = default_tolerance(ours.dtype());
    const Difference found = measure_difference(ours, wanted);
    if (found.relative <= tolerance) return;
    failures_.push_back(
        cat({output.name, position_text(ours.shape(), found.position), " is ",
             json_number(ours.at(found.position)), ", wanted ",
             json_number(wanted.at(found.position))}));
  }

  static std::string shape_text(const std::vector<int64_t>& shape) {
    std::vector<std::string> dims;
    for (int64_t dim : shape) dims.push_back(std::to_string(dim));
    return "[" + join(dims, ", ") + "]";
  }

  const TestDecl& test_;
  Command command_;
  std::unique_ptr<Session> session_;
  DimBindings dims_;
  Failures failures_;
};

// The tests of the target's file; library specs may have some too.
std::vector<TestDecl> tests_of(const Command& command) {
  SpecLibrary library;
  Diagnostics diagnostics;
  ModelTarget target = open_target(command.positionals[0], command.weights,
                                   library, diagnostics);
  diagnostics.throw_if_errors();
  return target.spec->tests;
}

// Data that do not fit the model are the test's failure, and other tests go on;
// a model that is wrong ends all of them.
Failures failures_of(const Command& command, Console& console,
                     const TestDecl& test, Engine& engine) {
  TestRun run(command, console, test);
  try {
    return run.run(engine);
  } catch (const SpecError& error) {
    Failures lines = split(render(error.diagnostics()), '\n');
    while (!lines.empty() && lines.back().empty()) lines.pop_back();
    return lines;
  }
}

JsonValue result_json(const std::string& name, const Failures& failures) {
  JsonValue out = JsonValue::object();
  out.add("name", JsonValue::of(name));
  out.add("ok", JsonValue::of(failures.empty()));
  JsonValue list = JsonValue::array();
  for (const std::string& failure : failures) {
    list.items.push_back(JsonValue::of(failure));
  }
  out.add("failures", std::move(list));
  return out;
}

}  // namespace

int test_verb(const Command& command, Console& console) {
  const std::vector<TestDecl> tests = tests_of(command);
  if (tests.empty()) console.note("the file has no `test:` section");
  Engine engine(options_of(command), console.reporter());
  JsonValue json = JsonValue::array();
  size_t failed = 0;
  for (size_t i = 0; i < tests.size(); ++i) {
    const std::string name =
        tests[i].name ? tests[i].name->text : cat({"test ", i + 1});
    const Failures failures =
        failures_of(command, console, tests[i], engine);
    failed += failures.empty() ? 0 : 1;
    json.items.push_back(result_json(name, failures));
    if (console.json()) continue;
    console.result(cat({failures.empty() ? "ok    " : "FAIL  ", name, "\n"}));
    for (const std::string& failure : failures) {
      console.result(cat({"      ", failure, "\n"}));
    }
  }
  if (console.json()) {
    console.result(to_json(json));
  } else {
    console.result(
        cat({tests.size(), tests.size() == 1 ? " test, " : " tests, ", failed,
             " failed\n"}));
  }
  return failed == 0 ? 0 : 1;
}

}  // namespace lathe
