// The real NVRTC, where it is installed, compiles every kernel of the examples
// for every architecture without spilling registers in their loops. Needs no
// GPU.
#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <utility>

#include "codegen/compile.h"
#include "runtime/cuda/nvrtc.h"
#include "spec/text.h"
#include "tests/support/elaborate_text.h"
#include "tests/support/paths.h"
#include "tests/support/temp_folder.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTargets[] = {"sm_80",  "sm_86",   "sm_89",
                                    "sm_90a", "sm_100a", "sm_120a"};

// The slow path of a division is a call, around which a register or two may be
// saved.
constexpr int kMostSpilled = 8;

// Of "8 bytes stack frame, 4 bytes spill stores, 4 bytes spill loads"; -1 where
// ptxas does not say.
int bytes_spilled(const std::string& log) {
  const size_t end = log.find(" bytes spill stores");
  const size_t begin = log.rfind(' ', end - 1);
  return end == std::string::npos ? -1 : std::stoi(log.substr(begin));
}

// What is wrong with a kernel: it does not compile, or it spills.
std::string complaint(const cuda::Nvrtc& nvrtc, const Program& program,
                      const Kernel& kernel) {
  std::vector<std::string> flags = cuda::nvrtc_flags(program.target);
  flags.push_back("-Xptxas=-v");
  const cuda::NvrtcResult result =
      nvrtc.compile(program.prelude, kernel.name, kernel.text, flags);
  std::string what;
  if (!result.ok) {
    what = result.log;
  } else if (const int spilled = bytes_spilled(result.log);
             spilled < 0 || spilled > kMostSpilled) {
    what = cat({spilled, " bytes spilled"});
  }
  if (what.empty()) return "";
  return cat({program.target, " ", kernel.name, ": ", what, "\n",
              kernel.text});
}

Graph graph_of_example(const std::string& name) {
  const fs::path file = source_dir() / "examples" / name;
  Diagnostics diagnostics;
  Model model =
      elaborate_file(make_source(file.string(), file_bytes(file)), diagnostics,
                     file.parent_path().string());
  diagnostics.throw_if_errors();
  return std::move(model.graph);
}

}  // namespace

TEST_CASE("nvrtc: kernels of the examples compile without spills") {
  Options options = options_from_environment();
  options.nvrtc_library = "";
  std::string reason;
  const auto nvrtc = cuda::Nvrtc::load(options, reason);
  if (!nvrtc) {
    MESSAGE("skipped: " << reason);
    return;
  }
  for (const std::string name :
       {"quickstart.yaml", "attention.yaml", "decoder_block.yaml",
        "own_layer/model.yaml"}) {
    const Graph graph = graph_of_example(name);
    for (const char* target : kTargets) {
      const Program program = compile(graph, target_preset(target));
      for (const Kernel& kernel : program.kernels) {
        CHECK_EQ(complaint(*nvrtc, program, kernel), "");
      }
    }
  }
}

}  // namespace lathe
