#include "runtime/model_target.h"

#include <doctest/doctest.h>

#include <filesystem>

#include "interpreter/quantization_dialects.h"
#include "tests/support/error_text.h"
#include "tests/support/temp_folder.h"

namespace lathe {
namespace {

constexpr std::string_view kSpec =
    "lathe: 1\n"
    "model: m\n"
    "config: config.json\n"
    "params: {width: {type: int, from: [width], default: 1}}\n"
    "inputs: {x: \"float32[width]\"}\n"
    "body: [y = x]\n"
    "checkpoint: {path: weights/m.safetensors}\n";

// Where the target takes its config and weights from, and what it notes.
std::string parts_of(const TempFolder& folder, const std::string& weights) {
  SpecLibrary library;
  Diagnostics diagnostics;
  const ModelTarget target = open_target(
      folder.file("m.yaml"), weights.empty() ? "" : folder.file(weights),
      library, diagnostics);
  std::string out = "weights " + target.weights + "\n";
  if (target.config) {
    out += "config " + target.config->span.file->name + "\n";
  }
  for (const std::string& note : target.notes) out += "note " + note + "\n";
  const std::string root = folder.path().string() + "/";
  for (size_t at; (at = out.find(root)) != std::string::npos;) {
    out.erase(at, root.size());
  }
  return out;
}

}  // namespace

TEST_CASE("target: a spec's paths are relative to the spec") {
  TempFolder folder;
  folder.write("m.yaml", kSpec);
  CHECK_EQ(parts_of(folder, ""),
           "weights weights/m.safetensors\n"
           "note m.yaml:3: there is no `config.json`, params take their "
           "defaults\n");
  folder.write("config.json", "{\"width\": 3}");
  CHECK_EQ(parts_of(folder, ""),
           "weights weights/m.safetensors\nconfig config.json\n");
}

TEST_CASE("target: the config beside the weights comes first") {
  TempFolder folder;
  folder.write("m.yaml", kSpec);
  folder.write("config.json", "{}");
  folder.write("weights/config.json", "{}");
  folder.write("other/config.json", "{}");
  CHECK_EQ(parts_of(folder, ""),
           "weights weights/m.safetensors\nconfig weights/config.json\n");
  CHECK_EQ(parts_of(folder, "other"),
           "weights other\nconfig other/config.json\n");
  CHECK_EQ(parts_of(folder, "other/x.safetensors"),
           "weights other/x.safetensors\nconfig other/config.json\n");
}

TEST_CASE("target: weights that the spec names may be missing until needed") {
  TempFolder folder;
  folder.write("m.yaml", kSpec);
  SpecLibrary library;
  Diagnostics diagnostics;
  const ModelTarget target =
      open_target(folder.file("m.yaml"), "", library, diagnostics);
  CHECK(open_weights(target, WeightsUse::kIfThere) == nullptr);
  const std::string error =
      error_of([&] { open_weights(target, WeightsUse::kNeeded); });
  CHECK(error.find("m.yaml:7:20") != std::string::npos);
  CHECK(error.find("`--weights PATH` names others") != std::string::npos);
}

TEST_CASE("target: an import is found beside the file that imports it") {
  TempFolder folder;
  folder.write("layers/a.yaml", "lathe: 1\n");
  const SourceRef importer = make_source(folder.file("m/m.yaml"), "");
  const SourceRef found = load_import(*importer, "../layers/a.yaml");
  REQUIRE(found != nullptr);
  CHECK_EQ(found->name, folder.file("layers/a.yaml"));
  CHECK(load_import(*importer, "none.yaml") == nullptr);
  CHECK(load_import(*importer, "../layers") == nullptr);
}

TEST_CASE("target: config values keep their kinds and places") {
  SourceRef source = make_source(
      "config.json", "{\"a\": [1, 2.5, null], \"b\": {\"c\": true}}");
  const ConfigValue config = to_config(parse_json(source), source);
  const ConfigValue* c = find_config(config, "b.c");
  REQUIRE(c != nullptr);
  CHECK(std::get<bool>(c->value));
  CHECK_EQ(c->span.text(), "true");
  const auto& list = std::get<ConfigList>(find_config(config, "a")->value);
  CHECK_EQ(std::get<int64_t>(list[0].value), 1);
  CHECK_EQ(std::get<double>(list[1].value), 2.5);
  CHECK(std::holds_alternative<std::monostate>(list[2].value));
}

TEST_CASE("target: a quantization_config may stand in a file of its own") {
  TempFolder folder;
  folder.write("m.yaml", kSpec);
  folder.write("config.json", "{\"width\": 3}");
  SpecLibrary library;
  Diagnostics diagnostics;
  const auto method = [&] {
    const ModelTarget target =
        open_target(folder.file("m.yaml"), "", library, diagnostics);
    const ConfigValue* section =
        find_config(*target.config, "quantization_config");
    return section == nullptr ? "none" : read_quantization(*section).method;
  };
  struct Case {
    const char* file;
    const char* text;
    const char* method;
  };
  // As ModelOpt, AutoGPTQ, GPTQModel and llm-awq write them.
  const Case cases[] = {
      {"hf_quant_config.json",
       "{\"producer\": {\"name\": \"modelopt\"},"
       " \"quantization\": {\"quant_algo\": \"FP8\"}}",
       "modelopt"},
      {"quantize_config.json",
       "{\"bits\": 4, \"group_size\": 128, \"damp_percent\": 0.01,"
       " \"desc_act\": false, \"sym\": true, \"true_sequential\": true}",
       "gptq"},
      {"quantize_config.json",
       "{\"bits\": 8, \"group_size\": 32, \"quant_method\": \"gptq\","
       " \"checkpoint_format\": \"gptq_v2\"}",
       "gptq"},
      {"quant_config.json",
       "{\"zero_point\": true, \"q_group_size\": 128, \"w_bit\": 4,"
       " \"version\": \"GEMM\"}",
       "awq"},
  };
  CHECK_EQ(method(), "none");
  for (const Case& c : cases) {
    CAPTURE(c.file);
    folder.write(c.file, c.text);
    CHECK_EQ(method(), c.method);
    std::filesystem::remove(folder.file(c.file));
  }
  // What config.json says itself comes first.
  folder.write("quant_config.json", cases[3].text);
  folder.write("config.json",
               "{\"quantization_config\": {\"quant_method\": \"fp8\"}}");
  CHECK_EQ(method(), "fp8");
}

}  // namespace lathe
