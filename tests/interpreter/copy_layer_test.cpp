// Layers that are copied come out as if each had been elaborated by itself.

#include "interpreter/copy_layer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>

#include "spec/text.h"
#include "tests/support/elaborate_text.h"
#include "tests/support/error_cases.h"
#include "tests/support/paths.h"
#include "tests/support/temp_folder.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

std::string shown(const SourceSpan& span) {
  if (!span.known()) return "nowhere";
  return cat({place_of(span), ":", span.begin, "-", span.end});
}

std::string shown(const LayerRow& row) {
  std::string text = cat({row.depth, " ", row.path, " ", row.type, " at ",
                          shown(row.span), ", ", row.params, " in ",
                          row.bytes});
  for (const TensorType& type : row.outputs) text += " " + to_string(type);
  return text + "\n";
}

// All that a model says.
std::string shown(const Model& model) {
  const Graph& graph = model.graph;
  std::string text = to_string(graph);
  for (const Node& node : graph.nodes) {
    text += cat({node.path, " at ", shown(node.span), "\n"});
    if (node.definition != nullptr) text += to_string(*node.definition);
  }
  for (const Value& value : graph.values) {
    text += cat({value.name, " of ", value.node, "\n"});
  }
  for (const GraphWeight& weight : graph.weights) {
    text += cat({weight.path, " ", to_string(weight.type), " ", weight.init,
                 " %", weight.value, " at ", shown(weight.span), "\n"});
  }
  for (const WeightFill& fill : model.weights) {
    text += cat({"%", fill.value, " ", fill.path, "\n"});
  }
  for (const DimConstraint& constraint : graph.constraints) {
    text += cat({constraint.message, " at ", shown(constraint.span), "\n"});
  }
  for (const LayerRow& row : model.layers) text += shown(row);
  return text;
}

std::string model_or_messages(const SourceRef& file, const std::string& folder,
                              bool copies) {
  Diagnostics diagnostics;
  const Model model = elaborate_file(file, diagnostics, folder, copies);
  if (diagnostics.has_errors()) return render(diagnostics.sorted());
  verify(model.graph);
  return shown(model);
}

// Empty if the model is the same with copies and without, else both.
std::string difference(const SourceRef& file, const std::string& folder) {
  const std::string with = model_or_messages(file, folder, true);
  const std::string without = model_or_messages(file, folder, false);
  if (with == without) return "";
  std::vector<std::string> a = split(with, '\n'), b = split(without, '\n');
  size_t line = 0;
  while (line < std::min(a.size(), b.size()) && a[line] == b[line]) ++line;
  a.resize(std::max(a.size(), line + 1));
  b.resize(std::max(b.size(), line + 1));
  return cat({file->name, " differs in line ", line, "\n  ", a[line],
              "\n  instead of\n  ", b[line], "\n"});
}

enum class Wanted { kModel, kMessages };

std::string difference(const std::string& yaml, Wanted wanted,
                       const std::string& folder = "") {
  const auto file = make_source("m.yaml", "lathe: 1\nmodel: m\n" + yaml);
  const std::string found = model_or_messages(file, folder, true);
  const bool wrong = found.substr(0, 6) == "error[";
  if (wrong != (wanted == Wanted::kMessages)) return "no! " + found;
  return difference(file, folder);
}

std::string difference_of_folder(const fs::path& folder) {
  std::string text;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".yaml") continue;
    const auto file = make_source(entry.path().filename().string(),
                                  read_test_file(entry.path()));
    const fs::path imports = folder / "imports";
    text += difference(file, fs::is_directory(imports)
                                 ? imports.string()
                                 : entry.path().parent_path().string());
  }
  return text;
}

const char kBlock[] = R"yaml(
  type: TransformerBlock
  attention_norm: {type: RMSNorm, dim: 16}
  mlp_norm: {type: RMSNorm, dim: 16}
  mlp: {type: MLP, hidden_dim: 16, feed_forward_length: 24}
)yaml";

std::string indented(std::string text) {
  for (size_t at = 0; (at = text.find("\n  ", at)) != std::string::npos;) {
    text.insert(at + 1, "  ");
    ++at;
  }
  return text;
}

}  // namespace

TEST_CASE("copies: files of the tree are the same with and without") {
  CHECK_EQ(difference_of_folder(source_dir() / "examples"), "");
  CHECK_EQ(difference_of_folder(source_dir() / "tests/errors"), "");
  CHECK_EQ(difference_of_folder(source_dir() / "tests/golden"), "");
  CHECK_EQ(difference_of_folder(source_dir() / "layers"), "");
}

TEST_CASE("copies: models of the library are the same with and without") {
  for (const char* name : {"llama", "qwen3", "gemma2", "gpt2", "bert"}) {
    const std::string config = read_test_file(
        source_dir() / "tests/data/cases" / name / "config.json");
    const std::string spec = read_test_file(
        source_dir() / "layers/models" / cat({name, ".yaml"}));
    CHECK_EQ(difference(make_source(name, spec + "\nx-config: " + config), ""),
             "");
  }
}

TEST_CASE("copies: blocks that share a layer, and others that do not") {
  const std::string attention =
      "attention: {type: AttentionWithRope, num_attention_heads: 2, "
      "hidden_size: 16, rope: ";
  CHECK_EQ(difference(cat({R"yaml(
inputs: {x: "float32[B, T, 16]"}
layers:
  rope: {type: RotaryEmbedding, interleaved: false}
  blocks:)yaml",
                           indented(kBlock), "    repeat: 4\n    ", attention,
                           "rope}\nbody:\n  - y = blocks(x)\n"}),
                      Wanted::kModel),
           "");
  CHECK_EQ(difference(cat({R"yaml(
inputs: {x: "float32[B, T, 16]", z: "bfloat16[B, T, 16]"}
layers:
  blocks:)yaml",
                           indented(kBlock), "    repeat: 4\n    ", attention,
                           R"yaml({type: RotaryEmbedding}}
body:
  - a = blocks[0](x)
  - b = blocks[2](a + x)
  - c = blocks[1].mlp(b) + blocks[3].mlp.up_proj.weight[0, :16]
  - d = blocks[1].mlp.gate_proj(c)
  - y = blocks[2](blocks[3](x[:, 1:])) + blocks[0](c)
outputs: {y: y, d: d}
)yaml"}), Wanted::kModel),
           "");
}

TEST_CASE("copies: sizes that follow from inputs, and calls that differ") {
  CHECK_EQ(difference(R"yaml(
inputs: {x: "float32[B, 8]", z: "float32[B, 12]"}
layers:
  a: {type: Sequential, layers: [{type: Linear, out_dim: 6}, {type: Linear, out_dim: 8, has_bias: true}]}
  b: {type: Sequential, layers: [{type: Linear, out_dim: 6}, {type: Linear, out_dim: 8, has_bias: true}]}
  c: {type: Sequential, layers: [{type: Linear, out_dim: 6}, {type: Linear, out_dim: 8, has_bias: true}]}
  many: {type: Linear, repeat: 5, out_dim: 8}
body:
  - y = a(x) + b(z) + c(x) * a(x)
  - y = many(y) + many[3](x) + many[4].weight[0]
)yaml", Wanted::kModel),
           "");
  // Never called: the same messages.
  CHECK_EQ(difference(R"yaml(
inputs: {x: "float32[B, 8]"}
layers:
  a: {type: Sequential, layers: [{type: Linear, out_dim: 6}], repeat: 3}
  b: {type: Linear, repeat: 3, out_dim: 8}
body: [y = a[0](x) + b[1](x)]
)yaml", Wanted::kMessages),
           "");
}

TEST_CASE("copies: what depends on the number of a layer") {
  const std::string layer = R"yaml(
lathe: 1
layer: Numbered
params: {width: {type: int}}
inputs: {x: "float[..., width]", bias: {type: "float[...]", default: none}}
weights: {w: {type: "float32[width + layer_index % 2]", when: layer_index != 2}}
layers: {inner: {type: Linear, in_dim: width, out_dim: width}}
body:
  - {if: layer_index > 3, then: [x = x * layer_index]}
  - y = inner(x)
  - {if: bias != none, then: [y = y + bias]}
)yaml";
  TempFolder folder;
  folder.write("numbered.yaml", layer);
  CHECK_EQ(difference(R"yaml(
import: [numbered.yaml]
inputs: {x: "float32[B, 4]"}
layers:
  many: {type: Numbered, repeat: 6, width: 4}
  same: {type: Numbered, repeat: 3, width: 4, layer_index: 1}
body:
  - y = many(x)
  - z = same(y, y + 1)
  - y = same[0](z) + same[1](z + 1) + same[2](same[2](z))
)yaml", Wanted::kModel,
                      folder.path().string()),
           "");
}

TEST_CASE("copies: names and places of what goes in and out") {
  TempFolder folder;
  folder.write("pass.yaml", R"yaml(
lathe: 1
layer: Pass
inputs: {x: "float[..., N]", scale: {type: "float[N]", default: "x[0] * 0"}}
weights: {w: "float32[3]"}
layers: {clamp: {type: Clamp, min: 0.0, max: 1.0}}
body:
  - z = x
  - again = clamp(z)
  - kept = w
outputs: {z: z, again: again, both: "[x, again * 2]", kept: kept}
)yaml");
  folder.write("twice.yaml", R"yaml(
lathe: 1
layer: Twice
params: {inner: {type: layer, prefix: ""}, other: {type: layer, prefix: "x.y"}}
inputs: {x: "float[..., N]"}
body:
  - y = inner(x) + other(x)
)yaml");
  CHECK_EQ(difference(R"yaml(
import: [pass.yaml]
inputs: {x: "float32[B, 4]"}
layers:
  many: {type: Pass, repeat: 4}
body:
  - a, b, c, d = many[0](x + 1)
  - e, f, g, h = many[1](a * 2)
  - i = many[2](e)
  - j = many[3](b + 3)
  - y = i.z + j.again + f
outputs: {y: y, d: d}
)yaml", Wanted::kModel,
                      folder.path().string()),
           "");
  CHECK_EQ(difference(R"yaml(
import: [twice.yaml]
inputs: {x: "float32[B, 4]"}
layers:
  a: {type: Twice, inner: {type: Linear, out_dim: 4}, other: {type: Linear, in_dim: 4, out_dim: 4}}
  b: {type: Twice, inner: {type: Linear, out_dim: 4}, other: {type: Linear, in_dim: 4, out_dim: 4}}
  shared: {type: Linear, out_dim: 4}
  c: {type: Twice, inner: {type: Linear, out_dim: 4}, other: shared}
  d: {type: Twice, inner: {type: Linear, out_dim: 4}, other: shared}
body: [y = b(a(d(c(x))))]
)yaml", Wanted::kModel,
                      folder.path().string()),
           "");
  // Two weights of one path.
  CHECK_EQ(difference(R"yaml(
inputs: {x: "float32[B, 4]"}
layers:
  a: {type: Linear, in_dim: 4, out_dim: 4}
  b: {type: Linear, in_dim: 4, out_dim: 4, prefix: a}
  c: {type: Linear, in_dim: 4, out_dim: 4}
body: [y = c(b(a(x)))]
)yaml", Wanted::kMessages),
           "");
}

TEST_CASE("copies: mistakes in blocks are told of all of them") {
  for (const char* call : {"mlps(x)", "mlps[1](x) + mlps[2](x[:, :3])",
                           "mlps[0](mlps[2](x))"}) {
    CHECK_EQ(difference(cat({R"yaml(
inputs: {x: "float32[B, 4]"}
layers:
  mlps: {type: MLP, repeat: 4, hidden_dim: 4, feed_forward_length: 6, activation_function: elu}
body: [)yaml",
                             "\"y = ", call, "\"]\n"}),
                        Wanted::kMessages),
             "");
    CHECK_EQ(difference(cat({R"yaml(
inputs: {x: "float32[B, 4]"}
layers:
  mlps: {type: Linear, repeat: 4, in_dim: 5, out_dim: 4}
body: [)yaml",
                             "\"y = ", call, "\"]\n"}),
                        Wanted::kMessages),
             "");
  }
}

}  // namespace lathe
