// What becomes of a model, stage by stage: tests/golden/<model> holds the
// model and the text of every stage, to be read and to show what a change
// changes. LATHE_ACCEPT=1 rewrites them.

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>

#include "codegen/compile.h"
#include "codegen/passes.h"
#include "codegen/strategy.h"
#include "interpreter/elaborate.h"
#include "spec/diagnostic.h"
#include "tests/support/elaborate_text.h"
#include "tests/support/error_cases.h"
#include "tests/support/paths.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

// The loops of every kernel, before they are spelled in C++.
std::string loops_of(const Schedule& schedule, const Target& target) {
  const std::vector<bool> stored = stored_arrays(schedule);
  std::string text;
  for (size_t c = 0; c < schedule.clusters.size(); ++c) {
    const Group group =
        make_group(schedule.graph, schedule.clusters[c], stored).group;
    const Strategy* strategy = find_strategy(group, target, false);
    REQUIRE(strategy != nullptr);
    text += cat({c == 0 ? "" : "\n", "kernel ", c, ": ", strategy->name, "\n",
                 to_string(strategy->lower(group, target).kernel)});
  }
  return text;
}

std::string kernel_texts(const Program& program) {
  std::string text;
  for (const Kernel& kernel : program.kernels) {
    text += (text.empty() ? "" : "\n") + kernel.commented;
  }
  return text;
}

std::string compare_stages(const fs::path& folder) {
  Diagnostics diagnostics;
  const Model model = elaborate_file(
      make_source("model.yaml", read_test_file(folder / "model.yaml")),
      diagnostics);
  diagnostics.throw_if_errors();
  const Target target = target_preset("avx2");
  const Schedule fused = schedule(model.graph, target, {});
  const Program program = compile(model.graph, target);
  return compare_with_file(to_string(model.graph), folder / "graph.txt") +
         compare_with_file(to_string(fused) + "\n" + to_string(fused.graph),
                           folder / "fused.txt") +
         compare_with_file(loops_of(fused, target), folder / "loops.txt") +
         compare_with_file(to_string(program), folder / "program.txt") +
         compare_with_file(kernel_texts(program), folder / "kernels.cpp.txt");
}

}  // namespace

TEST_CASE("golden: every stage of the small models") {
  std::vector<fs::path> folders;
  for (const auto& entry :
       fs::directory_iterator(source_dir() / "tests/golden")) {
    if (entry.is_directory()) folders.push_back(entry.path());
  }
  std::sort(folders.begin(), folders.end());
  CHECK_GE(folders.size(), 6);
  for (const fs::path& folder : folders) {
    CAPTURE(folder.filename());
    CHECK_EQ(compare_stages(folder), "");
  }
}

}  // namespace lathe
