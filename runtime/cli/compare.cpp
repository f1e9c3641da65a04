// `lathe compare`: compiled kernels against the reference engine, node by
// node, or against stored tensors.
#include "runtime/compare.h"

#include <algorithm>
#include <map>

#include "codegen/compile.h"
#include "runtime/checkpoint.h"
#include "runtime/cli/session.h"
#include "runtime/cli/verbs.h"
#include "runtime/engine.h"
#include "runtime/json.h"
#include "runtime/layer_places.h"
#include "runtime/reference_executable.h"
#include "runtime/safetensors.h"

namespace lathe {
namespace {

std::string short_number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", value);
  return text;
}

// One compared tensor.
struct ComparedTensor {
  std::string name;   // "%12 softmax" or an output's name
  std::string layer;  // path
  std::string place;  // in the spec
  Difference difference;
  double tolerance = 0;
  std::string details;  // the two values at the worst position

  bool equal() const { return difference.relative <= tolerance; }
};

ComparedTensor compared(std::string name, const Tensor& ours,
                        const Tensor& theirs, double tolerance) {
  ComparedTensor out;
  out.name = std::move(name);
  out.difference = measure_difference(ours, theirs);
  out.tolerance = tolerance;
  if (ours.shape() != theirs.shape()) {
    out.details = cat(
        {"shapes differ: ", to_string(ours, 0), " and ", to_string(theirs, 0)});
  } else if (out.difference.largest > 0) {
    const int64_t at = out.difference.position;
    out.details =
        cat({position_text(ours.shape(), at), " is ", short_number(ours.at(at)),
             ", wanted ", short_number(theirs.at(at))});
  }
  return out;
}

class Comparison {
 public:
  Comparison(const Command& command, Console& console)
      : command_(command),
        console_(console),
        session_(open_session(command, console, WeightsUse::kNeeded)),
        dims_(command.dims) {
    require_runnable(session_->model);
    inputs_ = find_inputs();
    weights_ = weights_of(*session_);
    tolerances_ = tolerances(graph());
  }

  // Outputs of the fused model against tensors of a file.
  void with_file(const std::string& path) {
    SafetensorsFile file(path);
    const auto ours = fused_outputs();
    for (size_t i = 0; i < ours.size(); ++i) {
      const FileTensor* stored = file.find(ours[i].name);
      if (stored == nullptr) continue;
      findings_.push_back(compared(ours[i].name, ours[i].tensor,
                                   file.read(*stored), allowed_output(i)));
    }
    if (!findings_.empty()) return;
    fail("L0516", {},
         cat({backquoted(path), " holds none of the model's outputs"}));
  }

  // Every node of an unfused program, then the outputs of the fused one.
  void with_reference() {
    const auto ours = all_values();
    ReferenceExecutable reference(graph(), *weights_, console_.reporter());
    reference.observe([&](NodeId id, const std::vector<Tensor>& outputs) {
      const Node& node = graph().nodes[static_cast<size_t>(id)];
      for (size_t i = 0; i < outputs.size(); ++i) {
        auto it = ours.find(node.outputs[i]);
        if (it == ours.end()) continue;
        add_node(node, it->first, it->second, outputs[i]);
      }
    });
    const auto theirs = reference.run(inputs_, dims_);
    const auto fused = fused_outputs();
    for (size_t i = 0; i < fused.size(); ++i) {
      findings_.push_back(compared("output " + fused[i].name, fused[i].tensor,
                                   theirs[i].tensor, allowed_output(i)));
    }
  }

  int report() {
    const ComparedTensor* first = nullptr;
    const ComparedTensor* worst = nullptr;
    for (const ComparedTensor& finding : findings_) {
      if (first == nullptr && !finding.equal()) first = &finding;
      if (worst == nullptr ||
          finding.difference.relative > worst->difference.relative) {
        worst = &finding;
      }
    }
    console_.result(command_.json ? json(first) : text(first, worst));
    return first == nullptr ? 0 : 1;
  }

 private:
  const Graph& graph() const { return session_->model.graph; }

  // Beside results a file may hold the inputs that they belong to.
  std::map<std::string, Tensor> find_inputs() {
    if (command_.reference.empty()) {
      return session_inputs(*session_, command_, console_, dims_);
    }
    const std::vector<InputInfo> wanted = inputs_of(graph());
    GivenInputs given{command_.inputs, {}, ""};
    SafetensorsFile file(command_.reference);
    std::vector<std::string> names;
    for (const InputInfo& input : wanted) {
      const bool is_given = std::any_of(
          command_.inputs.begin(), command_.inputs.end(),
          [&](const Argument& pair) { return pair.first == input.name; });
      const FileTensor* stored = is_given ? nullptr : file.find(input.name);
      if (stored == nullptr) continue;
      given.tensors.emplace(input.name, file.read(*stored));
      names.push_back(input.name);
    }
    if (names.empty()) {
      return session_inputs(*session_, command_, console_, dims_);
    }
    console_.note(cat({join(names, ", "), names.size() == 1 ? " is" : " are",
                       " from ", command_.reference}));
    return read_inputs(wanted, given, dims_);
  }

  // What the user allows, else what the value's types explain.
  double allowed(ValueId id) const {
    return command_.tolerance > 0 ? command_.tolerance
                                  : tolerances_[static_cast<size_t>(id)];
  }
  double allowed_output(size_t i) const {
    return allowed(graph().outputs[i].value);
  }

  Engine& engine() {
    if (!engine_) {
      engine_ =
          std::make_unique<Engine>(options_of(command_), console_.reporter());
    }
    return *engine_;
  }

  std::vector<NamedTensor> fused_outputs() {
    return place_errors(session_->model, [&] {
      return engine().load(graph(), weights_)->run(inputs_, dims_);
    });
  }

  // The values that a program which keeps all of them gives, by id.
  std::map<ValueId, Tensor> all_values() {
    CompileOptions options;
    options.generic_only = command_.generic;
    options.keep_all_values = true;
    Program program = compile(graph(), engine().target(), options);
    std::vector<ValueId> ids;
    for (const Port& port : program.outputs) {
      ids.push_back(program.buffers[static_cast<size_t>(port.buffer)].value);
    }
    auto values =
        engine().load(std::move(program), weights_)->run(inputs_, dims_);
    std::map<ValueId, Tensor> out;
    for (size_t i = 0; i < values.size(); ++i) {
      out.emplace(ids[i], values[i].tensor);
    }
    return out;
  }

  void add_node(const Node& node, ValueId id, const Tensor& ours,
                const Tensor& theirs) {
    findings_.push_back(
        compared(cat({"%", id, " ", node.op}), ours, theirs, allowed(id)));
    findings_.back().layer = node.path;
    findings_.back().place = node.span.known() ? place_of(node.span) : "";
  }

  std::string text(const ComparedTensor* first,
                   const ComparedTensor* worst) const {
    std::string out;
    if (first != nullptr) {
      out = cat({"first divergence: ", first->name,
                 first->layer.empty() ? "" : " in " + first->layer,
                 first->place.empty() ? "" : " at " + first->place, "\n  ",
                 first->details, "\n  relative error ",
                 short_number(first->difference.relative), ", allowed ",
                 short_number(first->tolerance), "\n"});
    }
    int64_t different = 0;
    for (const ComparedTensor& finding : findings_)
      different += !finding.equal();
    out +=
        cat({findings_.size(),
             findings_.size() == 1 ? " tensor" : " tensors", " compared, ",
             different, different == 1 ? " differs\n" : " differ\n"});
    if (worst == nullptr) return out;
    return out +
           cat({"largest error: ", short_number(worst->difference.largest),
                " (relative ", short_number(worst->difference.relative),
                ") in ", worst->name, "\n"});
  }

  std::string json(const ComparedTensor* first) const {
    JsonValue out = JsonValue::object();
    out.add("same", JsonValue::of(first == nullptr));
    JsonValue list = JsonValue::array();
    for (const ComparedTensor& finding : findings_) {
      JsonValue row = JsonValue::object();
      row.add("name", JsonValue::of(finding.name));
      row.add("layer", JsonValue::of(finding.layer));
      row.add("place", JsonValue::of(finding.place));
      row.add("error", JsonValue::of(finding.difference.largest));
      row.add("relative", JsonValue::of(finding.difference.relative));
      row.add("tolerance", JsonValue::of(finding.tolerance));
      row.add("same", JsonValue::of(finding.equal()));
      list.items.push_back(std::move(row));
    }
    out.add("tensors", std::move(list));
    return to_json(out);
  }

  const Command& command_;
  Console& console_;
  std::unique_ptr<Session> session_;
  DimBindings dims_;
  std::map<std::string, Tensor> inputs_;
  std::shared_ptr<const WeightSource> weights_;
  std::unique_ptr<Engine> engine_;
  std::vector<double> tolerances_;  // by value
  std::vector<ComparedTensor> findings_;
};

}  // namespace

int compare_verb(const Command& command, Console& console) {
  Comparison comparison(command, console);
  if (command.reference.empty()) {
    comparison.with_reference();
  } else {
    comparison.with_file(command.reference);
  }
  return comparison.report();
}

}  // namespace lathe
