// Every layer of the library stands on its own: it elaborates with the params
// that it must have and nothing else.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "interpreter/elaborate.h"

namespace lathe {
namespace {

using Params = std::vector<std::pair<std::string, std::string>>;

// The params without a default, by layer type.
const std::map<std::string, Params> kParams = {
    {"Activation", {{"activation_function", "silu"}}},
    {"AttentionWithRope",
     {{"rope", "{type: RotaryEmbedding, head_dim: 4}"},
      {"num_attention_heads", "2"},
      {"hidden_size", "8"}}},
    {"AWQLinear", {{"in_dim", "4"}, {"out_dim", "8"}}},
    {"BertEmbeddings",
     {{"vocab_size", "8"}, {"positions", "8"}, {"types", "2"}, {"hidden", "4"}}},
    {"BertLayer", {{"hidden", "4"}, {"heads", "2"}, {"ffn", "8"}}},
    {"Embedding", {{"vocab_size", "8"}, {"hidden_dim", "4"}}},
    {"Float8Quantize", {{"spec", "{granularity: token}"}}},
    {"GPTQLinear", {{"in_dim", "8"}, {"out_dim", "4"}}},
    {"GPT2Block", {{"hidden", "4"}, {"heads", "2"}, {"ffn", "8"}}},
    {"GPT2Projection", {{"in_dim", "4"}, {"out_dim", "8"}}},
    {"Gemma2Block",
     {{"hidden_size", "8"}, {"attention", "Identity"}, {"mlp", "Identity"}}},
    {"GroupNorm", {{"num_groups", "2"}, {"num_channels", "4"}}},
    {"LayerNorm", {{"dims", "8"}}},
    {"Linear", {{"in_dim", "4"}, {"out_dim", "8"}}},
    {"MLP", {{"hidden_dim", "4"}, {"feed_forward_length", "8"}}},
    {"MultiheadAttention",
     {{"num_attention_heads", "2"}, {"hidden_size", "8"}}},
    {"RMSNorm", {{"dim", "8"}}},
    {"Sequential", {{"layers", "[Identity, Identity]"}}},
};

// Layers whose inputs cannot be made up from their types alone: what they
// are made of is tested through those that use them.
const std::vector<std::string> kNotAlone = {
    "BlockQuantize", "Float8Matmul",    "GroupNorm",
    "GroupedMatmul", "Gemma2Block",     "RotaryEmbedding",
    "Transformer",   "TransformerBlock", "ScaledDotProductAttention"};

std::string errors_of_type(SpecLibrary& library, const std::string& type) {
  ElaborateInputs inputs;
  inputs.spec = library.find(SpecKind::kLayer, type);
  inputs.library = &library;
  const auto params = kParams.find(type);
  if (params != kParams.end()) inputs.overrides = params->second;
  Diagnostics diagnostics;
  const Model model = elaborate(inputs, diagnostics);
  if (!diagnostics.has_errors()) verify(model.graph);
  return render(diagnostics.sorted());
}

}  // namespace

TEST_CASE("library layers: each elaborates with the params it must have") {
  SpecLibrary library;
  for (const std::string& type : library.names(SpecKind::kLayer)) {
    if (std::find(kNotAlone.begin(), kNotAlone.end(), type) !=
        kNotAlone.end()) {
      continue;
    }
    CAPTURE(type);
    CHECK_EQ(errors_of_type(library, type), "");
  }
}

TEST_CASE("library structs: each reads as YAML and declares params") {
  SpecLibrary library;
  for (const std::string& type : library.names(SpecKind::kStruct)) {
    CAPTURE(type);
    const SpecFile* spec = library.find(SpecKind::kStruct, type);
    REQUIRE(spec != nullptr);
    CHECK_EQ(spec->name.text, type);
    CHECK_FALSE(spec->params.empty());
  }
}

}  // namespace lathe
