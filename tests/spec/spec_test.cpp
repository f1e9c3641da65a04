#include <doctest/doctest.h>

#include <filesystem>

#include "spec/ast.h"
#include "spec/text.h"
#include "tests/support/error_cases.h"
#include "tests/support/paths.h"

namespace lathe {
namespace {

struct Read {
  SpecFile spec;
  std::string messages;
};

Read read(const std::string& text) {
  Diagnostics diagnostics;
  YamlDocument document = parse_yaml(make_source("t.yaml", text), diagnostics);
  Read out;
  out.spec = parse_spec(document, diagnostics);
  out.messages = render(diagnostics.sorted());
  return out;
}

// All specs that come with the project.
std::vector<std::filesystem::path> shipped_specs() {
  std::vector<std::filesystem::path> out;
  for (const char* folder : {"layers", "examples"}) {
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(source_dir() / folder)) {
      if (entry.path().extension() == ".yaml") out.push_back(entry.path());
    }
  }
  return out;
}

// The YAML blocks of a Markdown file that are whole specs.
std::vector<std::string> specs_in(const std::filesystem::path& path) {
  std::vector<std::string> out;
  const std::string text = read_test_file(path);
  const std::string opening = "```yaml\n";
  for (size_t at = text.find(opening); at != std::string::npos;
       at = text.find(opening, at)) {
    at += opening.size();
    std::string block = text.substr(at, text.find("```", at) - at);
    if (block.rfind("lathe: 1", 0) == 0) out.push_back(block);
  }
  return out;
}

}  // namespace

TEST_CASE("spec: the examples of the manuals read") {
  for (const char* name : {"README.md", "spec/README.md"}) {
    std::vector<std::string> specs = specs_in(source_dir() / name);
    CHECK_FALSE(specs.empty());
    for (const std::string& text : specs) CHECK_EQ(read(text).messages, "");
  }
}

TEST_CASE("spec: every shipped file reads, prints, and reads back the same") {
  for (const std::filesystem::path& path : shipped_specs()) {
    CAPTURE(path.string());
    Read first = read(read_test_file(path));
    REQUIRE_EQ(first.messages, "");
    std::string canonical = to_yaml(first.spec);
    Read second = read(canonical);
    REQUIRE_EQ(second.messages, "");
    REQUIRE_EQ(to_yaml(second.spec), canonical);
  }
}

TEST_CASE("spec: canonical text of a file with every section") {
  const std::string canonical = R"yaml(lathe: 1
model: everything
doc: One of each.
architectures: [AForCausalLM]
import: {my: block.yaml}
config: config.json
defaults: {dtype: bfloat16}
params:
  hidden: 64
  heads: {type: int, from: [n_head, heads], default: 4, min: 1, max: 8}
  act: {type: string, default: silu, choices: [silu, gelu], doc: "a, b"}
  norm: {type: "list[layer]?", default: none, prefix: ""}
  cfg: {type: Float8Config, default: {granularity: tensor}}
presets:
  small: {hidden: 8}
values: {width: hidden * heads, names: [a, b]}
assert:
  - hidden % heads == 0
  - {that: hidden > 0, message: "hidden is ${hidden}"}
inputs:
  x: "float32[B, ..., hidden]"
  mask: {type: "int64[B]", default: 1, doc: optional}
layers:
  fc: {type: my.Linear, in_dim: hidden}
  blocks.0: {type: Block, when: hidden > 4, repeat: heads, index: i}
weights:
  scale: {type: "float32[hidden]", when: hidden > 4, init: 1}
state:
  seen: "int64[]"
body:
  - y = fc(x)
  - for: i
    in: range(heads)
    body: ["a, b = split(y, 2)", "y = a + b"]
  - {if: hidden > 4, then: [y = y * scale], else: [y = y]}
outputs: {y: "y[..., :1]"}
checkpoint:
  path: weights
  tie: {lm_head.weight: embed.weight}
  ignore: ["*.bias"]
  init: {normal: {std: 0.02}}
  load: [{rename: "a.*", to: "b.*"}]
test:
  - {name: small, preset: small, dims: {B: 2}, expect: {y: {finite: true}}}
)yaml";
  Read once = read(canonical);
  REQUIRE_EQ(once.messages, "");
  Read twice = read(to_yaml(once.spec));
  CHECK_EQ(twice.messages, "");
  CHECK_EQ(to_yaml(twice.spec), to_yaml(once.spec));
  const SpecFile& spec = once.spec;
  CHECK_EQ(spec.name.text, "everything");
  CHECK_EQ(spec.params.size(), 5);
  CHECK_EQ(to_string(*spec.params[3].type), "list[layer]?");
  CHECK_EQ(spec.params[3].prefix->text, "");
  CHECK_EQ(spec.params[1].from[1].text, "heads");
  CHECK_EQ(to_string(spec.inputs[0].type), "float32[B, ..., hidden]");
  CHECK_EQ(spec.layers[1].index.text, "i");
  CHECK_EQ(to_string(*spec.layers[1].when), "hidden > 4");
  CHECK_EQ(spec.body.size(), 3);
  CHECK_EQ(to_string(spec.body[1].loop->body[0].assign), "a, b = split(y, 2)");
  CHECK_EQ(spec.checkpoint->ties[0].source.text, "embed.weight");
  CHECK_EQ(spec.tests[0].preset->text, "small");
}

TEST_CASE("spec: what is good stays when something else is wrong") {
  Read file = read(
      "lathe: 1\nmodel: m\nparams: {a: 1, b-c: 2, d: 3}\n"
      "layers: {fc: Linear, bad: [1]}\nbody:\n  - y = fc(x) +\n  - z = x\n");
  CHECK_EQ(file.spec.params.size(), 2);
  CHECK_EQ(file.spec.layers.size(), 1);
  // A name that is assigned is known, its value is not.
  CHECK_EQ(file.spec.body.size(), 2);
  CHECK_NE(file.messages, "");
}

TEST_CASE("spec: keys that begin with x- are the user's") {
  CHECK_EQ(read("lathe: 1\nx-a: {b: [1]}\nmodel: m\n"
                "params: {h: {type: int, x-unit: mm}, x-note: 1}\n"
                "layers: {fc: {type: Linear, x-note: 1}}\n")
               .messages,
           "");
}

TEST_CASE("spec: a layer written in place") {
  Diagnostics diagnostics;
  YamlRef node =
      parse_yaml(make_source("t.yaml", "{type: Rope, dim: 4}"), diagnostics)
          .root;
  auto layer = parse_layer({}, node, diagnostics);
  REQUIRE(layer.has_value());
  CHECK_EQ(layer->type.text, "Rope");
  CHECK_EQ(layer->fields[0].name.text, "dim");
  CHECK(diagnostics.empty());
}

TEST_CASE("spec: sections in order") {
  CHECK_EQ(join(section_names(SpecKind::kStruct), " "),
           "doc aliases import params values assert");
  CHECK_EQ(join(section_names(SpecKind::kLayer), " "),
           "doc aliases import params presets values assert inputs layers "
           "weights state body outputs kernel checkpoint test");
}

}  // namespace lathe
