// Folders as Hugging Face has them, from config.json to logits, against the
// results of transformers in tests/data/cases.
#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "interpreter/elaborate.h"
#include "runtime/compare.h"
#include "runtime/engine.h"
#include "runtime/model_target.h"
#include "runtime/model_weights.h"
#include "tests/support/error_text.h"
#include "tests/support/paths.h"
#include "tests/support/temp_folder.h"

namespace lathe {
namespace {

constexpr double kLargestError = 2e-4;

std::string case_folder(const std::string& name) {
  return (source_dir() / "tests/data/cases" / name).string();
}

Tensor stored(const std::string& folder, const std::string& name) {
  SafetensorsFile file(folder + "/reference.safetensors");
  const FileTensor* tensor = file.find(name);
  REQUIRE(tensor != nullptr);
  return file.read(*tensor);
}

// The only output, for the stored input_ids.
Tensor result_of(const std::string& folder, const std::string& device,
                 const std::string& cache_dir) {
  SpecLibrary library;
  Diagnostics diagnostics;
  const ModelTarget target = open_target(folder, "", library, diagnostics);
  auto checkpoint = open_weights(target, WeightsUse::kNeeded);
  ElaborateInputs inputs;
  inputs.spec = target.spec.get();
  inputs.library = &library;
  inputs.config = target.config;
  inputs.checkpoint = checkpoint->header();
  const Model model = elaborate(inputs, diagnostics);
  diagnostics.throw_if_errors();
  require_runnable(model);
  Options options = options_from_environment();
  options.device = device;
  options.cache_dir = cache_dir;
  Engine engine(options);
  auto loaded = engine.load(model.graph,
                            std::make_shared<ModelWeights>(model, checkpoint));
  return loaded->run({{"input_ids", stored(folder, "input_ids")}})
      .front()
      .tensor;
}

void check_case(const std::string& name, const std::string& output) {
  TempFolder cache;
  const std::string folder = case_folder(name);
  for (const char* device : {"cpu", "reference"}) {
    CAPTURE(device);
    const Tensor found = result_of(folder, device, cache.file("cache"));
    CHECK_LE(difference(found, stored(folder, output)).largest, kLargestError);
  }
}

// Root mean square of the error, in standard deviations of the result.
double relative_error(const Tensor& found, const Tensor& wanted) {
  double mean = 0, variance = 0, error = 0;
  const double count = static_cast<double>(wanted.numel());
  for (int64_t i = 0; i < wanted.numel(); ++i) mean += wanted.at(i) / count;
  for (int64_t i = 0; i < wanted.numel(); ++i) {
    variance += std::pow(wanted.at(i) - mean, 2) / count;
    error += std::pow(found.at(i) - wanted.at(i), 2) / count;
  }
  return std::sqrt(error / variance);
}

// Where activations are rounded to codes, one that falls to the other side
// moves single logits by percents; the whole stays close.
void check_float8_case(const std::string& name) {
  TempFolder cache;
  const std::string folder = case_folder("quant/" + name);
  for (const char* device : {"cpu", "reference"}) {
    CAPTURE(device);
    const Tensor found = result_of(folder, device, cache.file("cache"));
    CHECK_LE(relative_error(found, stored(folder, "logits")), 0.02);
  }
}

std::string error_of_config(const std::string& config) {
  TempFolder folder;
  folder.write("config.json", config);
  SpecLibrary library;
  std::string error = error_of([&] {
    Diagnostics diagnostics;
    open_target(folder.path().string(), "", library, diagnostics);
  });
  return error.substr(0, error.find('\n'));
}

}  // namespace

TEST_CASE("hugging face: llama gives the logits of transformers") {
  check_case("llama", "logits");
}

TEST_CASE("hugging face: qwen3 gives the logits of transformers") {
  check_case("qwen3", "logits");
}

TEST_CASE("hugging face: gemma2 gives the logits of transformers") {
  check_case("gemma2", "logits");
}

TEST_CASE("hugging face: gpt2 gives the logits of transformers") {
  check_case("gpt2", "logits");
}

TEST_CASE("hugging face: bert gives the hidden states of transformers") {
  check_case("bert", "last_hidden_state");
}

TEST_CASE("hugging face: llama in float8 blocks gives its logits") {
  check_float8_case("fp8_block");
}

TEST_CASE("hugging face: llama in float8, rows by tokens, gives its logits") {
  check_float8_case("fp8_channel_dynamic");
}

TEST_CASE("hugging face: a folder that no spec is for is an error") {
  CHECK_EQ(error_of_config("{\"architectures\": [\"LamaForCausalLM\"]}"),
           "error[L0520]: the library has no spec for `LamaForCausalLM`");
  CHECK(error_of_config("{}").find("names no `architectures`") !=
        std::string::npos);
  CHECK_EQ(error_of_config("{"),
           "error[L0514]: not JSON: unexpected end of "
           "input; expected string literal");
}

}  // namespace lathe
