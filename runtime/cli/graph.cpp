// `lathe graph`: the spec, the ops or the kernels, as text or as a drawing.
#include <map>

#include "codegen/compile.h"
#include "runtime/cli/session.h"
#include "runtime/cli/verbs.h"
#include "runtime/engine.h"
#include "runtime/json.h"
#include "spec/ast.h"

namespace lathe {
namespace {

// A label of Graphviz; its quoting is JSON's.
std::string label(const std::string& text) { return json_string(text); }

// What is done, and below it the layer that does it.
std::string titled(const std::string& what, const std::string& path) {
  return path.empty() ? what : what + "\n" + path;
}

// A drawing under construction.
class Dot {
 public:
  explicit Dot(const std::string& name) {
    out_ = cat({"digraph ", label(name),
                " {\n  node [shape=box, fontname=\"sans-serif\"];\n"});
  }
  void node(const std::string& id, const std::string& text, bool rounded) {
    out_ += cat({"  ", id, " [label=", label(text),
                 rounded ? ", style=rounded" : "", "];\n"});
  }
  void edge(const std::string& from, const std::string& to,
            const std::string& text) {
    out_ += cat({"  ", from, " -> ", to, " [label=", label(text), "];\n"});
  }
  std::string take() { return std::move(out_) + "}\n"; }

 private:
  std::string out_;
};

std::string graph_dot(const Graph& graph) {
  Dot dot(graph.name);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    const bool is_op = node.kind == NodeKind::kOp;
    const Value& first = graph.values[static_cast<size_t>(node.outputs[0])];
    const std::string id = cat({"n", i});
    dot.node(id, is_op ? titled(node.op, node.path) : first.name, !is_op);
    for (ValueId input : node.inputs) {
      const Value& value = graph.values[static_cast<size_t>(input)];
      dot.edge(cat({"n", value.node}), id, to_string(value.type));
    }
  }
  for (const GraphOutput& output : graph.outputs) {
    const Value& value = graph.values[static_cast<size_t>(output.value)];
    dot.node("out_" + output.name, output.name, true);
    dot.edge(cat({"n", value.node}), "out_" + output.name,
             to_string(value.type));
  }
  return dot.take();
}

// Steps with the buffers between them; a step is drawn before those that read
// what it wrote.
std::string program_dot(const Program& program) {
  Dot dot(program.name);
  std::map<int, std::string> writer;  // of a buffer
  for (const Port& input : program.inputs) {
    dot.node("in_" + input.name, input.name, true);
    writer[input.buffer] = "in_" + input.name;
  }
  for (size_t i = 0; i < program.steps.size(); ++i) {
    const Step& step = program.steps[i];
    const std::string id = cat({"s", i});
    dot.node(id, titled(step.what, step.path), false);
    for (int number : step.buffers) {
      const Buffer& buffer = program.buffers[static_cast<size_t>(number)];
      auto it = writer.find(number);
      if (it != writer.end()) {
        dot.edge(it->second, id,
                 to_string(TensorType{buffer.dtype, buffer.shape}));
      } else if (buffer.role == BufferRole::kTemp ||
                 buffer.role == BufferRole::kOutput) {
        writer[number] = id;
      }
    }
  }
  for (const Port& output : program.outputs) {
    dot.node("out_" + output.name, output.name, true);
    auto it = writer.find(output.buffer);
    if (it != writer.end()) dot.edge(it->second, "out_" + output.name, "");
  }
  return dot.take();
}

JsonValue graph_json(const Graph& graph) {
  JsonValue nodes = JsonValue::array();
  for (const Node& node : graph.nodes) {
    if (node.kind != NodeKind::kOp) continue;
    JsonValue row = JsonValue::object();
    row.add("op", JsonValue::of(node.op));
    row.add("attributes", JsonValue::of(node.attributes));
    row.add("path", JsonValue::of(node.path));
    JsonValue inputs = JsonValue::array(), outputs = JsonValue::array();
    for (ValueId id : node.inputs) {
      inputs.items.push_back(
          JsonValue::of(graph.values[static_cast<size_t>(id)].name));
    }
    for (ValueId id : node.outputs) {
      const Value& value = graph.values[static_cast<size_t>(id)];
      outputs.items.push_back(
          JsonValue::of(cat({value.name, ": ", to_string(value.type)})));
    }
    row.add("inputs", std::move(inputs));
    row.add("outputs", std::move(outputs));
    nodes.items.push_back(std::move(row));
  }
  return nodes;
}

JsonValue program_json(const Program& program) {
  JsonValue steps = JsonValue::array();
  for (const Step& step : program.steps) {
    JsonValue row = JsonValue::object();
    if (step.product) {
      row.add("product", JsonValue::of(to_string(*step.product)));
    } else {
      const Kernel& kernel = program.kernels[static_cast<size_t>(step.kernel)];
      row.add("kernel", JsonValue::of(kernel.name));
    }
    row.add("computes", JsonValue::of(step.what));
    row.add("path", JsonValue::of(step.path));
    row.add("place", JsonValue::of(place_of(step.span)));
    steps.items.push_back(std::move(row));
  }
  return steps;
}

std::string fused(const Command& command, const Graph& graph) {
  CompileOptions options;
  options.generic_only = command.generic;
  const Program program =
      compile(graph, Engine(options_of(command)).target(), options);
  if (command.json) return to_json(program_json(program));
  return command.format == "dot" ? program_dot(program) : to_string(program);
}

}  // namespace

int graph_verb(const Command& command, Console& console) {
  if (command.stage == "spec" && command.format == "dot") {
    throw UsageError("a spec is text; `--format dot` draws the other stages");
  }
  auto session = open_session(command, console, WeightsUse::kIfThere);
  const Graph& graph = session->model.graph;
  if (command.stage == "spec") {
    const std::string yaml = to_yaml(*session->target.spec);
    console.result(command.json ? to_json(JsonValue::of(yaml)) : yaml);
  } else if (command.stage == "fused") {
    console.result(fused(command, graph));
  } else if (command.json) {
    console.result(to_json(graph_json(graph)));
  } else {
    console.result(command.format == "dot" ? graph_dot(graph)
                                           : to_string(graph));
  }
  return 0;
}

}  // namespace lathe
