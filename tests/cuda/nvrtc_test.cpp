// The real NVRTC, where it is installed, compiles the kernels of the examples,
// checkpoints and golden models for every architecture, and those of all
// samples of ops for two. What ptxas says of registers, shared memory and
// spills must stay within bounds. Needs no GPU. What takes minutes waits for
// --no-skip, with which .ci/run asks for it.
#include "runtime/cuda/nvrtc.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <utility>

#include "codegen/compile.h"
#include "codegen/row_pieces.h"
#include "interpreter/op.h"
#include "spec/text.h"
#include "tests/codegen/row_piece_cases.h"
#include "tests/cuda/matmul_cases.h"
#include "tests/cuda/model_cases.h"
#include "tests/cuda/quantized_layers.h"
#include "tests/cuda/wgmma_cases.h"
#include "tests/support/codegen_text.h"
#include "tests/support/load_model.h"
#include "tests/support/op_samples.h"
#include "tests/support/paths.h"
#include "tests/support/temp_folder.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> kAllTargets = {"sm_80",  "sm_86",   "sm_89",
                                              "sm_90a", "sm_100a", "sm_120a"};
const std::vector<std::string> kTwoTargets = {"sm_80", "sm_90a"};

// A block must find its registers on a multiprocessor.
constexpr int kRegisters = 65536;
// Divisions of 64-bit integers and float64, and roots of float64, are calls,
// around which some registers may be saved; and attention of 64 queries has 28
// bytes too much on sm_90a.
constexpr int kMostSpilled = 28;
// Kernels compiled at once: ptxas then names each in its log.
constexpr size_t kBatch = 12;

// What ptxas says of one kernel.
struct Usage {
  int registers = 0;
  int shared = 0;
  int spilled = 0;
};

// The number before `what` in `line`, or 0.
int number_before(const std::string& line, const std::string& what) {
  const size_t end = line.find(what);
  if (end == std::string::npos || end == 0) return 0;
  const size_t begin = line.rfind(' ', end - 1);
  return std::atoi(line.c_str() + (begin == std::string::npos ? 0 : begin));
}

// From the log of -Xptxas=-v, by kernel.
std::map<std::string, Usage> usage_in(const std::string& log) {
  std::map<std::string, Usage> found;
  std::istringstream lines(log);
  std::string kernel;
  for (std::string line; std::getline(lines, line);) {
    const size_t entry = line.find("Compiling entry function '");
    if (entry != std::string::npos) {
      const size_t begin = line.find('\'') + 1;
      kernel = line.substr(begin, line.find('\'', begin) - begin);
    } else if (line.find("spill stores") != std::string::npos) {
      found[kernel].spilled = number_before(line, " bytes spill stores");
    } else if (line.find("Used ") != std::string::npos) {
      found[kernel].registers = number_before(line, " registers");
      found[kernel].shared = number_before(line, " bytes smem");
    }
  }
  return found;
}

std::string complaint(const Kernel& kernel, const Usage& usage,
                      const Target& target) {
  std::string what;
  if (usage.registers == 0) what = "ptxas says nothing of it";
  const size_t views = kernel.launch.views.size();
  const int most = views == 0 ? kMostSpilled : 0;
  if (usage.spilled > most) {
    what = cat({usage.spilled, " bytes spilled"});
  }
  // Registers are given to warps by eights.
  const int rounded = (usage.registers + 7) / 8 * 8;
  if (rounded * kernel.launch.threads > kRegisters) {
    what = cat({usage.registers, " registers for each of ",
                kernel.launch.threads, " threads"});
  }
  if (usage.shared + kernel.launch.shared_bytes > target.gpu->shared_bytes) {
    what = cat(
        {usage.shared + kernel.launch.shared_bytes, " bytes of shared memory"});
  }
  return what.empty() ? "" : cat({kernel.name, ": ", what, "\n", kernel.text});
}

// The distinct kernels that models need of a target.
class Kernels {
 public:
  explicit Kernels(const std::string& target)
      : target_(target_preset(target)) {}

  void add(const Graph& graph) {
    const Program program = lathe::compile(graph, target_);
    prelude_ = program.prelude;
    for (const Kernel& kernel : program.kernels) {
      kernels_.emplace(kernel.name, kernel);
    }
  }

  // Compiles them on all cores; what is wrong, as text.
  std::string compile(const cuda::Nvrtc& nvrtc) const {
    std::vector<const Kernel*> all;
    for (const auto& entry : kernels_) all.push_back(&entry.second);
    const size_t threads = std::max(1U, std::thread::hardware_concurrency());
    std::vector<std::string> reports(threads);
    std::vector<std::thread> running;
    for (size_t t = 0; t < threads; ++t) {
      running.emplace_back([&, t] {
        for (size_t i = t * kBatch; i < all.size(); i += threads * kBatch) {
          const size_t end = std::min(all.size(), i + kBatch);
          reports[t] += compile_batch(nvrtc, &all[i], end - i);
        }
      });
    }
    for (std::thread& thread : running) thread.join();
    return join(reports, "");
  }

 private:
  std::string compile_batch(const cuda::Nvrtc& nvrtc,
                            const Kernel* const* kernels, size_t count) const {
    std::vector<std::string> flags = nvrtc.flags(target_.name);
    flags.push_back("-Xptxas=-v");
    std::string text;
    for (size_t i = 0; i < count; ++i) text += kernels[i]->text;
    const cuda::NvrtcResult result =
        nvrtc.compile(prelude_, kernels[0]->name, text, flags);
    if (!result.ok) return cat({target_.name, ": ", result.log, "\n", text});
    if (result.log.find("serialized") != std::string::npos) {
      return cat({"products wait for each other: ", result.log, "\n", text});
    }
    auto usage = usage_in(result.log);
    std::string report;
    for (size_t i = 0; i < count; ++i) {
      const std::string what =
          complaint(*kernels[i], usage[kernels[i]->name], target_);
      if (!what.empty()) report += cat({target_.name, " ", what});
    }
    return report;
  }

  Target target_;
  std::string prelude_;
  std::map<std::string, Kernel> kernels_;
};

// Null, and a message, where there is none.
std::shared_ptr<const cuda::Nvrtc> real_nvrtc() {
  Options options = options_from_environment();
  options.nvrtc_library = "";
  std::string reason;
  auto nvrtc = cuda::Nvrtc::load(options, reason);
  if (!nvrtc) MESSAGE("skipped: " << reason);
  return nvrtc;
}

void check_graphs(const std::vector<Graph>& graphs,
                  const std::vector<std::string>& targets) {
  const auto nvrtc = real_nvrtc();
  if (!nvrtc) return;
  for (const std::string& target : targets) {
    Kernels kernels(target);
    for (const Graph& graph : graphs) kernels.add(graph);
    CHECK_EQ(kernels.compile(*nvrtc), "");
  }
}

// The models below a folder of the source tree: specs, or Hugging Face
// folders, for which `file` is config.json.
std::vector<Graph> graphs_below(const std::string& folder,
                                const std::string& file) {
  std::vector<Graph> graphs;
  for (const fs::directory_entry& entry :
       fs::recursive_directory_iterator(source_dir() / folder)) {
    const fs::path& path = entry.path();
    const bool is_folder = file == "config.json";
    if (is_folder ? path.filename() != file : path.extension() != file) {
      continue;
    }
    const std::string text = file_bytes(path.string());
    const bool is_model =
        is_folder || text.find("\nmodel:") != std::string::npos;
    // Its weights are a download.
    if (!is_model || path.filename() == "minilm.yaml") continue;
    const fs::path target = is_folder ? path.parent_path() : path;
    graphs.push_back(open_model(target.string(), "").model.graph);
  }
  return graphs;
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

// Products that make their rows themselves where these are few.
constexpr const char* kNormed = R"(
inputs: {x: "bfloat16[B, 1024]", h: "float32[B, 512]"}
weights: {n: "bfloat16[1024]", w: "bfloat16[512, 1024]", u: "bfloat16[512, 1024]",
          e: "float8_e4m3fn[96, 1024]", m: "float32[512]", f: "float32[64, 512]"}
values:
  f8: {type: Float8Config, weight_scale: {granularity: rowwise}, input_scale: {granularity: token}}
layers:
  norm: {type: LayerNorm, dims: 1024}
  fc: {type: Linear, in_dim: 1024, out_dim: 96, float8_config: f8}
body:
  - a = rms_norm(x, n)
  - y = silu(a @ transpose(w)) * (a @ transpose(u))
  - z = fc(norm(x))
  - t = rms_norm(h, m) @ transpose(f)
outputs: {y: y, z: z, t: t}
)";

// Scans, sorts and updates of rows of any length.
constexpr const char* kOrdered[] = {R"(
inputs: {x: "float32[B, T]", u: "float32[N, 64]", i: "int64[N, 1]", t: "float32[B, 64]"}
body:
  - a = cumsum(x)
  - b = argsort(x)
  - v, w = top_k(x, 40)
  - s = scatter_nd(t, u, i, mode='add')
outputs: {a: a, b: b, v: v, w: w, s: s}
)",
                                    R"(
inputs: {x: "float64[9, 5000]", l: "int64[3, 60]"}
body:
  - a = cumsum(x, reverse=true)
  - b = argsort(x, descending=true)
  - v, w = top_k(l, 8)
outputs: {a: a, b: b, v: v, w: w}
)"};

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

std::vector<Graph> examples() {
  std::vector<Graph> graphs = graphs_below("examples", ".yaml");
  CHECK_GT(graphs.size(), 5);
  for (Graph& graph : graphs_below("tests/golden", ".yaml")) {
    graphs.push_back(std::move(graph));
  }
  graphs.push_back(graph_from(kNarrow));
  return graphs;
}

}  // namespace

TEST_CASE("nvrtc: kernels of examples and golden models fit") {
  check_graphs(examples(), kTwoTargets);
}

TEST_CASE("nvrtc: kernels of examples and golden models fit everywhere" *
          doctest::skip()) {
  check_graphs(examples(), kAllTargets);
}

TEST_CASE("nvrtc: products of stored weights, and attention, fit") {
  std::vector<Graph> graphs;
  graphs.push_back(graph_from(kStored));
  graphs.push_back(graph_from(kNormed));
  for (const char* text : kAttention) graphs.push_back(graph_from(text));
  for (const char* rows : {"5", "70"}) {
    for (const ModelCase& model : stored_weight_cases("bfloat16", rows)) {
      graphs.push_back(graph_from(model.yaml));
    }
  }
  check_graphs(graphs, kTwoTargets);
}

TEST_CASE("nvrtc: pieces of long rows fit") {
  std::vector<Graph> graphs;
  for (const ModelCase& model : row_piece_cases(4 * kGpuPiece, kGpuPiece)) {
    graphs.push_back(graph_from(model.yaml));
  }
  check_graphs(graphs, kTwoTargets);
}

TEST_CASE("nvrtc: scans, sorts and updates fit") {
  std::vector<Graph> graphs;
  for (const char* text : kOrdered) graphs.push_back(graph_from(text));
  check_graphs(graphs, kTwoTargets);
}

TEST_CASE("nvrtc: products of fetched tiles, and of float8, fit") {
  std::vector<Graph> graphs;
  for (const ModelCase& model : wgmma_cases()) {
    graphs.push_back(graph_from(model.yaml));
  }
  for (const ModelCase& model : stored_weight_cases("float8_e4m3fn", "70")) {
    if (model.name.find(" float8") == std::string::npos) continue;
    graphs.push_back(graph_from(model.yaml));
  }
  check_graphs(graphs, {"sm_89", "sm_90a"});
}

TEST_CASE("nvrtc: kernels of checkpoints fit everywhere" * doctest::skip()) {
  const std::vector<Graph> graphs =
      graphs_below("tests/data/cases", "config.json");
  CHECK_GT(graphs.size(), 5);
  check_graphs(graphs, kAllTargets);
}

TEST_CASE("nvrtc: the models that the emulator runs fit everywhere" *
          doctest::skip()) {
  std::vector<Graph> graphs;
  for (const ModelCase& model : gpu_model_cases()) {
    graphs.push_back(graph_from(model.yaml));
  }
  check_graphs(graphs, kAllTargets);
  std::vector<Graph> layers;
  for (const Quantization& of : quantizations()) {
    layers.push_back(graph_from(layer_of(of, "bfloat16", "h")));
  }
  check_graphs(layers, kTwoTargets);
}

TEST_CASE("nvrtc: kernels of all samples of ops fit" * doctest::skip()) {
  std::vector<Graph> graphs;
  for (const auto& [name, op] : OpRegistry::instance().all()) {
    for (const std::string& text : op.samples) {
      for (DType dtype : sample_dtypes(op, text)) {
        graphs.push_back(make_sample(op, text, dtype).graph);
      }
    }
  }
  check_graphs(graphs, kTwoTargets);
}

}  // namespace lathe
