// GGUF files as targets, from metadata to logits, against what transformers
// computes with the decoded weights (tests/data/gguf/make_models.py).
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "runtime/compare.h"
#include "runtime/engine.h"
#include "runtime/model_target.h"
#include "runtime/model_weights.h"
#include "runtime/safetensors.h"
#include "spec/text.h"
#include "tests/support/compare_tensors.h"
#include "tests/support/error_text.h"
#include "tests/support/load_model.h"
#include "tests/support/paths.h"
#include "tests/support/temp_folder.h"

namespace lathe {
namespace {

// Of the standard deviation of the logits.
constexpr double kGgufError = 1e-3;
// The same of activations in codes, as a root mean square.
constexpr double kCodesError = 0.02;
// Memory of weights, of their bytes in the file once all rows fill panels.
constexpr double kMostMemory = 1.3;
// Rows of a panel on the widest machine.
constexpr int64_t kPanelRows = 64;

std::string data_file(const std::string& name) {
  return (source_dir() / "tests/data/gguf" / name).string();
}

Tensor stored_tensor(const std::string& name, const std::string& tensor) {
  const SafetensorsFile file(data_file(name + ".safetensors"));
  REQUIRE(file.find(tensor) != nullptr);
  return file.read(*file.find(tensor));
}

// A target on a device, ready to run.
class Loaded {
 public:
  Loaded(const std::string& target, const std::string& weights,
         const std::string& device, ParamTexts params = {})
      : opened_(open_model(target, weights, std::move(params))),
        engine_(options_for(device, cache_)),
        loaded_(engine_.load(
            opened_.model.graph,
            std::make_shared<ModelWeights>(weight_recipes(opened_.model),
                                           opened_.checkpoint))) {}

  Tensor logits(const Tensor& ids) {
    return loaded_->run({{"input_ids", ids}}).front().tensor;
  }

  // What is kept in memory for what the file has. Matrices of a tiny model
  // do not fill their panels, so that their rows are rounded up here.
  double memory_of_stored() const {
    double stored = 0;
    for (const Checkpoint::Entry& entry : opened_.checkpoint->entries()) {
      double bytes = static_cast<double>(entry.tensor->bytes);
      if (entry.tensor->shape.size() == 2) {
        const int64_t rows = entry.tensor->shape[0];
        const int64_t panels = (rows + kPanelRows - 1) / kPanelRows;
        bytes *= static_cast<double>(panels * kPanelRows) /
                 static_cast<double>(rows);
      }
      stored += bytes;
    }
    return static_cast<double>(loaded_->load_report().weight_bytes) / stored;
  }

 private:
  static Options options_for(const std::string& device,
                             const TempFolder& cache) {
    Options options = options_from_environment();
    options.device = device;
    options.cache_dir = cache.file("cache");
    return options;
  }

  TempFolder cache_;
  OpenedModel opened_;
  Engine engine_;
  std::unique_ptr<Executable> loaded_;
};

// How many of the stored tokens follow the first row of input_ids when each
// is the likeliest after those before it.
int64_t right_tokens(Loaded& model, const std::string& name) {
  const Tensor ids = stored_tensor(name, "input_ids");
  const Tensor greedy = stored_tensor(name, "greedy");
  std::vector<int64_t> tokens;
  for (int64_t i = 0; i < ids.shape()[1]; ++i) tokens.push_back(ids.int_at(i));
  for (int64_t i = 0; i < greedy.numel(); ++i) {
    Tensor grown(DType::kInt64, {1, static_cast<int64_t>(tokens.size())});
    std::memcpy(grown.mutable_data(), tokens.data(), tokens.size() * 8);
    const Tensor logits = model.logits(grown);
    const int64_t vocabulary = logits.shape().back();
    const int64_t last = logits.numel() - vocabulary;
    int64_t best = 0;
    for (int64_t v = 1; v < vocabulary; ++v) {
      if (logits.at(last + v) > logits.at(last + best)) best = v;
    }
    if (best != greedy.int_at(i)) return i;
    tokens.push_back(best);
  }
  return greedy.numel();
}

void check_model(const std::string& name) {
  const Tensor wanted = stored_tensor(name, "logits");
  const double allowed = kGgufError * deviation(wanted);
  for (const char* device : {"cpu", "reference"}) {
    CAPTURE(device);
    Loaded model(data_file(name + ".gguf"), "", device);
    const Tensor found = model.logits(stored_tensor(name, "input_ids"));
    CHECK_LE(measure_difference(found, wanted).largest, allowed);
    CHECK_LE(model.memory_of_stored(), kMostMemory);
    if (std::string(device) == "cpu") CHECK_EQ(right_tokens(model, name), 16);
  }
}

}  // namespace

TEST_CASE("gguf: llama in plain and 32-value block types, scaled rope") {
  check_model("llama");
}

TEST_CASE("gguf: llama in 256-value block types, tied") {
  check_model("llama_k");
}

TEST_CASE("gguf: qwen3 runs from its file") { check_model("qwen3"); }

TEST_CASE("gguf: qwen2 runs from its file, with biases") {
  check_model("qwen2");
}

TEST_CASE("gguf: gemma2 runs from its file") { check_model("gemma2"); }

// One flipped code moves single logits by percents.
TEST_CASE("gguf: activations rounded to codes by a param of the model") {
  for (const char* name : {"llama", "qwen2", "qwen3", "gemma2"}) {
    CAPTURE(name);
    const Tensor wanted = stored_tensor(name, "logits");
    Loaded model(data_file(cat({name, ".gguf"})), "", "cpu",
                 {{"input_encoding", "Q8_0"}});
    const Tensor found = model.logits(stored_tensor(name, "input_ids"));
    double squares = 0;
    for (int64_t i = 0; i < wanted.numel(); ++i) {
      const double error = found.at(i) - wanted.at(i);
      squares += error * error;
    }
    const double rms = std::sqrt(squares / static_cast<double>(wanted.numel()));
    CHECK_LE(rms, kCodesError * deviation(wanted));
    CHECK_GT(rms, kGgufError * deviation(wanted));
  }
}

TEST_CASE("gguf: weights for a spec of the user's, params from metadata") {
  TempFolder folder;
  folder.write("own.yaml", R"yaml(lathe: 1
model: own
config: config.json
params:
  width: {type: int, from: [llama.embedding_length]}
inputs: {input_ids: "int64[B, T]"}
layers:
  token_embd: {type: Embedding, vocab_size: 320, hidden_dim: width}
  mean: {type: Linear, in_dim: width, out_dim: 320}
body:
  - y = mean(token_embd(input_ids))
checkpoint:
  load: [{rename: output.weight, to: mean.weight}]
  ignore: ["blk.*", output_norm.weight, rope_freqs.weight]
)yaml");
  Loaded model(folder.file("own.yaml"), data_file("llama.gguf"), "cpu");
  const Tensor logits = model.logits(stored_tensor("llama", "input_ids"));
  CHECK_EQ(logits.shape(), std::vector<int64_t>{2, 12, 320});
}

TEST_CASE("gguf: an architecture that no spec is for is an error") {
  TempFolder folder;
  std::string file = read_text_file(data_file("llama.gguf"), 1 << 20);
  file.replace(file.find("llama"), 5, "lloma");
  folder.write("m.gguf", file);
  SpecLibrary library;
  Diagnostics diagnostics;
  const std::string error = error_of(
      [&] { open_target(folder.file("m.gguf"), "", library, diagnostics); });
  CHECK_EQ(error.substr(0, error.find('\n')),
           "error[L0520]: the library has no spec for `lloma`");
}

}  // namespace lathe
