// The real NVRTC, where it is installed, compiles every kernel of the examples
// for every architecture without spilling registers in their loops. Needs no
// GPU.
#include <doctest/doctest.h>

#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <utility>

#include "codegen/compile.h"
#include "runtime/cuda/nvrtc.h"
#include "spec/text.h"
#include "tests/support/codegen_text.h"
#include "tests/support/elaborate_text.h"
#include "tests/support/paths.h"
#include "tests/support/temp_folder.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTargets[] = {"sm_80",  "sm_86",   "sm_89",
                                    "sm_90a", "sm_100a", "sm_120a"};

// Divisions of 64-bit integers and the slow path of those of floats are calls,
// around which some registers may be saved.
constexpr int kMostSpilled = 32;

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

// Compiles all kernels of a graph's runs for the targets.
void check_graph(const cuda::Nvrtc& nvrtc, const Graph& graph,
                 std::span<const char* const> targets = kTargets) {
  for (const char* target : targets) {
    const Program program = compile(graph, target_preset(target));
    std::set<int> kernels;
    for (const Step& step : program.steps) kernels.insert(step.kernel);
    for (const int kernel : kernels) {
      CHECK_EQ(complaint(nvrtc, program, program.kernels[size_t(kernel)]), "");
    }
  }
}

// What the examples, all in float32, do not have.
constexpr const char* kNarrow = R"(
inputs: {x: "bfloat16[B, 256]", h: "float16[B, 64]", i: "int64[B]"}
weights: {w: "bfloat16[512, 256]", u: "bfloat16[512, 256]",
          e: "float8_e4m3fn[96, 256]", v: "float16[64, 64]"}
body:
  - y = silu(x @ transpose(w)) * (x @ transpose(u))
  - z = cast(x, float32) @ transpose(cast(e, float32))
  - q = cast(gelu(y), float8_e4m3fn)
  - t = softmax(h @ v)
  - g = gather(w, i, axis=0)
  - a = argmax(x)
outputs: {y: y, z: z, q: q, t: t, g: g, a: a}
)";

// Products of weights as they are stored, with few rows and many.
constexpr const char* kStored = R"(
inputs: {x: "bfloat16[B, 512]", h: "float32[B, 512]", l: "bfloat16[B, 1024]"}
weights: {v: "bfloat16[64, 1024]", w: "uint8[64, 288]", c: "int32[64, 96]", z: "int32[4, 12]", s: "float16[4, 96]",
          e: "float8_e4m3fn[96, 512]", d: "float32[6, 4]"}
body:
  - f = cast(x, float32)
  - y = f @ transpose(decode_q4_k(w))
  - shifts = range(0, 8) * 4
  - c = flatten((c[:, None, :] >> shifts[:, None]) & 15, 0, 1)
  - z = flatten((z[:, :, None] >> shifts) & 15, 1, 2)
  - c = c - repeat_interleave(z, 128, axis=0)
  - g = h @ (cast(c, float32) * cast(repeat_interleave(s, 128, axis=0), float32))
  - d = repeat_interleave(repeat_interleave(d, 16, axis=0), 128, axis=1)
  - t = f @ transpose(cast(e, float32) * d)
  - u = l @ transpose(v)
outputs: {y: y, g: g, t: t, u: u}
)";

// Heads of 128 in bfloat16, and in float32, which has no tensor cores.
constexpr const char* kAttention[] = {R"(
inputs:
  q: "bfloat16[B, T, 8, 128]"
  k: "bfloat16[B, S, 2, 128]"
  v: "bfloat16[B, S, 2, 128]"
layers: {attend: {type: ScaledDotProductAttention, causal: true, sliding_window: 500}}
body:
  - y = attend(q, k, v)
outputs: {y: y}
)",
                                      R"(
inputs: {q: "float32[T, 128]", k: "float32[S, 128]", v: "float32[S, 128]"}
body:
  - y = softmax(q @ transpose(k)) @ v
outputs: {y: y}
)"};

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
    check_graph(*nvrtc, graph_of_example(name));
  }
  check_graph(*nvrtc, graph_from(kNarrow));
  const char* const two[] = {"sm_80", "sm_90a"};
  check_graph(*nvrtc, graph_from(kStored), two);
  // The least and the most shared memory.
  constexpr const char* kTwo[] = {"sm_86", "sm_90a"};
  for (const char* model : kAttention) {
    check_graph(*nvrtc, graph_from(model), kTwo);
  }
}

}  // namespace lathe
