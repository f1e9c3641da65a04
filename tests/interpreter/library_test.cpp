#include "interpreter/library.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "interpreter/spec_library.h"
#include "tests/support/elaborate_text.h"

namespace lathe {

TEST_CASE("library: files come sorted by name") {
  const auto files = library_files();
  CHECK(std::is_sorted(files.begin(), files.end(),
                       [](const LibraryFile& a, const LibraryFile& b) {
                         return a.name < b.name;
                       }));
}

TEST_CASE("library: a type is known by its aliases") {
  const std::vector<std::pair<std::string, std::string>> files = {
      {"a.yaml",
       "lathe: 1\nlayer: A\naliases: [AV1, OldA]\n"
       "inputs: {x: \"any[...]\"}\nbody: [y = x]\n"}};
  SpecLibrary library(files);
  const SpecFile* found = library.find(SpecKind::kLayer, "A");
  REQUIRE(found != nullptr);
  CHECK_EQ(library.find(SpecKind::kLayer, "AV1"), found);
  CHECK_EQ(library.find(SpecKind::kLayer, "OldA"), found);
  CHECK(library.find(SpecKind::kStruct, "OldA") == nullptr);
  CHECK_EQ(library.names(SpecKind::kLayer), std::vector<std::string>{"A"});
  CHECK_EQ(errors_of(R"yaml(
inputs: {x: "float32[B, 8]"}
values:
  f8: {type: QuantConfig, weight_scale: {type: WeightScaleSpec, granularity: channel}, input_scale: {type: InputScaleSpec, granularity: colwise}}
layers: {fc: {type: Linear, out_dim: 8, float8_config: f8}}
)yaml"),
           "");
}

}  // namespace lathe
