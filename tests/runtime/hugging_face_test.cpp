// Folders as Hugging Face has them, from config.json to logits, against the
// results of transformers in tests/data/cases.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>

#include "interpreter/elaborate.h"
#include "runtime/compare.h"
#include "runtime/engine.h"
#include "runtime/model_target.h"
#include "runtime/model_weights.h"
#include "runtime/safetensors.h"
#include "tests/support/compare_tensors.h"
#include "tests/support/error_text.h"
#include "tests/support/paths.h"
#include "tests/support/temp_folder.h"

namespace lathe {
namespace {

constexpr double kLogitsError = 2e-4;

std::string case_folder(const std::string& name) {
  return (source_dir() / "tests/data/cases" / name).string();
}

Tensor case_tensor(const std::string& folder, const std::string& name) {
  SafetensorsFile file(folder + "/reference.safetensors");
  const FileTensor* tensor = file.find(name);
  REQUIRE(tensor != nullptr);
  return file.read(*tensor);
}

Tensor output_of(Executable& model, const Tensor& ids) {
  return model.run({{"input_ids", ids}}).front().tensor;
}

// Calls `run` with the folder's model on the device.
void with_model(const std::string& folder, const std::string& device,
                const std::string& cache_dir,
                const std::function<void(Executable&)>& run) {
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
                            std::make_shared<ModelWeights>(weight_recipes(model),
                                                        checkpoint));
  run(*loaded);
}

// The only output, for the stored input_ids.
Tensor result_of(const std::string& folder, const std::string& device,
                 const std::string& cache_dir) {
  Tensor result;
  with_model(folder, device, cache_dir, [&](Executable& model) {
    result = output_of(model, case_tensor(folder, "input_ids"));
  });
  return result;
}

void check_case(const std::string& name, const std::string& output) {
  TempFolder cache;
  const std::string folder = case_folder(name);
  for (const char* device : {"cpu", "reference"}) {
    CAPTURE(device);
    const Tensor found = result_of(folder, device, cache.file("cache"));
    CHECK_LE(measure_difference(found, case_tensor(folder, output)).largest,
             kLogitsError);
  }
}

// Root mean square of the error, in standard deviations of the result.
double relative_error(const Tensor& found, const Tensor& wanted) {
  double error = 0;
  const double count = static_cast<double>(wanted.numel());
  for (int64_t i = 0; i < wanted.numel(); ++i) {
    error += std::pow(found.at(i) - wanted.at(i), 2) / count;
  }
  return std::sqrt(error) / deviation(wanted);
}

// Where activations are rounded to codes, one that falls to the other side
// moves single logits by percents; the whole stays close.
void check_float8_case(const std::string& name) {
  TempFolder cache;
  const std::string folder = case_folder("quant/" + name);
  for (const char* device : {"cpu", "reference"}) {
    CAPTURE(device);
    const Tensor found = result_of(folder, device, cache.file("cache"));
    CHECK_LE(relative_error(found, case_tensor(folder, "logits")), 0.02);
  }
}

// The tokens that the model finds likeliest, one after the other, behind the
// first row of the stored input_ids.
std::vector<int64_t> greedy_tokens(Executable& model, const Tensor& input_ids,
                                   int64_t count) {
  std::vector<int64_t> ids;
  for (int64_t i = 0; i < input_ids.shape()[1]; ++i) {
    ids.push_back(input_ids.int_at(i));
  }
  const size_t given = ids.size();
  for (int64_t step = 0; step < count; ++step) {
    Tensor row(DType::kInt64, {1, static_cast<int64_t>(ids.size())});
    for (size_t i = 0; i < ids.size(); ++i) {
      row.set_int(static_cast<int64_t>(i), ids[i]);
    }
    const Tensor logits = output_of(model, row);
    const float* last = logits.as<float>() + logits.numel() -
                        logits.shape()[2];
    ids.push_back(std::max_element(last, last + logits.shape()[2]) - last);
  }
  return {ids.begin() + static_cast<int64_t>(given), ids.end()};
}

// Where only weights are quantised nothing but the order of sums differs.
void check_weight_only_case(const std::string& name) {
  TempFolder cache;
  const std::string folder = case_folder("quant/" + name);
  const Tensor logits = case_tensor(folder, "logits");
  const Tensor greedy = case_tensor(folder, "greedy");
  const Tensor input_ids = case_tensor(folder, "input_ids");
  for (const char* device : {"cpu", "reference"}) {
    CAPTURE(device);
    with_model(folder, device, cache.file("cache"), [&](Executable& model) {
      const double largest =
          measure_difference(output_of(model, input_ids), logits).largest;
      CHECK_LE(largest, 1e-3 * deviation(logits));
      const auto tokens = greedy_tokens(model, input_ids, greedy.numel());
      for (int64_t i = 0; i < greedy.numel(); ++i) {
        CHECK_EQ(tokens[static_cast<size_t>(i)], greedy.int_at(i));
      }
    });
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

TEST_CASE("hugging face: llama of GPTQ gives its logits and tokens") {
  check_weight_only_case("gptq4");
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
